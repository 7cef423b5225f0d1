/**
 * The state machine that keeps a job running: invokes the coordinator, does what its answer says, and begins anew before its history is full.
 *
 * | answer                        | standard                       | express                |
 * |-------------------------------|--------------------------------|------------------------|
 * | continue                      | the next round, after the wait that it asks for         ||
 * | idle                          | waits until the job wants to wake, next round | ends: the next tick starts another |
 * | busy: another execution has it| waits; ends after `BUSY_ROUNDS` in a row | ends         |
 * | finished, stopped, cancelled  | succeeds                       | succeeds               |
 * | failed                        | fails with the error's code    | the same               |
 *
 * An execution's input is what the coordinator takes: `{ settings?, settingsObject?, limits? }` (engine/aws/host/coordinator-event.ts).
 * Executions may be doubled and may die anywhere: the job's head says where it is, the machine knows nothing that matters.
 */
import type { ChoiceRule, Definition, Retrier, State, Template } from './states-language.ts';

export type MachineKind = 'STANDARD' | 'EXPRESS';

export interface CoordinatorMachine {
  readonly kind: MachineKind;
  /** Name or ARN of the coordinator's function, or a placeholder for it. */
  readonly coordinator: string;
  /** Of the function. */
  readonly timeoutSeconds: number;
  /** Default: `STANDARD_ROUNDS`, `EXPRESS_ROUNDS`. */
  readonly rounds?: number;
}

/** A standard execution has at most 25,000 events; a round has 13, and 3 more for each retry. */
export const STANDARD_ROUNDS = 1_000;
/** An express execution takes at most 5 minutes, its last round and retries included. */
export const EXPRESS_ROUNDS = 4;
export const EXPRESS_INVOCATION_MS = 50_000;
/** A minute each: longer than any invocation, so whoever holds the job then is alive. */
export const BUSY_ROUNDS = 20;
/** Beyond the function's own time-out. */
const ANSWER_SECONDS = 30;

const CALM = { BackoffRate: 2, JitterStrategy: 'FULL' } as const;

/** Error names are Lambda's; `Millrace.Retryable` is thrown by the coordinator (coordinator-host.ts). */
export const RETRIES: readonly Retrier[] = [
  // Nothing ran: concurrency is used up, which may last.
  {
    ErrorEquals: ['Lambda.TooManyRequestsException'],
    IntervalSeconds: 1,
    MaxAttempts: 40,
    MaxDelaySeconds: 30,
    ...CALM,
  },
  // Lambda failed; the invocation may have run, and may run still. The lease keeps it apart from the next one.
  {
    ErrorEquals: [
      'Lambda.ServiceException',
      'Lambda.AWSLambdaException',
      'Lambda.SdkClientException',
      'Lambda.ClientExecutionTimeoutException',
      'Lambda.Unknown',
    ],
    IntervalSeconds: 2,
    MaxAttempts: 20,
    MaxDelaySeconds: 60,
    ...CALM,
  },
  // The process died or took too long, memory included. The plan is run again; a few times in a row are a defect.
  {
    ErrorEquals: ['Sandbox.Timedout', 'Runtime.ExitError', 'Runtime.Unknown', 'States.Timeout'],
    IntervalSeconds: 1,
    MaxAttempts: 8,
    MaxDelaySeconds: 30,
    ...CALM,
  },
  // A table, a bucket, a source or a target was away when the job was opened.
  { ErrorEquals: ['Millrace.Retryable'], IntervalSeconds: 2, MaxAttempts: 20, MaxDelaySeconds: 60, ...CALM },
];

/** An earlier attempt at starting the next execution has done so. */
const STARTED = 'StepFunctions.ExecutionAlreadyExistsException';

const ANSWER = '$.last.answer';
/** What every state hands on. */
const KEPT: Template = { 'input.$': '$.input', 'chain.$': '$.chain' };
const LAST: Template = { 'last.$': '$.last' };
const FRESH: Template = { rounds: 0, busy: 0, last: { answer: { rowLimit: null } } };

