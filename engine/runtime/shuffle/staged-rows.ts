/** Rows of one channel for one receiver that wait until they are enough for a chunk. */
import type { ExchangeBatch } from '../../operators/exchange-batch.ts';
import {
  MAX_CHUNK_ROWS,
  MAX_SHAPES,
  type ChannelEntry,
  type ChunkShape,
  type KeySource,
  type RowShape,
} from './block-format.ts';
import type { BlockOutput } from './block-output.ts';
import { StagedNumbers, StagedStrings, type Selection, type StagedColumn } from './staged-columns.ts';
import type { LazyShape } from './lazy-shape.ts';
import { writeNumbers } from './number-column.ts';
import { recordKeys, RecordShape } from './record-shape.ts';
import { DictionaryHint } from './string-column.ts';
import { writeNumberValues, writeStringValues, writeValues } from './value-column.ts';

const FIRST_ROWS = 128;

/** What rows must have in common to share a chunk. */
export interface RowKind {
  readonly lazy: LazyShape | null;
  readonly key: KeySource;
  readonly located: boolean;
  readonly input: number;
}

/** What a writer knows of the values it has seen, across chunks. */
export class ValueShapes {
  private readonly shapes = new Map<string, RecordShape>();
  readonly keys = new DictionaryHint();
  readonly single = new DictionaryHint();

  /** The shape of records like `value`; null when it is not a record, or there are too many shapes. */
  like(value: unknown): RecordShape | null {
    const names = recordKeys(value);
    if (names === null) return null;
    const text = JSON.stringify(names);
    let shape = this.shapes.get(text);
    if (shape === undefined && this.shapes.size < MAX_SHAPES)
      this.shapes.set(text, (shape = new RecordShape(names, value as object)));
    return shape ?? null;
  }
}

export class StagedRows {
  n = 0;
  /** Where the rows go when they are written. */
  entry: ChannelEntry;
  kind: RowKind;
  private readonly shapes: ValueShapes;
  private capacity = FIRST_ROWS;
  private ts = new Float64Array(FIRST_ROWS);
  private wm = new Float64Array(FIRST_ROWS);
  private positions = new Float64Array(FIRST_ROWS);
  private hashes = new Int32Array(FIRST_ROWS);
  private readonly values: unknown[] = [];
  private readonly keys: unknown[] = [];
  private guess = 0;
  private columns: StagedColumn[] = [];
  private columnsOf: LazyShape | null = null;

  constructor(entry: ChannelEntry, kind: RowKind, shapes: ValueShapes) {
    this.entry = entry;
    this.kind = kind;
    this.shapes = shapes;
  }

  begin(entry: ChannelEntry, kind: RowKind): void {
    this.entry = entry;
    this.kind = kind;
    if (kind.lazy === null || kind.lazy === this.columnsOf) return;
    const { capacity } = this;
    this.columnsOf = kind.lazy;
    this.columns = kind.lazy.names.map((_, i) =>
      kind.lazy!.isString(i) ? new StagedStrings(capacity, kind.lazy!.hints[i]!) : new StagedNumbers(capacity),
    );
  }

  takes(kind: RowKind): boolean {
    const own = this.kind;
    return (
      own.lazy === kind.lazy && own.located === kind.located && own.input === kind.input && sameKey(own.key, kind.key)
    );
  }

  get firstWm(): number {
    return this.wm[0]!;
  }

  /** Bytes that wait: text as it is, plain values by samples, so that a few thousand large rows do not become one chunk. */
  get byteLength(): number {
    let sum = this.guess;
    for (const column of this.columns) sum += column.byteLength;
    return sum;
  }

  /** Appends rows order[from, to) of the batch, whose key hashes are in `hashes`; there must be room for them in a chunk. */
  append(batch: ExchangeBatch, hashes: Int32Array, rows: Selection): void {
    const { order, from, to } = rows;
    const at = this.n;
    const end = at + to - from;
    if (end > this.capacity) this.grow(end);
    gatherDoubles(batch.ts, order, from, to, this.ts, at);
    gatherDoubles(batch.wm, order, from, to, this.wm, at);
    gatherInts(hashes, order, from, to, this.hashes, at);
    const { kind, positions } = this;
    if (kind.located) {
      const source = batch.source!;
      const { index } = batch;
      for (let o = from, n = at; o < to; o++, n++) positions[n] = source.positionOf(index[order[o]!]!);
    }
    if (kind.key.kind === 'sent') for (let o = from; o < to; o++) this.keys.push(batch.keys[order[o]!]);
    if (kind.lazy === null) {
      for (let o = from; o < to; o++) this.values.push(batch.values[order[o]!]);
      const { values } = this;
      this.guess += (to - from) * Math.max(roughBytes(values[at], 0), roughBytes(values[values.length - 1], 0));
    } else {
      const cols = batch.source!.cols!;
      for (let c = 0; c < this.columns.length; c++) this.columns[c]!.gather(cols, c, at, rows);
    }
    this.n = end;
  }

