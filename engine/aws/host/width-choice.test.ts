import { describe, expect, test } from 'vitest';
import type { SourceBacklog } from '../../runtime/backlog.ts';
import { FUSED, noted, NO_SPEEDS, parseSpeeds, type Speeds } from './speeds.ts';
import { rowsInTime, widthOf } from './width-choice.ts';

const INTERVAL = 10_000;
const LIMITS = { intervalMs: INTERVAL, most: 16 };

const backlog = (left: number | null, read: number, splits = 4): SourceBacklog[] => [
  { source: 'rows', splits: left === 0 ? 0 : splits, read, left },
];

/** A job of which one subtask does `rowMs` for a row, fed with `perMs` rows a millisecond beside `left` of the past. */
class Load {
  speeds: Speeds = NO_SPEEDS;
  readonly widths: number[] = [];
  readonly #rowMs: number;
  readonly #perMs: (epoch: number) => number;
  #left: number;
  #nowMs = 1_000_000;

  constructor(rowMs: number, left: number, perMs: (epoch: number) => number) {
    this.#rowMs = rowMs;
    this.#left = left;
    this.#perMs = perMs;
  }

  epoch(): this {
    const width = widthOf(this.speeds, LIMITS);
    this.widths.push(width);
    const there = this.#left + this.#perMs(this.widths.length) * INTERVAL;
    const rows = Math.floor(Math.min(there, (width * INTERVAL) / this.#rowMs));
    this.#left = there - rows;
    this.#nowMs += INTERVAL;
    const ms = rows * this.#rowMs;
    const stageMs: Record<string, number> = width === 1 ? { [FUSED]: ms } : { sources: ms / 2, sums: ms / 2 };
    this.speeds = noted(this.speeds, {
      rows,
      width,
      stageMs,
      backlog: backlog(Math.floor(this.#left), rows),
      nowMs: this.#nowMs,
    });
    return this;
  }

  run(epochs: number): number[] {
    for (let i = 0; i < epochs; i++) this.epoch();
    return this.widths;
  }
}

describe('the width', () => {
  test('is one until a speed was measured, and for what one subtask reads in time', () => {
    expect(widthOf(NO_SPEEDS, LIMITS)).toBe(1);
    expect(new Load(0.01, 0, () => 50).run(4)).toEqual([1, 1, 1, 1]);
  });

  test('is what the backlog takes at the measured speed, the epoch after it was seen, and one when it is gone', () => {
    // 1,000,000 rows a subtask and epoch; 6.5 million are there.
    expect(new Load(0.01, 6_500_000, () => 1).run(5)).toEqual([1, 6, 1, 1, 1]);
  });

  test('stays where the load needs it, and follows it', () => {
    // 300 rows a millisecond need three subtasks; then 30.
    const widths = new Load(0.01, 0, (epoch) => (epoch <= 10 ? 300 : 30)).run(16);
    expect(widths.slice(0, 2)).toEqual([1, 2]);
    expect(widths.slice(4, 10).every((width) => width >= 3 && width <= 4)).toBe(true);
    expect(widths.slice(13)).toEqual([1, 1, 1]);
  });

  test('is at most what the job may have; that too where nobody knows how much is left', () => {
    const load = new Load(0.01, 1e9, () => 0).epoch();
    expect(widthOf(load.speeds, LIMITS)).toBe(16);
    expect(widthOf(load.speeds, { ...LIMITS, most: 1 })).toBe(1);
    const unknown = noted(NO_SPEEDS, {
      rows: 10,
      width: 1,
      stageMs: { [FUSED]: 10_000 },
      backlog: backlog(null, 10),
      nowMs: 1,
    });
    expect(widthOf(unknown, LIMITS)).toBe(16);
  });

  test('small epochs, which are mostly fixed cost, say nothing of the speed', () => {
    const small = noted(NO_SPEEDS, {
      rows: 20,
      width: 1,
      stageMs: { [FUSED]: 300 },
      backlog: backlog(0, 20),
      nowMs: 1,
    });
    expect(small.msPerRow).toEqual({});
    expect(widthOf({ ...small, left: 1_000_000 }, LIMITS)).toBe(1);
  });
});

test('rows of an epoch are those that its slowest stage does in time', () => {
  expect(rowsInTime(NO_SPEEDS, 4, INTERVAL)).toBeNull();
  const speeds = { ...NO_SPEEDS, msPerRow: { [FUSED]: 9, sources: 0.01, sums: 0.1 } };
  expect(rowsInTime(speeds, 4, INTERVAL)).toBe(400_000);
});

test('positions are rows by the measure of the epoch', () => {
  const { left } = noted(NO_SPEEDS, { rows: 500, width: 1, stageMs: {}, backlog: backlog(4_000, 1_000), nowMs: 1 });
  expect(left).toBe(2_000);
});

test.each([[null], [7], [{}], [{ ...NO_SPEEDS, msPerRow: { a: 'x' } }], [{ ...NO_SPEEDS, left: -1 }]])(
  'as carried, %j is broken',
  (value) => {
    expect(parseSpeeds(value)).toBeNull();
  },
);

test('as carried, they stay what they are', () => {
  const { speeds } = new Load(0.01, 6_500_000, () => 1).epoch();
  expect(parseSpeeds(JSON.parse(JSON.stringify(speeds)))).toEqual(speeds);
});
