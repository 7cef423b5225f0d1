/** What an answer hands out: the payloads of a Map's items, `{ execution, input, task }` each, and how many of them a Map takes. */
import { ConfigError } from '../../model/errors.ts';
import type { StageTask } from '../../runtime/fan-out/staged/stage-records.ts';
import { numberOf, objectOf, parseJobInput, textOf, type JobInput } from './job-input.ts';

/** For the function `subtask`. */
export interface SubtaskTask extends StageTask {
  /** Null: as many as its time allows. */
  readonly maxRows: number | null;
  /** Milliseconds within which it is to answer, so that the execution is there to hear it; null: its function's time. */
  readonly maxMs: number | null;
}

/** For the function `publisher`. */
export interface PublishTask {
  /** The one that the head is committed at. */
  readonly manifest: string;
  readonly sink: string;
  readonly slot: number;
}

/** A Map runs so many at a time, and a history has room for so many. */
export const MAP_ITEMS = 40;

export interface MapItems {
  readonly tasks: readonly unknown[];
  /** They are groups, `{ tasks }`, for the function `dispatcher`. */
  readonly tree: boolean;
}

export function mapItems(tasks: readonly unknown[]): MapItems {
  if (tasks.length <= MAP_ITEMS) return { tasks, tree: false };
  const groups = Array.from({ length: MAP_ITEMS }, (_, i) => ({
    tasks: tasks.filter((_task, at) => at % MAP_ITEMS === i),
  }));
  return { tasks: groups, tree: true };
}

export interface TaskEvent<T> extends JobInput {
  readonly execution: string | null;
  readonly task: T;
}

export function parseSubtaskEvent(value: unknown): TaskEvent<SubtaskTask> {
  return parseTaskEvent(value, (task) => ({
    plan: required(textOf(task, 'plan'), 'plan'),
    stage: required(textOf(task, 'stage'), 'stage'),
    subtask: required(numberOf(task, 'subtask'), 'subtask'),
    maxRows: numberOf(task, 'maxRows'),
    maxMs: numberOf(task, 'maxMs'),
  }));
}

export function parsePublishEvent(value: unknown): TaskEvent<PublishTask> {
  return parseTaskEvent(value, (task) => ({
    manifest: required(textOf(task, 'manifest'), 'manifest'),
    sink: required(textOf(task, 'sink'), 'sink'),
    slot: required(numberOf(task, 'slot'), 'slot'),
  }));
}

function parseTaskEvent<T>(value: unknown, parseTask: (task: Readonly<Record<string, unknown>>) => T): TaskEvent<T> {
  const event = objectOf(value, 'the event');
  return {
    ...parseJobInput(event['input']),
    execution: textOf(event, 'execution'),
    task: parseTask(objectOf(event['task'], 'task')),
  };
}

function required<T>(value: T | null, name: string): T {
  if (value === null) throw new ConfigError(`the task has no ${name}.`);
  return value;
}
