/**
 * What must be in the sinks when a job has finished, worked out record by record without the engine. Exact where the answer does
 * not depend on how the input was cut into epochs (E7b); where it does, conservation: every record is somewhere, once.
 */
import type { JobInWorld } from './coordinator-process.ts';
import type { GraphSpec, KeyedSpec, StatelessSpec } from './graph-spec.ts';
import { multiset } from './replay.ts';
import { added, copies, goesAside, isPoison, mapped, NOTHING, passes } from './row-functions.ts';
import type { Row, ScriptRecord } from './script.ts';
import type { World } from './world.ts';

export interface Timed {
  readonly row: Row;
  readonly ts: number;
}

/** Rows by sink uid. */
type Sides = Map<string, Timed[]>;

export function checkOracle(job: JobInWorld): void {
  const { world, spec } = job;
  const { letters, rows, sides, filtered } = beforeKeyed(world, spec);
  const drops: Drops = { n: filtered };
  if (spec.letters)
    same(
      world,
      'letters',
      letters,
      visible(world, 'letters').map((row) => `${(row as Letter).split}:${(row as Letter).position}`),
    );
  if (spec.raw) sides.set('raw', rows);
  let known: readonly Timed[] | null = rows;
  if (spec.main !== null)
    known = throughKeyed(world, spec, spec.main, 'main', rows, (row) => row.k, channels(spec) === 1);
  const afterMain = known;
  if (known !== null) known = chained(spec.post, 'post', known, sides, drops);
  if (known !== null && spec.second !== null)
    known = throughKeyed(world, spec, spec.second, 'second', known, (row) => `${row.v % 3}`, false);
  if (known !== null) sides.set('out', [...known]);
  for (const [sink, expected] of sides)
    if (world.sinkKinds.has(sink))
      same(
        world,
        sink,
        expected.map((timed) => essence(timed.row)),
        visible(world, sink).map((row) => essence(row as Row)),
      );
  checkTotals(world, letters.length, drops.n, spec.main === null || afterMain !== null);
}

export interface Letter {
  readonly split: string;
  readonly position: number;
}

/** Every record through the operators before the first keyed one; a record that user code refuses becomes a letter and nothing else. */
export function beforeKeyed(
  world: World,
  spec: GraphSpec,
  wasRead: (split: string, record: ScriptRecord) => boolean = () => true,
): { readonly letters: string[]; readonly rows: Timed[]; readonly sides: Sides; readonly filtered: number } {
  const drops: Drops = { n: 0 };
  const letters: string[] = [];
  const rows: Timed[] = [];
  const sides: Sides = new Map();
  const inKeyed =
    spec.main !== null &&
    (spec.poisonIn === 'key' ||
      (spec.poisonIn === 'process' && spec.main.kind !== 'window' && spec.main.kind !== 'reduce'));
  world.script.forEach((source, i) => {
    for (const split of source.splits) {
      for (const record of split.records) {
        if (!wasRead(`source-${i}/${split.id}`, record)) continue;
        const { row } = record;
        const own: Sides = new Map();
        const dropped: Drops = { n: 0 };
        const copiesOf = row === null ? [] : spec.selfUnion && i === 0 ? [row, row] : [row];
        const out = chained(
          spec.pre,
          'pre',
          copiesOf.map((r) => ({ row: r, ts: r.t })),
          own,
          dropped,
        );
        const refused =
          row === null ||
          (spec.poisonIn === 'map' && isPoison(row, spec.poison)) ||
          (inKeyed && out.some((timed) => isPoison(timed.row, spec.poison)));
        if (refused) {
          letters.push(`source-${i}/${split.id}:${record.position}`);
          continue;
        }
        rows.push(...out);
        drops.n += dropped.n;
        for (const [sink, some] of own) sides.set(sink, [...(sides.get(sink) ?? []), ...some]);
      }
    }
  });
  spec.pre.forEach((op, i) => op === 'process' && !sides.has(`side-pre-${i}`) && sides.set(`side-pre-${i}`, []));
  return { letters, rows, sides, filtered: drops.n };
}

/** Rows of which an operator made nothing: `filtered` in the manifests. */
interface Drops {
  n: number;
}

function chained(
  ops: readonly StatelessSpec[],
  name: string,
  input: readonly Timed[],
  sides: Sides,
  drops: Drops,
): Timed[] {
  let rows = [...input];
  ops.forEach((op, i) => {
    switch (op) {
      case 'map':
        rows = rows.map(({ row, ts }) => ({ row: mapped(row), ts }));
        return;
      case 'filter':
        drops.n += rows.filter(({ row }) => !passes(row)).length;
        rows = rows.filter(({ row }) => passes(row));
        return;
      case 'flatMap':
        drops.n += rows.filter(({ row }) => copies(row).length === 0).length;
        rows = rows.flatMap(({ row, ts }) => copies(row).map((copy) => ({ row: copy, ts })));
        return;
      case 'process': {
        const sink = `side-${name}-${i}`;
        sides.set(sink, [...(sides.get(sink) ?? []), ...rows.filter(({ row }) => goesAside(row))]);
        rows = rows.filter(({ row }) => !goesAside(row));
        return;
      }
      case 'stamp':
    }
  });
  return rows;
}

const channels = (spec: GraphSpec): number => spec.input.splits.reduce((sum, n) => sum + n, spec.selfUnion ? 1 : 0);

