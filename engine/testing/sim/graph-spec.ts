/**
 * A random job as data: what a seed builds, what the naive oracle reads, and what shrinking makes smaller. The shape is a line with
 * branches: sources → union → stateless operators → a keyed operator → stateless operators → a second keyed operator → sink;
 * side outputs, late rows, dead letters and a raw copy have sinks of their own.
 */
import type { Decisions } from './decisions.ts';
import type { ExchangeSpec, StrategySpec, TtlSpec, TwoInputSpec } from './operator-specs.ts';
import type { CountWindowSpec, PanesSpec } from './pane-specs.ts';
import { inputSpecOf, type InputSpec } from './script.ts';
import type { SinkKind } from './sink-target.ts';

export type StatelessSpec = 'map' | 'filter' | 'flatMap' | 'process' | 'stamp' | ExchangeSpec;

export type KeyedSpec =
  | { readonly kind: 'reduce' | 'count' | 'map-state' }
  /** Rows wait in a list for a timer of their time (`buffer`), of the plan's clock (`wait`), or until none came for a while (`session`). */
  | { readonly kind: 'buffer' | 'wait' | 'session'; readonly delayMs: number }
  | {
      readonly kind: 'window';
      readonly sizeMs: number;
      readonly latenessMs: number;
      readonly late: boolean;
      readonly list: boolean;
      /** If it is no list: rows may be merged before the shuffle. */
      readonly early: boolean;
    }
  | TwoInputSpec
  | TtlSpec
  | PanesSpec
  | CountWindowSpec;

export interface GraphSpec {
  readonly input: InputSpec;
  readonly delayMs: number;
  readonly idleMs: number | null;
  readonly selfUnion: boolean;
  readonly pre: readonly StatelessSpec[];
  readonly main: KeyedSpec | null;
  readonly post: readonly StatelessSpec[];
  readonly second: KeyedSpec | null;
  readonly sink: SinkKind;
  /** Sink of the side streams. */
  readonly sideSink: SinkKind;
  readonly letters: boolean;
  /** Dead letters go through a keyed operator of their own. */
  readonly keyedLetters: boolean;
  /** The rows before the first keyed operator go to a sink, too. */
  readonly raw: boolean;
  /** User code throws on rows whose value it divides; 0: never. */
  readonly poison: number;
  readonly poisonIn: 'map' | 'key' | 'process' | 'async';
  readonly maxParallelism: number;
  readonly subtasks: number;
  readonly strategy: StrategySpec;
  /** The most that a split may be ahead of the slowest; null: as far as it likes. */
  readonly alignMs: number | null;
  /** Partitions that rows are dealt out to. */
  readonly parallelism: number;
}

/** Without the operators of operator-specs.ts: draw-graph.ts adds them. */
export function plainSpecOf(d: Decisions): GraphSpec {
  const drawn = inputSpecOf(d);
  // Much that is late, for windows.
  const lateness = d.chance('g.lateness', 0.15);
  const input = lateness ? { ...drawn, disorderMs: 300, spacingMs: 40, records: 20 } : drawn;
  const letters = d.chance('g.letters', 0.5);
  const main = lateness ? windowOf(d, 'g.main') : d.chance('g.main', 0.85) ? keyedOf(d, 'g.main', input) : null;
  const poison = letters ? d.pick('g.poison', [0, 0, 7, 13]) : 0;
  const second = main !== null && d.chance('g.second', 0.3) ? keyedOf(d, 'g.second', input) : null;
  return {
    input: letters ? input : { ...input, badRate: 0 },
    delayMs: lateness
      ? d.pick('g.delayShort', [0, 50])
      : d.chance('g.tight', 0.5)
        ? input.disorderMs
        : d.pick('g.delay', [0, 20, input.disorderMs]),
    idleMs: input.growing && d.chance('g.idle', 0.4) ? d.pick('g.idleMs', [50, 200]) : null,
    selfUnion: d.chance('g.selfUnion', 0.08),
    pre: statelessOf(d, 'g.pre', 3),
    main,
    post: statelessOf(d, 'g.post', 2).filter((op) => op !== 'stamp'),
    second,
    sink: d.pick('g.sink', ['transactional', 'transactional', 'files']),
    sideSink: d.pick('g.sideSink', ['transactional', 'files']),
    letters,
    keyedLetters: letters && d.chance('g.keyedLetters', 0.25),
    raw: d.chance('g.raw', 0.15),
    poison,
    poisonIn: d.pick('g.poisonIn', ['map', 'key', 'process', 'process']),
    maxParallelism: d.pick('g.maxParallelism', [1, 2, 8]),
    subtasks: d.pick('g.subtasks', [1, 1, 1, 2]),
    strategy: 'bounded',
    alignMs: null,
    parallelism: 1,
  };
}

function statelessOf(d: Decisions, name: string, most: number): StatelessSpec[] {
  const n = d.below(`${name}.n`, most + 1);
  return Array.from({ length: n }, (_, i) =>
    d.pick(`${name}.${i}`, ['map', 'filter', 'flatMap', 'process', 'map', 'stamp'] as const),
  );
}

function keyedOf(d: Decisions, name: string, input: InputSpec): KeyedSpec {
  const kind = d.pick(`${name}.kind`, [
    'window',
    'window',
    'window',
    'reduce',
    'count',
    'map-state',
    'buffer',
    'buffer',
    'wait',
    'session',
  ] as const);
  if (kind === 'window') return windowOf(d, name);
  if (kind === 'buffer' || kind === 'wait' || kind === 'session')
    return { kind, delayMs: d.pick(`${name}.delay`, [0, 30, input.spacingMs * 3, 400]) };
  return { kind };
}

function windowOf(d: Decisions, name: string): KeyedSpec {
  return {
    kind: 'window',
    sizeMs: d.pick(`${name}.size`, [50, 200, 1000]),
    latenessMs: d.pick(`${name}.lateness`, [0, 0, 100]),
    late: d.chance(`${name}.late`, 0.6),
    list: d.chance(`${name}.list`, 0.3),
    early: d.chance(`${name}.early`, 0.5),
  };
}

/** Sinks of the job, by uid. */
export function sinksOf(spec: GraphSpec): Map<string, SinkKind> {
  const sinks = new Map<string, SinkKind>([['out', spec.sink]]);
  spec.pre.forEach((op, i) => op === 'process' && sinks.set(`side-pre-${i}`, spec.sideSink));
  spec.post.forEach((op, i) => op === 'process' && sinks.set(`side-post-${i}`, spec.sideSink));
  for (const uid of [...lateSinks(spec.main, 'main'), ...lateSinks(spec.second, 'second')])
    sinks.set(uid, spec.sideSink);
  if (spec.letters) sinks.set('letters', spec.sideSink);
  if (spec.raw) sinks.set('raw', spec.sideSink);
  return sinks;
}

/** Sinks of the operator's late rows, by uid. */
export function lateSinks(op: KeyedSpec | null, name: string): string[] {
  if (op === null || !('late' in op) || !op.late) return [];
  return op.kind === 'interval-join' ? [`late-${name}`, `late-${name}-right`] : [`late-${name}`];
}
