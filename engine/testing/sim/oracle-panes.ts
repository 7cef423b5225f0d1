/** What windows must hold, found by going through all rows of a key. */
import type { Timed } from './oracle-two-inputs.ts';
import type { AssignerSpec, CountWindowSpec, EvictorSpec, PanesSpec } from './pane-specs.ts';
import { added, gapOf, grouped, joined, NOTHING } from './row-functions.ts';
import type { Row } from './script.ts';

type KeyOf = (row: Row) => string;

export interface Group<T extends Timed> {
  readonly key: string;
  /** Null: it has no end. */
  readonly end: number | null;
  readonly rows: readonly T[];
}

/** Windows by event time and their rows. Null: two sessions touch, and whether they merge depends on which of them was over first. */
export function groupsOf<T extends Timed>(spec: AssignerSpec, input: readonly T[], keyOf: KeyOf): Group<T>[] | null {
  const byKey = Map.groupBy(input, ({ row }) => keyOf(row));
  const groups: Group<T>[] = [];
  for (const [key, rows] of byKey) {
    const own = spec.by.endsWith('session') ? sessions(spec, key, rows) : aligned(spec, key, rows);
    if (own === null) return null;
    groups.push(...own);
  }
  return groups;
}

function aligned<T extends Timed>(spec: AssignerSpec, key: string, rows: readonly T[]): Group<T>[] {
  const ends = new Map<number | null, T[]>();
  const put = (end: number | null, row: T): void => void ends.set(end, [...(ends.get(end) ?? []), row]);
  for (const row of rows) {
    if (spec.by === 'tumbling' || spec.by === 'sliding') {
      const slideMs = spec.by === 'sliding' ? spec.slideMs : spec.sizeMs;
      const first = Math.ceil((row.ts - spec.offsetMs - spec.sizeMs + 1) / slideMs) * slideMs + spec.offsetMs;
      for (let start = first; start <= row.ts; start += slideMs) put(start + spec.sizeMs, row);
    } else put(null, row);
  }
  return [...ends].map(([end, own]) => ({ key, end, rows: own }));
}

function sessions<T extends Timed>(spec: AssignerSpec, key: string, rows: readonly T[]): Group<T>[] | null {
  const endOf = ({ row, ts }: T): number => ts + (spec.by === 'session' ? spec.gapMs : gapOf(row));
  const groups: { key: string; end: number; rows: T[] }[] = [];
  for (const row of rows.toSorted((a, b) => a.ts - b.ts)) {
    const last = groups.at(-1);
    if (last !== undefined && row.ts === last.end) return null;
    if (last !== undefined && row.ts < last.end) {
      last.rows.push(row);
      last.end = Math.max(last.end, endOf(row));
    } else groups.push({ key, end: endOf(row), rows: [row] });
  }
  return groups;
}

/** The last firing of every window; null where it depends on more than the rows. */
export function paned(spec: PanesSpec, input: readonly Timed[], keyOf: KeyOf): Timed[] | null {
  if (spec.windows.by.startsWith('clock') || spec.evictor?.keeps === 'last') return null;
  if (spec.trigger.when === 'count' || spec.trigger.when === 'continuous-clock') return null;
  const groups = groupsOf(spec.windows, input, spec.all ? () => 'all' : keyOf);
  if (groups === null) return null;
  return groups.map(({ key, end, rows }) => {
    const sum = kept(spec.evictor, rows).reduce((all, { row }) => added(all, row), NOTHING);
    const t = end === null ? 0 : end - 1;
    return { row: { ...sum, k: key, t }, ts: t };
  });
}

function kept(evictor: EvictorSpec | null, rows: readonly Timed[]): readonly Timed[] {
  if (evictor === null || evictor.keeps === 'last') return rows;
  const latest = Math.max(...rows.map(({ ts }) => ts));
  return rows.filter(({ ts }) => ts > latest - evictor.ms);
}

/** How many rows each firing holds, by key: known whatever the order. */
export function countFirings(spec: CountWindowSpec, input: readonly Timed[], keyOf: KeyOf): [string, number][] {
  const firings: [string, number][] = [];
  for (const [key, rows] of Map.groupBy(input, ({ row }) => (spec.all ? 'all' : keyOf(row)))) {
    const every = spec.slide ?? spec.size;
    for (let n = every; n <= rows.length; n += every) firings.push([key, Math.min(n, spec.size)]);
  }
  return firings;
}

type Sided = Timed & { readonly left: boolean };

export function windowJoined(
  kind: 'co-group' | 'window-join',
  windows: AssignerSpec,
  { left, right }: { readonly left: readonly Timed[]; readonly right: readonly Timed[] },
  keyOf: KeyOf,
): Timed[] | null {
  const sided = (rows: readonly Timed[], isLeft: boolean): Sided[] => rows.map((timed) => ({ ...timed, left: isLeft }));
  const groups = groupsOf(windows, [...sided(left, true), ...sided(right, false)], keyOf);
  if (groups === null) return null;
  return groups.flatMap(({ end, rows }) => {
    const some = rows.filter((timed) => timed.left).map(({ row }) => row);
    const others = rows.filter((timed) => !timed.left).map(({ row }) => row);
    const ts = end! - 1;
    if (kind === 'co-group') return [{ row: grouped(some, others), ts }];
    return some.flatMap((a) => others.map((b) => ({ row: joined(a, b, Math.max(a.t, b.t)), ts })));
  });
}
