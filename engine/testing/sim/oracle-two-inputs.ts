/** What operators with two inputs must answer, pair by pair. */
import type { TwoInputSpec } from './operator-specs.ts';
import { added, bucketOf, cameBy, isOdd, joined, NOTHING, ruleKey, type Sum } from './row-functions.ts';
import type { Row } from './script.ts';

export interface Timed {
  readonly row: Row;
  readonly ts: number;
}

export interface BothInputs {
  readonly left: readonly Timed[];
  readonly right: readonly Timed[];
}

export function bothInputs(op: TwoInputSpec, rows: readonly Timed[], source: readonly Timed[]): BothInputs {
  if (op.other === 'source') return { left: rows, right: source };
  return { left: rows.filter(({ row }) => !isOdd(row)), right: rows.filter(({ row }) => isOdd(row)) };
}

type KeyOf = (row: Row) => string;

/** Every row is answered, whatever the order in which they came. */
export function oneForEach(
  op: TwoInputSpec & { kind: 'co-count' | 'broadcast' },
  { left, right }: BothInputs,
): Timed[] {
  if (op.kind === 'broadcast') return [...left, ...right.map(({ row, ts }) => ({ row: { ...row, k: 'b' }, ts }))];
  const by = (input: 1 | 2, rows: readonly Timed[]): Timed[] =>
    rows.map(({ row, ts }) => ({ row: cameBy(row, input), ts }));
  return [...by(1, left), ...by(2, right)];
}

export function coBuffered(bucketMs: number, { left, right }: BothInputs, keyOf: KeyOf): Timed[] {
  const tagged = (input: 1 | 2, rows: readonly Timed[]): [string, Row, number][] =>
    rows.map(({ row, ts }) => [keyOf(row), cameBy(row, input), ts]);
  return bucketed(bucketMs, [...tagged(1, left), ...tagged(2, right)]);
}

/** Sums of the left rows, with the rules of the three buckets up to then in place of their values. */
export function ruledBuckets(bucketMs: number, { left, right }: BothInputs, keyOf: KeyOf): Timed[] {
  const rules = new Map(right.map((timed) => [ruleKey(timed.row), timed]));
  const inForce = (bucket: number): number => {
    let v = 0;
    for (const { row, ts } of rules.values()) if (ts <= bucket && ts > bucket - 3 * bucketMs) v += row.v;
    return v;
  };
  return bucketed(
    bucketMs,
    left.map(({ row, ts }) => [keyOf(row), row, ts]),
  ).map(({ row, ts }) => ({ row: { ...row, v: inForce(ts) }, ts }));
}

function bucketed(bucketMs: number, rows: readonly [key: string, row: Row, ts: number][]): Timed[] {
  const sums = new Map<string, Sum & { k: string; t: number }>();
  for (const [k, row, ts] of rows) {
    const t = bucketOf(ts, bucketMs);
    const id = `${k} ${t}`;
    sums.set(id, { ...added(sums.get(id) ?? NOTHING, row), k, t });
  }
  return [...sums.values()].map((row) => ({ row, ts: row.t }));
}

export function pairs(
  { lowerMs, upperMs }: TwoInputSpec & { kind: 'interval-join' },
  { left, right }: BothInputs,
  keyOf: KeyOf,
): Timed[] {
  return left.flatMap((a) =>
    right
      .filter((b) => keyOf(a.row) === keyOf(b.row) && b.ts - a.ts >= lowerMs && b.ts - a.ts <= upperMs)
      .map((b) => {
        const ts = Math.max(a.ts, b.ts);
        return { row: joined(a.row, b.row, ts), ts };
      }),
  );
}
