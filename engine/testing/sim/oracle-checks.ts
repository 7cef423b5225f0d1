/** How an oracle compares: rows as multisets, ids of records that must be there, and rows that may not. */
import type { Timed } from './oracle-two-inputs.ts';
import { multiset } from './replay.ts';
import type { Row } from './script.ts';
import type { World } from './world.ts';

export function holds(world: World, some: readonly unknown[], all: readonly unknown[]): void {
  const missing = minus(multiset(some), multiset(all));
  if (missing.length > 0) world.fail(`oracle: missing in the output: ${missing.slice(0, 5).join(' ')}`);
}

/** No firing holds rows that its key has not, nor a row more often than that came. */
export function within(
  world: World,
  input: readonly Timed[],
  output: readonly Row[],
  keyOf: (row: Row) => string,
): void {
  const byKey = Map.groupBy(input, ({ row }) => keyOf(row));
  for (const firing of output) {
    const own = (byKey.get(firing.k) ?? []).flatMap(({ row }) => row.ids.map(String));
    const extra = minus(firing.ids.map(String), own);
    if (extra.length > 0) world.fail(`oracle: a window of ${firing.k} holds ${extra.join()}, which its key has not`);
  }
}

export function present(world: World, input: readonly Timed[], output: readonly Row[]): void {
  const found = new Set(output.flatMap((row) => row.ids));
  for (const { row } of input)
    for (const id of row.ids) if (!found.has(id)) world.fail(`conservation: record ${id} is in no window`);
}

/** A window that fired again holds all that it held before. */
export function finalFirings(rows: readonly Row[]): Row[] {
  const last = new Map<string, Row>();
  for (const row of rows) {
    const id = `${row.k} ${row.t}`;
    const before = last.get(id);
    if (before === undefined || before.ids.length < row.ids.length) last.set(id, row);
  }
  return [...last.values()];
}

export function conserved(
  world: World,
  input: readonly Timed[],
  output: readonly Row[],
  someMayBeMissing: boolean,
): void {
  const left = new Map<number, number>();
  for (const { row } of input) for (const id of row.ids) left.set(id, (left.get(id) ?? 0) + 1);
  for (const row of output) for (const id of row.ids) left.set(id, (left.get(id) ?? 0) - 1);
  for (const [id, n] of left) {
    if (n < 0) world.fail(`conservation: record ${id} is in the output ${-n} times too often`);
    if (n > 0 && !someMayBeMissing) world.fail(`conservation: record ${id} is missing ${n} times in the output`);
  }
}

/** Late rows find no partners, but nothing else may be joined, nor twice. */
export function someOf(world: World, all: readonly Timed[], output: readonly Row[]): void {
  const extra = minus(multiset(output.map(essence)), multiset(all.map(({ row }) => essence(row))));
  if (extra.length > 0) world.fail(`oracle: ${extra.length} pairs too many: ${extra.slice(0, 5).join(' ')}`);
}

export function visible(world: World, sink: string): unknown[] {
  const rows: unknown[] = [];
  for (const part of world.visible.values()) if (part.sink === sink) rows.push(...part.inode.rows);
  return rows;
}

/** What does not depend on the order in which a key's rows came. */
export const essence = (row: Row): unknown => [[...row.ids].sort((a, b) => a - b), row.k, row.v];

export function same(world: World, sink: string, expected: readonly unknown[], found: readonly unknown[]): void {
  const a = multiset(expected);
  const b = multiset(found);
  if (a.join('\n') === b.join('\n')) return;
  const missing = minus(a, b);
  const extra = minus(b, a);
  world.fail(
    `oracle: ${sink} should hold ${a.length} rows and holds ${b.length}; missing ${missing.slice(0, 5).join(' ')}; too many ${extra.slice(0, 5).join(' ')}`,
  );
}

export function minus(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const row of b) left.set(row, (left.get(row) ?? 0) + 1);
  return a.filter((row) => {
    const n = left.get(row) ?? 0;
    left.set(row, n - 1);
    return n <= 0;
  });
}
