/** A failure with its place: what the runner knows when user code throws. */
import type { ReadRange } from '../checkpoint/records.ts';
import {
  ConfigError,
  CorruptionError,
  FencedError,
  InvariantError,
  messageOf,
  UserCodeError,
} from '../model/errors.ts';
import { AttemptFailure } from './epoch-runner.ts';

/** User code threw while it handled one record of a source. */
export class RecordFailure extends UserCodeError {
  readonly split: string;
  readonly position: number;
  readonly operator: string;
  readonly reason: string;

  constructor(job: string, operator: string, split: string, position: number, thrown: unknown, record: string) {
    const reason = messageOf(thrown);
    super(
      `job "${job}", operator "${operator}", split ${split}, position ${position}: ${reason}\n  record: ${record.slice(0, 500)}\n` +
        '  Mend the function or the record, or take such records as env.deadLetters().',
      { job, operator, split, position },
      thrown,
    );
    this.split = split;
    this.position = position;
    this.operator = operator;
    this.reason = reason;
  }
}

/** User code threw where there is no single record to blame: in a timer, a window, or behind an aggregation. */
export function operatorFailure(job: string, operator: string, where: string, thrown: unknown): UserCodeError {
  if (thrown instanceof RecordFailure) return thrown;
  return new UserCodeError(
    `job "${job}", operator "${operator}", ${where}: ${messageOf(thrown)}`,
    { job, operator },
    thrown,
  );
}

/**
 * What the coordinator decides by. With a dead-letter output a record that can be blamed is skipped on the retry, over the ranges that the
 * attempt had read.
 */
export function attemptFailure(
  thrown: unknown,
  ranges: readonly ReadRange[] | null,
  hasDeadLetters: boolean,
): AttemptFailure {
  const poison =
    thrown instanceof RecordFailure && hasDeadLetters
      ? { split: thrown.split, position: thrown.position, operator: thrown.operator, error: thrown.reason }
      : null;
  const hopeless = [ConfigError, CorruptionError, InvariantError, FencedError].some((kind) => thrown instanceof kind);
  return new AttemptFailure(thrown, { ranges: poison === null ? null : ranges, poison, retryable: !hopeless });
}