  /** Writes the rows as a chunk and forgets them; answers the chunk's shape. */
  write(out: BlockOutput): ChunkShape {
    const { n, kind } = this;
    writeNumbers(out, this.ts, n);
    writeNumbers(out, this.wm, n);
    out.putInt32s(this.hashes, n);
    if (kind.located) writeNumbers(out, this.positions, n);
    if (kind.key.kind === 'sent')
      writeValues(out, this.keys, n, this.shapes.keys, (i) => this.rowName('the key of a row', i));
    const rows = kind.lazy === null ? this.writeValues(out) : this.writeColumns(out, kind.lazy);
    this.values.length = this.keys.length = this.n = this.guess = 0;
    return { rows, key: kind.key, located: kind.located, input: kind.input };
  }

  private writeColumns(out: BlockOutput, lazy: LazyShape): RowShape {
    for (const column of this.columns) column.write(out, this.n);
    return { kind: 'lazy', names: lazy.names, types: lazy.types };
  }

  private writeValues(out: BlockOutput): RowShape {
    const { n, values } = this;
    const shape = this.shapes.like(values[0]);
    const what = (i: number): string => this.rowName('a row', i);
    if (shape === null || !shape.extract(values, n)) {
      writeValues(out, values, n, this.shapes.single, what);
      return { kind: 'values' };
    }
    shape.columns.forEach((column, c) => {
      const type = shape.types[c]!;
      const hint = shape.hints[c]!;
      if (type === 'number') writeNumberValues(out, column as Float64Array, n);
      else if (type === 'string') writeStringValues(out, column as string[], n, hint);
      else writeValues(out, column as unknown[], n, hint, (i) => `field "${shape.names[c]}" of ${what(i)}`);
    });
    shape.clear(n);
    return { kind: 'record', names: shape.names };
  }

  private rowName(what: string, i: number): string {
    return this.kind.located
      ? `${what} (split ${this.entry.split}, position ${this.positions[i]})`
      : `${what} with timestamp ${this.ts[i]}`;
  }

  private grow(needed: number): void {
    const capacity = Math.min(MAX_CHUNK_ROWS, Math.max(needed, this.capacity * 2));
    const longer = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const made = new Float64Array(capacity);
      made.set(old);
      return made;
    };
    this.ts = longer(this.ts);
    this.wm = longer(this.wm);
    this.positions = longer(this.positions);
    const hashes = new Int32Array(capacity);
    hashes.set(this.hashes);
    this.hashes = hashes;
    for (const column of this.columns) column.grow(capacity);
    this.capacity = capacity;
  }
}

/** Size of a value, from its strings and its top levels. */
function roughBytes(value: unknown, depth: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null || depth > 2) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (value instanceof Map || value instanceof Set) return 64 * value.size;
  let sum = 0;
  let left = 16;
  for (const part of Object.values(value)) {
    if (left-- === 0) return (sum / 16) * Object.keys(value).length;
    sum += roughBytes(part, depth + 1);
  }
  return sum;
}

export function sameKey(a: KeySource, b: KeySource): boolean {
  return a.kind === b.kind && (a.kind === 'sent' || a.kind === 'none' || a.field === (b as typeof a).field);
}

function gatherDoubles(
  from: Float64Array,
  order: Int32Array,
  a: number,
  b: number,
  to: Float64Array,
  at: number,
): void {
  for (let o = a; o < b; o++) to[at++] = from[order[o]!]!;
}

function gatherInts(from: Int32Array, order: Int32Array, a: number, b: number, to: Int32Array, at: number): void {
  for (let o = a; o < b; o++) to[at++] = from[order[o]!]!;
}
