/**
 * What must be in the sinks when a job has finished, worked out record by record without the engine. Exact where the answer does
 * not depend on how the input was cut into epochs (E7b); where it does, conservation: every record is somewhere, once.
 */
import type { JobInWorld } from './coordinator-process.ts';
import { lateSinks, type GraphSpec, type KeyedSpec, type StatelessSpec } from './graph-spec.ts';
import { isExchange, isTwoInput, type TwoInputSpec } from './operator-specs.ts';
import { bothInputs, coBuffered, oneForEach, pairs, ruledBuckets, type Timed } from './oracle-two-inputs.ts';
import { countFirings, paned, windowJoined } from './oracle-panes.ts';
import type { CountWindowSpec, PanesSpec } from './pane-specs.ts';
import { multiset } from './replay.ts';
import {
  added,
  answers,
  copies,
  goesAside,
  isPoison,
  isSlow,
  mapped,
  NOTHING,
  passes,
  timedOut,
} from './row-functions.ts';
import type { Row } from './script.ts';
import type { World } from './world.ts';

/** What users count stands under such names in the manifests. */
const COUNTERS = 'user:';

/** Rows by sink uid; and those that were counted, by the counter's name. */
type Sides = Map<string, Timed[]>;

export function checkOracle(job: JobInWorld): void {
  const { world, spec } = job;
  const { letters, rows, source, sides } = beforeKeyed(world, spec);
  if (spec.letters)
    same(
      world,
      'letters',
      letters,
      visible(world, 'letters').map((row) => `${(row as Letter).split}:${(row as Letter).position}`),
    );
  if (spec.raw) sides.set('raw', rows);
  let known: readonly Timed[] | null = rows;
  if (spec.main !== null) {
    const oneChannel = channels(spec) === 1 && !spec.pre.some(isExchange);
    known = throughKeyed(
      { world, spec, name: 'main', input: rows, source, keyOf: (row) => row.k, oneChannel },
      spec.main,
    );
  }
  if (known !== null) known = chained(spec, spec.post, 'post', known, sides);
  if (known !== null && spec.second !== null) {
    const keyOf = (row: Row): string => `${row.v % 3}`;
    known = throughKeyed({ world, spec, name: 'second', input: known, source, keyOf, oneChannel: false }, spec.second);
  }
  if (known !== null) sides.set('out', [...known]);
  for (const [sink, expected] of sides)
    if (world.sinkKinds.has(sink))
      same(
        world,
        sink,
        expected.map((timed) => essence(timed.row)),
        visible(world, sink).map((row) => essence(row as Row)),
      );
  for (const [name, counted] of sides) if (name.startsWith(COUNTERS)) checkCounter(world, name, counted.length);
  checkTotals(world, spec, letters.length);
}

function checkCounter(world: World, name: string, expected: number): void {
  const found = world.commits.at(-1)?.totals[name] ?? 0;
  if (found !== expected) world.fail(`oracle: counter ${name} says ${found}; ${expected} rows were counted`);
}

interface Letter {
  readonly split: string;
  readonly position: number;
}

/** User code that looks at each row in the keyed operator. */
const CHECKING: readonly KeyedSpec['kind'][] = [
  'count',
  'map-state',
  'buffer',
  'wait',
  'session',
  'ttl',
  'co-count',
  'co-buffer',
];

/**
 * Every record through the operators before the first keyed one; a record that user code refuses becomes a letter and nothing else.
 * `source`: the last source's rows as they are.
 */
function beforeKeyed(
  world: World,
  spec: GraphSpec,
): { letters: string[]; rows: Timed[]; source: Timed[]; sides: Sides } {
  const letters: string[] = [];
  const rows: Timed[] = [];
  const source: Timed[] = [];
  const sides: Sides = new Map();
  const { main } = spec;
  const inKeyed =
    main !== null &&
    ((spec.poisonIn === 'key' && !('all' in main && main.all)) ||
      (spec.poisonIn === 'process' && CHECKING.includes(main.kind)));
  const asksSource = main !== null && isTwoInput(main) && main.other === 'source';
  const asks = spec.pre.findIndex(isExchange);
  const isBad = ({ row }: Timed): boolean => isPoison(row, spec.poison);
  world.script.forEach(({ splits }, i) => {
    for (const split of splits) {
      for (const record of split.records) {
        const { row } = record;
        const own: Sides = new Map();
        const copiesOf = row === null ? [] : spec.selfUnion && i === 0 ? [row, row] : [row];
        const input = copiesOf.map((r) => ({ row: r, ts: r.t }));
        const out = chained(spec, spec.pre, 'pre', input, own);
        const other = row === null || i < world.script.length - 1 ? [] : [{ row, ts: row.t }];
        const refused =
          row === null ||
          (spec.poisonIn === 'map' && isPoison(row, spec.poison)) ||
          (spec.poisonIn === 'async' && chained(spec, spec.pre.slice(0, asks), 'pre', input, new Map()).some(isBad)) ||
          (inKeyed && (asksSource ? [...out, ...other] : out).some(isBad));
        if (refused) {
          letters.push(`source-${i}/${split.id}:${record.position}`);
          continue;
        }
        rows.push(...out);
        source.push(...other);
        for (const [sink, some] of own) sides.set(sink, [...(sides.get(sink) ?? []), ...some]);
      }
    }
  });
  spec.pre.forEach((op, i) => op === 'process' && !sides.has(`side-pre-${i}`) && sides.set(`side-pre-${i}`, []));
  return { letters, rows, source, sides };
}

