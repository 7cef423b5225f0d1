/**
 * What past epochs say about the next one: how long a subtask of each stage takes for a row, what is left to read and how fast more comes. Pure.
 * Small epochs are mostly fixed cost and say nothing of speed.
 */
import type { SourceBacklog } from '../../runtime/backlog.ts';
import { isCount, isObject } from './carry-checks.ts';

export interface Speeds {
  /** Milliseconds of one subtask, for each row that the epoch read: by stage of a fanned-out epoch, or `FUSED`. */
  readonly msPerRow: Readonly<Record<string, number>>;
  /** Rows that the last epoch left; null: not known. */
  readonly left: number | null;
  /** New rows per millisecond; null: not known. */
  readonly arriving: number | null;
  /** When that was, by the wall clock; null: there was no epoch yet. */
  readonly atMs: number | null;
  /** Splits that had more. */
  readonly splits: number | null;
}

export interface MeasuredEpoch {
  readonly rows: number;
  /** Subtasks of a stage, at most. */
  readonly width: number;
  /** Milliseconds of all subtasks of a stage together. */
  readonly stageMs: Readonly<Record<string, number>>;
  readonly backlog: readonly SourceBacklog[];
  readonly nowMs: number;
}

export const FUSED = 'fused';
export const NO_SPEEDS: Speeds = { msPerRow: {}, left: null, arriving: null, atMs: null, splits: null };

const MEASURED_ROWS = 10_000;
/** Of a subtask. */
const MEASURED_MS = 1_000;
/** Of the newest epoch. */
const WEIGHT = 0.5;
/** Stages and numbers that a carry may hold. */
const MOST_STAGES = 200;

export function noted(before: Speeds, { rows, width, stageMs, backlog, nowMs }: MeasuredEpoch): Speeds {
  const left = rowsLeft(rows, backlog);
  const splits = backlog.reduce((sum, each) => sum + each.splits, 0);
  const longestMs = Math.max(0, ...Object.values(stageMs)) / width;
  const isBusy = rows > 0 && (rows >= MEASURED_ROWS || longestMs >= MEASURED_MS);
  const msPerRow: Record<string, number> = { ...before.msPerRow };
  for (const [stage, ms] of isBusy ? Object.entries(stageMs) : [])
    msPerRow[stage] = smoothed(before.msPerRow[stage] ?? null, ms / rows);
  const elapsedMs = before.atMs === null ? 0 : nowMs - before.atMs;
  const arrived = before.left === null || left === null || elapsedMs <= 0 ? null : rows + left - before.left;
  // Of this epoch alone: what came at once is not taken for a rate for long.
  const arriving = arrived === null ? before.arriving : Math.max(0, arrived) / elapsedMs;
  return { msPerRow, left, arriving, atMs: nowMs, splits };
}

/** Milliseconds of one subtask per row, over all stages of a fanned-out epoch; null: none has run. */
export function fannedOutCost({ msPerRow }: Speeds): number | null {
  const stages = Object.entries(msPerRow).filter(([stage]) => stage !== FUSED);
  return stages.length === 0 ? null : stages.reduce((sum, [, ms]) => sum + ms, 0);
}

/** Null: broken. */
export function parseSpeeds(value: unknown): Speeds | null {
  if (!isObject(value) || !isObject(value['msPerRow'])) return null;
  const { left, arriving, atMs, splits } = value;
  const msPerRow: Record<string, number> = {};
  const stages = Object.entries(value['msPerRow']);
  if (stages.length > MOST_STAGES) return null;
  for (const [stage, ms] of stages) {
    if (!isCount(ms)) return null;
    msPerRow[stage] = ms;
  }
  const numbers = { left: left ?? null, arriving: arriving ?? null, atMs: atMs ?? null, splits: splits ?? null };
  if (!Object.values(numbers).every((number) => number === null || isCount(number))) return null;
  return { msPerRow, ...(numbers as Omit<Speeds, 'msPerRow'>) };
}

/** Positions are rows, or nearly: the epoch's own ratio says how nearly. */
function rowsLeft(rows: number, backlog: readonly SourceBacklog[]): number | null {
  let left = 0;
  let read = 0;
  for (const source of backlog) {
    if (source.left === null && source.splits > 0) return null;
    left += source.left ?? 0;
    read += source.read;
  }
  return Math.round(read > 0 && rows > 0 ? (left * rows) / read : left);
}

const smoothed = (before: number | null, now: number): number =>
  before === null ? now : before + WEIGHT * (now - before);
