/** What stateless operators make of every record, one by one; and which records user code refuses. */
import type { GraphSpec, KeyedSpec, StatelessSpec } from './graph-spec.ts';
import { asksSource, isExchange } from './operator-specs.ts';
import type { Timed } from './oracle-two-inputs.ts';
import { answers, copies, goesAside, isPoison, isSlow, mapped, passes, timedOut } from './row-functions.ts';
import type { Row, ScriptRecord } from './script.ts';
import type { World } from './world.ts';

/** What users count stands under such names in the manifests. */
export const COUNTERS = 'user:';

/** Rows by sink uid; and those that were counted, by the counter's name. */
export type Sides = Map<string, Timed[]>;

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
export function beforeKeyed(
  world: World,
  spec: GraphSpec,
  wasRead: (split: string, record: ScriptRecord) => boolean = () => true,
): {
  readonly letters: string[];
  readonly rows: Timed[];
  readonly source: Timed[];
  readonly sides: Sides;
  readonly filtered: number;
} {
  const drops: Drops = { n: 0 };
  const letters: string[] = [];
  const rows: Timed[] = [];
  const source: Timed[] = [];
  const sides: Sides = new Map();
  const { main } = spec;
  const inKeyed =
    main !== null &&
    ((spec.poisonIn === 'key' && !('all' in main && main.all)) ||
      (spec.poisonIn === 'process' && CHECKING.includes(main.kind)));
  const asks = spec.pre.findIndex(isExchange);
  const isBad = ({ row }: Timed): boolean => isPoison(row, spec.poison);
  world.script.forEach(({ splits }, i) => {
    for (const split of splits) {
      for (const record of split.records) {
        if (!wasRead(`source-${i}/${split.id}`, record)) continue;
        const { row } = record;
        const own: Sides = new Map();
        const dropped: Drops = { n: 0 };
        const copiesOf = row === null ? [] : spec.selfUnion && i === 0 ? [row, row] : [row];
        const input = copiesOf.map((r) => ({ row: r, ts: r.t }));
        const out = chained(spec, spec.pre, 'pre', input, own, dropped);
        const other = row === null || i < world.script.length - 1 ? [] : [{ row, ts: row.t }];
        const refused =
          row === null ||
          (spec.poisonIn === 'map' && isPoison(row, spec.poison)) ||
          (spec.poisonIn === 'async' &&
            chained(spec, spec.pre.slice(0, asks), 'pre', input, new Map(), { n: 0 }).some(isBad)) ||
          (inKeyed && (asksSource(main) ? [...out, ...other] : out).some(isBad));
        if (refused) {
          letters.push(`source-${i}/${split.id}:${record.position}`);
          continue;
        }
        rows.push(...out);
        source.push(...other);
        drops.n += dropped.n;
        for (const [sink, some] of own) sides.set(sink, [...(sides.get(sink) ?? []), ...some]);
      }
    }
  });
  spec.pre.forEach((op, i) => op === 'process' && !sides.has(`side-pre-${i}`) && sides.set(`side-pre-${i}`, []));
  return { letters, rows, source, sides, filtered: drops.n };
}

/** Rows of which an operator made nothing: `filtered` in the manifests. */
export interface Drops {
  n: number;
}

export function chained(
  spec: GraphSpec,
  ops: readonly StatelessSpec[],
  name: string,
  input: readonly Timed[],
  sides: Sides,
  drops: Drops,
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
        drops.n += rows.filter(({ row }) => !passes(row)).length;
        rows = rows.filter(({ row }) => passes(row));
        return;
      case 'flatMap':
        drops.n += rows.filter(({ row }) => copies(row).length === 0).length;
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
