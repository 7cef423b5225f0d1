/**
 * Work that the coordinator hands out, as visible states: `RunStage`, `RunTree` above 40 subtasks, `Publish`. Each takes the answer's `tasks`,
 * invokes a function for each of them, and goes back to the coordinator, which looks at what stands in the store; what the functions answer is
 * dropped.
 *
 * An item that fails for good fails the Map, and the others are left alone: what they still write is an attempt's (E2), or a publication that is
 * there already (E5). The coordinator is told, and plans again.
 */
import { invocation, type InvokedFunction } from './invocations.ts';
import type { MapState, PassState } from './states-language.ts';

/** What a Map takes at a time; more than that would wait for each other inside Step Functions. */
export const MAP_CONCURRENCY = 40;

export interface Workers {
  readonly subtask: InvokedFunction;
  readonly dispatcher: InvokedFunction;
  readonly publisher: InvokedFunction;
}

export interface MapPaths {
  /** The list. */
  readonly tasks: string;
  /** Where `{ kind, error }` goes. */
  readonly done: string;
  readonly next: string;
}

export function mapStates(
  { subtask, dispatcher, publisher }: Workers,
  paths: MapPaths,
): Readonly<Record<string, MapState | PassState>> {
  return {
    RunStage: map('A stage of an epoch: a subtask each', 'stage', { RunSubtask: subtask }, 'StageFailed', paths),
    RunTree: map(
      'A wide stage: each dispatcher invokes its subtasks',
      'stage',
      { Dispatch: dispatcher },
      'StageFailed',
      paths,
    ),
    StageFailed: failed('stage', paths),
    Publish: map('A committed epoch: its sink slots', 'publish', { PublishSlots: publisher }, 'PublishFailed', paths),
    PublishFailed: failed('publish', paths),
  };
}

function map(
  Comment: string,
  kind: 'stage' | 'publish',
  worker: Readonly<Record<string, InvokedFunction>>,
  onError: string,
  { tasks, done, next }: MapPaths,
): MapState {
  const [[name, of]] = Object.entries(worker) as [[string, InvokedFunction]];
  return {
    Type: 'Map',
    Comment,
    ItemsPath: tasks,
    ItemSelector: {
      'execution.$': '$$.Execution.Id',
      'input.$': '$.input',
      'task.$': '$$.Map.Item.Value',
    },
    ItemProcessor: {
      ProcessorConfig: { Mode: 'INLINE' },
      StartAt: name,
      States: {
        [name]: { ...invocation(of, { 'Payload.$': '$' }, 'brief'), ResultSelector: {}, ResultPath: '$', End: true },
      },
    },
    MaxConcurrency: MAP_CONCURRENCY,
    ResultSelector: { kind, error: null },
    ResultPath: done,
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: onError }],
    Next: next,
  };
}

const failed = (kind: 'stage' | 'publish', { done, next }: MapPaths): PassState => ({
  Type: 'Pass',
  Parameters: { kind, 'error.$': '$.error' },
  ResultPath: done,
  Next: next,
});
