/**
 * What must be in the sinks when a job has finished, worked out record by record without the engine. Exact where the answer does
 * not depend on how the input was cut into epochs (E7b); where it does, conservation: every record is somewhere, once.
 */
import type { JobInWorld } from './job-in-world.ts';
import { lateSinks, type GraphSpec, type KeyedSpec } from './graph-spec.ts';
import { isExchange, isTwoInput, type TwoInputSpec } from './operator-specs.ts';
import { conserved, essence, finalFirings, holds, present, same, someOf, visible, within } from './oracle-checks.ts';
import { bothInputs, coBuffered, oneForEach, pairs, ruledBuckets, type Timed } from './oracle-two-inputs.ts';
import { countFirings, paned, windowJoined } from './oracle-panes.ts';
import { beforeKeyed, chained, COUNTERS, type Drops } from './oracle-stateless.ts';
import type { CountWindowSpec, PanesSpec } from './pane-specs.ts';
import { added, NOTHING } from './row-functions.ts';
import type { Row } from './script.ts';
import type { World } from './world.ts';

export function checkOracle(job: JobInWorld): void {
  const { world, spec } = job;
  const { letters, rows, source, sides, filtered } = beforeKeyed(world, spec);
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
  if (spec.main !== null) {
    drops.n += parted(spec.main, rows);
    const oneChannel = channels(spec) === 1 && !spec.pre.some(isExchange);
    known = throughKeyed(
      { world, spec, name: 'main', input: rows, source, keyOf: (row) => row.k, oneChannel },
      spec.main,
    );
  }
  const afterMain = known;
  if (known !== null) known = chained(spec, spec.post, 'post', known, sides, drops);
  if (known !== null && spec.second !== null) {
    const keyOf = (row: Row): string => `${row.v % 3}`;
    drops.n += parted(spec.second, known);
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
  const exact = isPlain(spec.main) && isPlain(spec.second) && ![...spec.pre, ...spec.post].some(isExchange);
  checkFiltered(world, drops.n, exact && (spec.main === null || afterMain !== null));
}

function checkCounter(world: World, name: string, expected: number): void {
  const found = world.commits.at(-1)?.totals[name] ?? 0;
  if (found !== expected) world.fail(`oracle: counter ${name} says ${found}; ${expected} rows were counted`);
}

export interface Letter {
  readonly split: string;
  readonly position: number;
}

/** Two filters part the rows between two inputs: each row is dropped by one of them. */
const parted = (op: KeyedSpec, rows: readonly Timed[]): number =>
  isTwoInput(op) && op.other === 'odd' ? rows.length : 0;

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

/** No operator filters rows of its own accord. */
function isPlain(op: KeyedSpec | null): boolean {
  return op === null || !isTwoInput(op);
}

/** `exact`: all rows that went through stateless operators are known. */
function checkFiltered(world: World, filtered: number, exact: boolean): void {
  const found = world.commits.at(-1)?.totals['filtered'] ?? 0;
  if (exact ? found !== filtered : found < filtered)
    world.fail(`the manifests count ${found} rows filtered; it should be ${filtered}`);
}
