/** What is next in a staged epoch, from the answers there are. Pure. */
import type { ReadRange } from '../../../checkpoint/records.ts';
import { SOURCES, type StageAnswer, type StageDone, type StageFailed } from './stage-records.ts';

/** The answers of a stage's subtasks; null: there is none yet. */
export interface StageAnswers {
  readonly stage: string;
  readonly answers: readonly (StageAnswer | null)[];
}

/** Whoever ran a stage's subtasks has given up on those that have not answered. */
export interface GivenUp {
  readonly stage: string;
  readonly error: string;
}

export interface EpochFailed extends Pick<StageFailed, 'reason' | 'code' | 'poison' | 'retryable' | 'outOfTime'> {
  readonly kind: 'failed';
  readonly stage: string;
  /** What all splits were read to; null: not known. The next attempt runs the same (E1). */
  readonly ranges: readonly ReadRange[] | null;
  /** Rows that were read, as far as there are answers. */
  readonly rows: number;
}

export type StageDecision =
  | { readonly kind: 'stage'; readonly stage: string; readonly missing: readonly number[] }
  | { readonly kind: 'complete' }
  | EpochFailed;

/** `stages`: the sources, then the keyed stages in topological order, as far as the answers of the stage before are complete. */
export function decideStage(stages: readonly StageAnswers[], gaveUp: GivenUp | null): StageDecision {
  for (const { stage, answers } of stages) {
    const failed = worst(answers.filter((answer) => answer?.kind === 'failed'));
    const missing = answers.flatMap((answer, i) => (answer === null ? [i] : []));
    const known = { ranges: rangesKnown(stages), rows: rowsRead(stages) };
    if (failed !== null) {
      const { reason, code, poison, retryable, outOfTime } = failed;
      return { kind: 'failed', stage, reason, code, poison, retryable, outOfTime, ...known };
    }
    if (missing.length === 0) continue;
    if (gaveUp?.stage !== stage) return { kind: 'stage', stage, missing };
    const reason = `stage "${stage}": no answer of ${missing.length === 1 ? 'subtask' : 'subtasks'} ${missing.join(', ')}: ${gaveUp.error}`;
    return {
      kind: 'failed',
      stage,
      reason,
      code: 'retryable',
      poison: null,
      retryable: true,
      outOfTime: false,
      ...known,
    };
  }
  return { kind: 'complete' };
}

/** What ends the job comes first, then a record to skip; the others are as good as each other. */
function worst(failures: readonly StageFailed[]): StageFailed | null {
  return (
    failures.find(({ retryable }) => !retryable) ??
    failures.find(({ poison }) => poison !== null) ??
    failures[0] ??
    null
  );
}

/** Ranges are fixed when all have said how far they read. */
function rangesKnown(stages: readonly StageAnswers[]): readonly ReadRange[] | null {
  const { answers } = stages.find(({ stage }) => stage === SOURCES)!;
  const ranges: ReadRange[] = [];
  for (const answer of answers) {
    const own = answer?.kind === 'done' ? answer.ack.ranges : (answer?.ranges ?? null);
    if (own === null) return null;
    ranges.push(...own);
  }
  return ranges.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function rowsRead(stages: readonly StageAnswers[]): number {
  const done = stages.flatMap(({ answers }) =>
    answers.filter((answer): answer is StageDone => answer?.kind === 'done'),
  );
  return done.reduce((sum, { ack }) => sum + (ack.counts['recordsIn'] ?? 0), 0);
}