/** E7b: no record behind its own split's watermark, no idle split, no split that appears late. */
function cutDoesNotShow(world: World, spec: GraphSpec): boolean {
  return (
    spec.delayMs >= spec.input.disorderMs &&
    spec.idleMs === null &&
    world.script.every((source) => source.splits.every((split) => split.appearsMs === 0))
  );
}

/** The keyed operator's rows, or null where they depend on the cuts; then what goes in must come out. */
function throughKeyed(
  world: World,
  spec: GraphSpec,
  op: KeyedSpec,
  name: string,
  input: readonly Timed[],
  keyOf: (row: Row) => string,
  oneChannel: boolean,
): Timed[] | null {
  const last = name === 'second' || (spec.second === null && spec.post.length === 0);
  switch (op.kind) {
    case 'count':
    case 'map-state':
      return [...input];
    case 'reduce':
      return oneChannel ? rolled(input, keyOf) : null;
    case 'buffer':
    case 'session':
    case 'wait':
      if (last) conserved(world, input, visible(world, 'out') as Row[], op.kind === 'wait');
      return null;
    case 'window': {
      if (cutDoesNotShow(world, spec)) {
        if (op.late) same(world, `late-${name}`, [], visible(world, `late-${name}`));
        return windowed(input, op.sizeMs, keyOf);
      }
      if (!last) return null;
      const dropped = world.commits.at(-1)?.totals['lateDropped'] ?? 0;
      const late = (op.late ? visible(world, `late-${name}`) : []) as Row[];
      conserved(world, input, [...finalFirings(visible(world, 'out') as Row[]), ...late], dropped > 0);
      return null;
    }
  }
}

function rolled(input: readonly Timed[], keyOf: (row: Row) => string): Timed[] {
  const values = new Map<string, Row>();
  return input.map(({ row, ts }) => {
    const before = values.get(keyOf(row));
    const next = before === undefined ? row : { ...before, ...added({ ...before, h: 0 }, row) };
    values.set(keyOf(row), next);
    return { row: next, ts };
  });
}

function windowed(input: readonly Timed[], sizeMs: number, keyOf: (row: Row) => string): Timed[] {
  const windows = new Map<string, Timed>();
  for (const { row, ts } of input) {
    const end = ts - (ts % sizeMs) + sizeMs;
    const id = `${keyOf(row)} ${end}`;
    const sum = added({ ...NOTHING, ...windows.get(id)?.row }, row);
    windows.set(id, { row: { ...sum, k: keyOf(row), t: end - 1 }, ts: end - 1 });
  }
  return [...windows.values()];
}

/** A window that fired again holds all that it held before. */
function finalFirings(rows: readonly Row[]): Row[] {
  const last = new Map<string, Row>();
  for (const row of rows) {
    const id = `${row.k} ${row.t}`;
    const before = last.get(id);
    if (before === undefined || before.ids.length < row.ids.length) last.set(id, row);
  }
  return [...last.values()];
}

function conserved(world: World, input: readonly Timed[], output: readonly Row[], someMayBeMissing: boolean): void {
  const left = new Map<number, number>();
  for (const { row } of input) for (const id of row.ids) left.set(id, (left.get(id) ?? 0) + 1);
  for (const row of output) for (const id of row.ids) left.set(id, (left.get(id) ?? 0) - 1);
  for (const [id, n] of left) {
    if (n < 0) world.fail(`conservation: record ${id} is in the output ${-n} times too often`);
    if (n > 0 && !someMayBeMissing) world.fail(`conservation: record ${id} is missing ${n} times in the output`);
  }
}

/** What the manifests count, where it can be worked out. `exact`: all rows that went through stateless operators are known. */
function checkTotals(world: World, letters: number, filtered: number, exact: boolean): void {
  const totals = world.commits.at(-1)?.totals ?? {};
  const count = (name: string): number => totals[name] ?? 0;
  if (count('deadLettered') !== letters)
    world.fail(`the manifests count ${count('deadLettered')} dead letters; there are ${letters}`);
  let late = 0;
  for (const name of ['late-main', 'late-second']) late += visible(world, name).length;
  if (count('late') !== late) world.fail(`the manifests count ${count('late')} late rows; ${late} are in the sinks`);
  if (exact ? count('filtered') !== filtered : count('filtered') < filtered)
    world.fail(`the manifests count ${count('filtered')} rows filtered; it should be ${filtered}`);
}

export function visible(world: World, sink: string): unknown[] {
  const rows: unknown[] = [];
  for (const part of world.visible.values()) if (part.sink === sink) rows.push(...part.inode.rows);
  return rows;
}

/** What does not depend on the order in which a key's rows came. */
const essence = (row: Row): unknown => [[...row.ids].sort((a, b) => a - b), row.k, row.v];

function same(world: World, sink: string, expected: readonly unknown[], found: readonly unknown[]): void {
  const a = multiset(expected);
  const b = multiset(found);
  if (a.join('\n') === b.join('\n')) return;
  const missing = minus(a, b);
  const extra = minus(b, a);
  world.fail(
    `oracle: ${sink} should hold ${a.length} rows and holds ${b.length}; missing ${missing.slice(0, 5).join(' ')}; too many ${extra.slice(0, 5).join(' ')}`,
  );
}

function minus(a: readonly string[], b: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const row of b) left.set(row, (left.get(row) ?? 0) + 1);
  return a.filter((row) => {
    const n = left.get(row) ?? 0;
    left.set(row, n - 1);
    return n <= 0;
  });
}