export function coordinatorMachine(machine: CoordinatorMachine): Definition {
  const standard = machine.kind === 'STANDARD';
  const rounds = machine.rounds ?? (standard ? STANDARD_ROUNDS : EXPRESS_ROUNDS);
  return {
    Comment: `Runs a Millrace job (${machine.kind.toLowerCase()})`,
    StartAt: 'Begin',
    States: {
      Begin: {
        Type: 'Choice',
        Choices: [{ Variable: '$.chain', IsPresent: true, Next: 'Continued' }],
        Default: 'First',
      },
      First: {
        Type: 'Pass',
        Parameters: {
          'input.$': '$$.Execution.Input',
          chain: { 'name.$': '$$.Execution.Name', number: 0 },
          ...FRESH,
        },
        Next: 'Run',
      },
      Continued: { Type: 'Pass', Parameters: { ...KEPT, ...FRESH }, Next: 'Run' },
      Run: run(machine),
      Decide: decide(standard),
      Sleep: { Type: 'Wait', SecondsPath: `${ANSWER}.waitSeconds`, Next: 'Count' },
      Count: {
        Type: 'Pass',
        Parameters: { ...KEPT, ...LAST, 'rounds.$': 'States.MathAdd($.rounds, 1)', busy: 0 },
        Next: 'Again',
      },
      Again: {
        Type: 'Choice',
        Choices: [
          {
            Variable: '$.rounds',
            NumericGreaterThanEquals: rounds,
            Next: standard ? 'Renew' : 'Over',
          },
        ],
        Default: 'Run',
      },
      ...(standard ? { ...busyStates(), ...renewal() } : { Over: { Type: 'Succeed', OutputPath: '$' } }),
      Ended: { Type: 'Succeed', OutputPath: ANSWER },
      Failed: { Type: 'Fail', ErrorPath: `${ANSWER}.error.code`, CausePath: `${ANSWER}.error.message` },
      Broken: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
    },
  };
}

function run({ kind, coordinator, timeoutSeconds }: CoordinatorMachine): State {
  return {
    Type: 'Task',
    Comment: 'Epochs, one after the other, until the function has to answer',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: {
      FunctionName: coordinator,
      Payload: {
        'execution.$': '$$.Execution.Id',
        'input.$': '$.input',
        'rowLimit.$': `${ANSWER}.rowLimit`,
        ...(kind === 'EXPRESS' ? { maxMs: EXPRESS_INVOCATION_MS } : {}),
      },
    },
    ResultSelector: { 'answer.$': '$.Payload' },
    ResultPath: '$.last',
    TimeoutSeconds: timeoutSeconds + ANSWER_SECONDS,
    Retry: RETRIES,
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Broken' }],
    Next: 'Decide',
  };
}

function decide(standard: boolean): State {
  const on = (status: string, Next: string): ChoiceRule => ({
    Variable: `${ANSWER}.status`,
    StringEquals: status,
    Next,
  });
  return {
    Type: 'Choice',
    Choices: [
      on('continue', 'Sleep'),
      on('idle', standard ? 'Sleep' : 'Ended'),
      on('busy', standard ? 'CountBusy' : 'Ended'),
      on('finished', 'Ended'),
      on('stopped', 'Ended'),
      on('cancelled', 'Ended'),
    ],
    Default: 'Failed',
  };
}

function busyStates(): Record<string, State> {
  return {
    CountBusy: {
      Type: 'Pass',
      Parameters: { ...KEPT, ...LAST, 'rounds.$': '$.rounds', 'busy.$': 'States.MathAdd($.busy, 1)' },
      Next: 'StillBusy',
    },
    StillBusy: {
      Type: 'Choice',
      Choices: [{ Variable: '$.busy', NumericGreaterThanEquals: BUSY_ROUNDS, Next: 'Ended' }],
      Default: 'SleepBusy',
    },
    SleepBusy: { Type: 'Wait', SecondsPath: `${ANSWER}.waitSeconds`, Next: 'CountRound' },
    CountRound: {
      Type: 'Pass',
      Parameters: { ...KEPT, ...LAST, 'rounds.$': 'States.MathAdd($.rounds, 1)', 'busy.$': '$.busy' },
      Next: 'Again',
    },
  };
}

/** Executions of one chain have names of their own: a repeated start finds the execution that the first one began. */
function renewal(): Record<string, State> {
  const name = "States.Format('{}-{}', $.chain.name, $.next)";
  return {
    Renew: {
      Type: 'Pass',
      Parameters: { ...KEPT, 'next.$': 'States.MathAdd($.chain.number, 1)' },
      Next: 'StartNext',
    },
    StartNext: {
      Type: 'Task',
      Comment: 'Before the history is full',
      Resource: 'arn:aws:states:::states:startExecution',
      Parameters: {
        'StateMachineArn.$': '$$.StateMachine.Id',
        'Name.$': name,
        Input: {
          'input.$': '$.input',
          chain: { 'name.$': '$.chain.name', 'number.$': '$.next' },
          'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$': '$$.Execution.Id',
        },
      },
      ResultPath: '$.started',
      TimeoutSeconds: 60,
      Retry: [
        { ErrorEquals: [STARTED], IntervalSeconds: 1, MaxAttempts: 0, MaxDelaySeconds: 1, ...CALM },
        { ErrorEquals: ['States.ALL'], IntervalSeconds: 2, MaxAttempts: 30, MaxDelaySeconds: 60, ...CALM },
      ],
      Catch: [
        { ErrorEquals: [STARTED], ResultPath: '$.error', Next: 'Renewed' },
        { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Broken' },
      ],
      Next: 'Renewed',
    },
    Renewed: { Type: 'Succeed', OutputPath: '$' },
  };
}
