/**
 * The input of a simulated job: splits of records at positions with gaps, out of order, some of them not to be parsed, all there
 * from the start or arriving over time. What a record is follows from its name alone, so input can be cut off without
 * changing the rest.
 */
import type { Decisions } from './decisions.ts';

/** 2024-01-01: simulated wall clocks begin here, and records' timestamps lie near it. */
export const EPOCH_START_MS = 1_704_067_200_000;

export interface Row {
  /** Ids of the source records that it was made of. */
  readonly ids: readonly number[];
  readonly k: string;
  readonly v: number;
  readonly t: number;
  readonly n: number;
  readonly pad?: string;
}

export interface ScriptRecord {
  readonly id: number;
  readonly position: number;
  /** Null: it does not parse. */
  readonly row: Row | null;
  readonly readyMs: number;
}

export interface ScriptSplit {
  readonly id: string;
  readonly start: number;
  readonly records: readonly ScriptRecord[];
  /** Position after the last record. */
  readonly end: number;
  readonly appearsMs: number;
}

export interface ScriptSource {
  readonly bounded: boolean;
  readonly splits: readonly ScriptSplit[];
}

export interface InputSpec {
  readonly sources: number;
  readonly splits: readonly number[];
  readonly bounded: boolean;
  /** Records arrive over time, and so may splits. */
  readonly growing: boolean;
  readonly records: number;
  readonly keys: number;
  /** Milliseconds by which a record may be behind the newest one of its split. */
  readonly disorderMs: number;
  readonly badRate: number;
  /** Bytes that make rows large enough to be staged as objects of their own. */
  readonly padding: number;
  readonly spacingMs: number;
}

export function inputSpecOf(d: Decisions): InputSpec {
  const sources = d.chance('in.two', 0.2) ? 2 : 1;
  const growing = d.chance('in.growing', 0.4);
  return {
    sources,
    splits: Array.from({ length: sources }, (_, i) => d.pick(`in.splits${i}`, [1, 1, 2, 3])),
    bounded: !growing || d.chance('in.bounded', 0.5),
    growing,
    records: d.pick('in.records', [6, 12, 20, 30]),
    keys: d.pick('in.keys', [1, 2, 4, 7]),
    disorderMs: d.pick('in.disorder', [0, 0, 40, 300]),
    badRate: d.pick('in.bad', [0, 0, 0.08]),
    padding: d.pick('in.padding', [0, 0, 700]),
    spacingMs: d.pick('in.spacing', [10, 40, 150]),
  };
}

/** `limit`: records per split at most (for shrinking). */
export function scriptOf(d: Decisions, spec: InputSpec, limit: number): ScriptSource[] {
  let id = 0;
  return spec.splits.map((splits, source) => ({
    bounded: spec.bounded,
    splits: Array.from({ length: splits }, (_, i): ScriptSplit => {
      const name = `s${source}.${i}`;
      const firstId = id;
      id += 1000;
      return splitOf(d, spec, name, `part-${i}`, firstId, i, limit);
    }),
  }));
}

function splitOf(
  d: Decisions,
  spec: InputSpec,
  name: string,
  id: string,
  firstId: number,
  index: number,
  limit: number,
): ScriptSplit {
  const start = d.pick(`${name}.start`, [0, 0, 100]);
  const appearsMs =
    spec.growing && !spec.bounded && index > 0 && d.chance(`${name}.late`, 0.5)
      ? d.between(`${name}.appears`, 50, 1500)
      : 0;
  const count = Math.min(limit, d.between(`${name}.count`, 0, spec.records));
  const records: ScriptRecord[] = [];
  let position = start;
  let readyMs = appearsMs;
  for (let i = 0; i < count; i++) {
    const at = `${name}.${i}`;
    if (spec.growing) readyMs += d.pick(`${at}.gap`, [0, 0, 5, 60, 300]);
    const bad = d.chance(`${at}.bad`, spec.badRate);
    records.push({ id: firstId + i, position, row: bad ? null : rowOf(d, spec, at, firstId + i, i), readyMs });
    position += d.between(`${at}.size`, 1, 9);
  }
  return { id, start, records, end: position, appearsMs };
}

function rowOf(d: Decisions, spec: InputSpec, at: string, id: number, i: number): Row {
  const t =
    EPOCH_START_MS + i * spec.spacingMs - (spec.disorderMs === 0 ? 0 : d.below(`${at}.back`, spec.disorderMs + 1));
  const row = { ids: [id], k: `k${d.below(`${at}.key`, spec.keys)}`, v: d.below(`${at}.v`, 100), t, n: 1 };
  return spec.padding === 0 ? row : { ...row, pad: 'x'.repeat(spec.padding) };
}
