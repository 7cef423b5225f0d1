/**
 * How a seed draws its graph: a plain one, as seeds have always drawn it, and operators beyond that (operator-specs.ts) on top of it, with
 * names of their own.
 */
import type { Decisions } from './decisions.ts';
import { plainSpecOf, type GraphSpec, type KeyedSpec, type StatelessSpec } from './graph-spec.ts';
import { EXCHANGES, isExchange, type SecondInput } from './operator-specs.ts';
import { assignerOf, countWindowOf, EVENT_TIME, panesOf } from './pane-specs.ts';

/** `plain`: without the operators of operator-specs.ts. */
export type Graphs = 'all' | 'plain';

export function graphSpecOf(d: Decisions, graphs: Graphs = 'all'): GraphSpec {
  const plain = plainSpecOf(d);
  return graphs === 'plain' ? plain : extended(d, plain);
}

function extended(d: Decisions, spec: GraphSpec): GraphSpec {
  if (!d.chance('x', 0.65)) return spec;
  const main = spec.main !== null && d.chance('x.main', 0.75) ? operatorOf(d, 'x.main') : spec.main;
  const then = main !== null && d.chance('x.second', 0.2) ? operatorOf(d, 'x.second') : spec.second;
  const second = main !== null && isTimeless(main) ? null : then;
  const pre = withExchange(d, 'x.pre', spec.pre, 0.25);
  return poisonable({
    ...spec,
    pre,
    main,
    post: withExchange(d, 'x.post', spec.post, 0.2),
    second,
    strategy: d.pick('x.strategy', ['bounded', 'bounded', 'bounded', 'generator', 'punctuated', 'counting', 'drowsy']),
    alignMs: d.chance('x.align', 0.12) ? d.pick('x.alignMs', [0, 50, 300]) : null,
    parallelism: Math.min(spec.maxParallelism, d.pick('x.parallelism', [1, 2, 3])),
  });
}

/** What it emits lies at the end of time: nothing that goes by time can follow. */
function isTimeless(op: KeyedSpec): boolean {
  return op.kind === 'count-window' || (op.kind === 'panes' && op.windows.by === 'global');
}

/** One exchange somewhere in the chain; timestamps are assigned before it only. */
function withExchange(d: Decisions, name: string, ops: readonly StatelessSpec[], likely: number): StatelessSpec[] {
  if (!d.chance(name, likely)) return [...ops];
  const at = d.below(`${name}.at`, ops.length + 1);
  return [...ops.slice(0, at), d.pick(`${name}.kind`, EXCHANGES), ...ops.slice(at).filter((op) => op !== 'stamp')];
}

/** Records are refused only where their origin is known: before a partition, or in the keyed operator behind the sources. */
function poisonable(spec: GraphSpec): GraphSpec {
  const first = spec.pre.find(isExchange);
  const asks = first !== undefined && first.startsWith('async');
  if (asks && spec.poison > 0 && spec.poisonIn !== 'map') return { ...spec, poisonIn: 'async' };
  const broadcasts = spec.main?.kind === 'broadcast' || spec.main?.kind === 'broadcast-buffer';
  return first !== undefined || broadcasts ? { ...spec, poisonIn: 'map' } : spec;
}

function operatorOf(d: Decisions, name: string): KeyedSpec {
  const kind = d.pick(`${name}.kind`, [
    'co-count',
    'co-buffer',
    'co-buffer',
    'interval-join',
    'interval-join',
    'broadcast',
    'broadcast-buffer',
    'co-group',
    'window-join',
    'ttl',
    'panes',
    'panes',
    'panes',
    'panes',
    'panes',
    'count-window',
  ] as const);
  const other = d.pick<SecondInput>(`${name}.other`, ['odd', 'source']);
  const bucketMs = d.pick(`${name}.bucket`, [20, 100, 500]);
  switch (kind) {
    case 'co-count':
    case 'broadcast':
      return { kind, other };
    case 'co-buffer':
    case 'broadcast-buffer':
      return { kind, other, bucketMs };
    case 'interval-join': {
      const lowerMs = d.pick(`${name}.lower`, [-100, -20, 0, 30]);
      const upperMs = lowerMs + d.pick(`${name}.width`, [0, 20, 150]);
      return { kind, other, lowerMs, upperMs, late: d.chance(`${name}.late`, 0.5) };
    }
    case 'co-group':
    case 'window-join':
      return { kind, other, windows: assignerOf(d, name, EVENT_TIME) };
    case 'panes':
      return panesOf(d, name);
    case 'count-window':
      return countWindowOf(d, name);
    case 'ttl':
      return {
        kind,
        ttlMs: d.pick(`${name}.ttl`, [1, 40, 300]),
        onRead: d.chance(`${name}.onRead`, 0.5),
        returnsExpired: d.chance(`${name}.returnsExpired`, 0.5),
      };
  }
}