function chained(
  spec: GraphSpec,
  ops: readonly StatelessSpec[],
  name: string,
  input: readonly Timed[],
  sides: Sides,
): Timed[] {
  let rows = [...input];
  const each = (of: (row: Row) => readonly Row[]): void => {
    rows = rows.flatMap(({ row, ts }) => of(row).map((made) => ({ row: made, ts })));
  };
  ops.forEach((op, i) => {
    switch (op) {
      case 'map':
        each((row) => [mapped(row)]);
        return;
      case 'filter':
        rows = rows.filter(({ row }) => passes(row));
        return;
      case 'flatMap':
        each(copies);
        return;
      case 'process': {
        const sink = `side-${name}-${i}`;
        sides.set(sink, [...(sides.get(sink) ?? []), ...rows.filter(({ row }) => goesAside(row))]);
        rows = rows.filter(({ row }) => !goesAside(row));
        return;
      }
      case 'tally': {
        const counter = `${COUNTERS}${name}-${i}:tally`;
        sides.set(counter, [...(sides.get(counter) ?? []), ...rows]);
        return;
      }
      case 'async':
      case 'async-retry':
        each(answers);
        return;
      case 'async-timeout':
        each((row) => (isSlow(row) ? [timedOut(row)] : answers(row)));
        return;
      case 'copies':
        each((row) => Array.from({ length: spec.parallelism }, () => row));
        return;
      default:
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
    spec.strategy !== 'drowsy' &&
    world.script.every((source) => source.splits.every((split) => split.appearsMs === 0))
  );
}

interface Through {
  readonly world: World;
  readonly spec: GraphSpec;
  readonly name: 'main' | 'second';
  readonly input: readonly Timed[];
  /** Rows of the last source. */
  readonly source: readonly Timed[];
  readonly keyOf: (row: Row) => string;
  readonly oneChannel: boolean;
}

/** The keyed operator's rows, or null where they depend on the cuts; then what goes in must come out. */
function throughKeyed(through: Through, op: KeyedSpec): Timed[] | null {
  const { world, spec, name, input, keyOf, oneChannel } = through;
  const last = name === 'second' || (spec.second === null && spec.post.length === 0);
  if (isTwoInput(op)) return throughTwo(through, op, last);
  switch (op.kind) {
    case 'count':
    case 'map-state':
    case 'ttl':
      return [...input];
    case 'panes':
      return throughPanes(through, op, last);
    case 'count-window':
      if (last) checkCounts(through, op);
      return null;
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

function throughPanes({ world, spec, name, input, keyOf }: Through, op: PanesSpec, last: boolean): Timed[] | null {
  const { windows, trigger, evictor } = op;
  const forever = windows.by === 'global';
  const exact = forever || cutDoesNotShow(world, spec) ? paned(op, input, keyOf) : null;
  const late = lateSinks(op, name).flatMap((sink) => visible(world, sink)) as Row[];
  if (exact !== null && late.length > 0) world.fail(`oracle: ${late.length} rows of ${name} are late, and none can be`);
  const plain = trigger.when === 'default' || trigger.when === 'end';
  if (exact !== null && plain) return exact;
  if (!last) return null;
  const output = visible(world, 'out') as Row[];
  if (exact !== null) {
    const last = exact.map(({ row }) => essence(row));
    // What a session fired before it merged stands under another end.
    if (windows.by.endsWith('session')) holds(world, last, output.map(essence));
    else same(world, 'out', last, finalFirings(output).map(essence));
    return null;
  }
  within(world, input, output, op.all ? () => 'all' : keyOf);
  const dropped = (world.commits.at(-1)?.totals['lateDropped'] ?? 0) > 0;
  if (!plain || evictor !== null) return null;
  if (windows.by === 'tumbling') conserved(world, input, [...finalFirings(output), ...late], dropped);
  else if (windows.by === 'clock' || windows.by === 'clock-session') conserved(world, input, output, true);
  else if (windows.by !== 'clock-sliding' && !dropped && allFit(windows)) present(world, input, [...output, ...late]);
  return null;
}

/** Every row is in some window. */
const allFit = (windows: PanesSpec['windows']): boolean =>
  windows.by !== 'sliding' || windows.slideMs <= windows.sizeMs;

function holds(world: World, some: readonly unknown[], all: readonly unknown[]): void {
  const missing = minus(multiset(some), multiset(all));
  if (missing.length > 0) world.fail(`oracle: missing in the output: ${missing.slice(0, 5).join(' ')}`);
}

/** No firing holds rows that its key has not, nor a row more often than that came. */
function within(world: World, input: readonly Timed[], output: readonly Row[], keyOf: (row: Row) => string): void {
  const byKey = Map.groupBy(input, ({ row }) => keyOf(row));
  for (const firing of output) {
    const own = (byKey.get(firing.k) ?? []).flatMap(({ row }) => row.ids.map(String));
    const extra = minus(firing.ids.map(String), own);
    if (extra.length > 0) world.fail(`oracle: a window of ${firing.k} holds ${extra.join()}, which its key has not`);
  }
}

function present(world: World, input: readonly Timed[], output: readonly Row[]): void {
  const found = new Set(output.flatMap((row) => row.ids));
  for (const { row } of input)
    for (const id of row.ids) if (!found.has(id)) world.fail(`conservation: record ${id} is in no window`);
}

function checkCounts({ world, input, keyOf }: Through, op: CountWindowSpec): void {
  const output = visible(world, 'out') as Row[];
  const found = output.map((row) => [row.k, row.ids.length]);
  if (input.every(({ row }) => row.ids.length === 1)) same(world, 'out', countFirings(op, input, keyOf), found);
  if (op.slide === null) conserved(world, input, output, true);
}

function throughTwo(
  { world, spec, name, input, source, keyOf }: Through,
  op: TwoInputSpec,
  last: boolean,
): Timed[] | null {
  const both = bothInputs(op, input, source);
  const exact = cutDoesNotShow(world, spec);
  switch (op.kind) {
    case 'co-count':
    case 'broadcast':
      return oneForEach({ ...op, kind: op.kind }, both);
    case 'co-buffer':
      if (exact) return coBuffered(op.bucketMs, both, keyOf);
      if (last) conserved(world, [...both.left, ...both.right], visible(world, 'out') as Row[], false);
      return null;
    case 'broadcast-buffer':
      if (exact) return ruledBuckets(op.bucketMs, both, keyOf);
      if (last) conserved(world, both.left, visible(world, 'out') as Row[], false);
      return null;
    case 'co-group':
    case 'window-join':
      return exact ? windowJoined(op.kind, op.windows, both, keyOf) : null;
    case 'interval-join': {
      const all = pairs(op, both, keyOf);
      if (exact) {
        for (const sink of lateSinks(op, name)) same(world, sink, [], visible(world, sink));
        return all;
      }
      if (last) someOf(world, all, visible(world, 'out') as Row[]);
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

/** Late rows find no partners, but nothing else may be joined, nor twice. */
function someOf(world: World, all: readonly Timed[], output: readonly Row[]): void {
  const extra = minus(multiset(output.map(essence)), multiset(all.map(({ row }) => essence(row))));
  if (extra.length > 0) world.fail(`oracle: ${extra.length} pairs too many: ${extra.slice(0, 5).join(' ')}`);
}

/** By the manifests: read = emitted + late + dropped + dead-lettered + filtered, where every operator makes one row of one row. */
function checkTotals(world: World, spec: GraphSpec, letters: number): void {
  const totals = world.commits.at(-1)?.totals ?? {};
  const count = (name: string): number => totals[name] ?? 0;
  if (count('deadLettered') !== letters)
    world.fail(`the manifests count ${count('deadLettered')} dead letters; there are ${letters}`);
  let late = 0;
  for (const sink of [...lateSinks(spec.main, 'main'), ...lateSinks(spec.second, 'second')])
    late += visible(world, sink).length;
  if (count('late') !== late) world.fail(`the manifests count ${count('late')} late rows; ${late} are in the sinks`);
  const oneToOne = (op: KeyedSpec | null): boolean =>
    op === null || op.kind === 'reduce' || op.kind === 'count' || op.kind === 'map-state' || op.kind === 'ttl';
  const plain =
    !spec.selfUnion &&
    !spec.raw &&
    ![...spec.pre, ...spec.post].some((op) => op === 'flatMap' || isExchange(op)) &&
    oneToOne(spec.main) &&
    oneToOne(spec.second);
  const out = count('recordsOut') + count('filtered') + count('lateDropped');
  if (plain && count('recordsIn') !== out)
    world.fail(`conservation: ${count('recordsIn')} records in, ${out} rows out, filtered or dropped`);
}

function visible(world: World, sink: string): unknown[] {
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
