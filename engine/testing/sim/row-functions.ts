/** What the user functions of simulated jobs compute: pure, shared by the jobs and the naive oracle. */
import type { Row } from './script.ts';

export const mapped = (row: Row): Row => ({ ...row, v: (row.v * 7 + 3) % 101 });
export const passes = (row: Row): boolean => row.v % 5 !== 2;
/** No, one or two rows. */
export const copies = (row: Row): Row[] => Array.from({ length: row.v % 3 }, (_, i) => ({ ...row, v: row.v + i }));
export const goesAside = (row: Row): boolean => row.v % 4 === 2;

export const isOdd = (row: Row): boolean => row.v % 2 === 1;

/** What a request for a row answers: one row, or none. */
export const answers = (row: Row): Row[] => (row.v % 7 === 3 ? [] : [{ ...row, v: (row.v * 3 + 1) % 101 }]);
export const isSlow = (row: Row): boolean => row.v % 6 === 5;
export const timedOut = (row: Row): Row => ({ ...row, v: 7 });
export const partitionOf = (key: string, partitions: number): number => key.charCodeAt(key.length - 1) % partitions;

/** Which input of an operator with two a row came by shows in its value. */
export const cameBy = (row: Row, input: 1 | 2): Row => ({ ...row, v: (row.v * 2 + input) % 101 });
export const joined = (left: Row, right: Row, t: number): Row => ({
  ids: [...left.ids, ...right.ids],
  k: left.k,
  v: (left.v * 31 + right.v) % 10_007,
  t,
  n: 1,
});
export function grouped(left: readonly Row[], right: readonly Row[]): Row {
  const all = [...left.map((row) => cameBy(row, 1)), ...right.map((row) => cameBy(row, 2))];
  const [k] = all.map((row) => row.k).sort();
  return { ...all.reduce(added, NOTHING), k: k!, t: Math.max(...all.map((row) => row.t)) };
}
/** End of the bucket of event time. */
export const bucketOf = (ts: number, bucketMs: number): number => ts - (ts % bucketMs) + bucketMs;
/** Gap of a session that begins with the row. */
export const gapOf = (row: Pick<Row, 'v'>): number => 13 + (Math.abs(row.v) % 5) * 30;
/** Key under which a broadcast row stands in the state, and what stands there. */
export const ruleKey = (row: Row): string => `${row.ids.join('.')} ${row.v}`;

export function isPoison(row: Row, poison: number): boolean {
  return poison > 0 && row.v % poison === 0;
}

export function refuse(row: Row, where: string): never {
  throw new Error(`${where} does not like ${row.v}`);
}

/** What is in a window or a rolling result. Where rows are added one by one, `h` depends on the order of rows, the others do not. */
export interface Sum {
  readonly ids: readonly number[];
  readonly v: number;
  readonly n: number;
  readonly h: number;
}

export const NOTHING: Sum = { ids: [], v: 0, n: 0, h: 0 };

export const added = (sum: Sum, row: Row): Sum => ({
  ids: [...sum.ids, ...row.ids],
  v: (sum.v + row.v) % 10_007,
  n: sum.n + row.n,
  h: (sum.h * 31 + row.v + 1) % 100_003,
});

/** The same whatever the order and the grouping: what may be merged before a shuffle. */
export const merged = (a: Sum, b: Sum): Sum => ({
  ids: [...a.ids, ...b.ids].sort((x, y) => x - y),
  v: (a.v + b.v) % 10_007,
  n: a.n + b.n,
  h: (a.h + b.h) % 100_003,
});
