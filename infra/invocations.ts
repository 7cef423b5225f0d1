/**
 * How a machine invokes a function, and what it does when that fails. Error names are Lambda's; `Millrace.Retryable` is what our functions throw
 * for what another attempt may mend.
 *
 * | error                                    | what happened                                  | a standard execution | an express one, a Map's item |
 * |------------------------------------------|------------------------------------------------|----------------------|------------------------------|
 * | Lambda.TooManyRequestsException          | nothing ran: concurrency is used up            | waits for minutes    | tries for half a minute      |
 * | Lambda.ServiceException and its kin      | it may have run, and may run still             | the same             | the same                     |
 * | Sandbox.Timedout, Runtime.ExitError, …   | the process died: memory, time, a crash        | a few times          | twice                        |
 * | Millrace.Retryable                       | a table, a bucket, a source, a target was away | waits for minutes    | a few times                  |
 * | anything else                            | a defect                                       | never                | never                        |
 *
 * An express execution has five minutes, and the next tick starts another; a Map's item has the coordinator, which plans it again.
 */
import type { Retrier, TaskState, Template } from './states-language.ts';

export interface InvokedFunction {
  /** Name or ARN, or a placeholder for it. */
  readonly name: string;
  readonly timeoutSeconds: number;
}

export type Patience = 'patient' | 'brief';

const CALM = { BackoffRate: 2, JitterStrategy: 'FULL' } as const;

const CLASSES: readonly {
  readonly names: readonly string[];
  readonly firstSeconds: number;
  readonly patient: readonly [attempts: number, mostSeconds: number];
  readonly brief: readonly [attempts: number, mostSeconds: number];
}[] = [
  { names: ['Lambda.TooManyRequestsException'], firstSeconds: 1, patient: [40, 30], brief: [8, 8] },
  {
    names: [
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.Unknown',
    ],
    firstSeconds: 2,
    patient: [20, 60],
    brief: [4, 8],
  },
  {
    names: ['Sandbox.Timedout', 'Runtime.ExitError', 'Runtime.Unknown', 'States.Timeout'],
    firstSeconds: 1,
    patient: [8, 30],
    brief: [2, 4],
  },
  { names: ['Millrace.Retryable'], firstSeconds: 2, patient: [20, 60], brief: [4, 8] },
];

export const RETRIES: Readonly<Record<Patience, readonly Retrier[]>> = {
  patient: CLASSES.map(({ names, firstSeconds, patient }) => retrier(names, firstSeconds, patient)),
  brief: CLASSES.map(({ names, firstSeconds, brief }) => retrier(names, firstSeconds, brief)),
};

/** Errors that are worth another execution. */
export const TRANSIENT: readonly string[] = CLASSES.flatMap(({ names }) => names);

/** Beyond the function's own time-out. */
const ANSWER_SECONDS = 30;

/** The part of a task that invokes `of` with this event. */
export function invocation(
  of: InvokedFunction,
  payload: { readonly Payload: Template } | { readonly 'Payload.$': string },
  patience: Patience,
): Pick<TaskState, 'Type' | 'Resource' | 'Parameters' | 'TimeoutSeconds' | 'Retry'> {
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: { FunctionName: of.name, ...payload },
    TimeoutSeconds: of.timeoutSeconds + ANSWER_SECONDS,
    Retry: RETRIES[patience],
  };
}

function retrier(
  ErrorEquals: readonly string[],
  IntervalSeconds: number,
  [MaxAttempts, MaxDelaySeconds]: readonly [number, number],
): Retrier {
  return { ErrorEquals, IntervalSeconds, MaxAttempts, MaxDelaySeconds, ...CALM };
}
