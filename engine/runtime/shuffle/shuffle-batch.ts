/** Rows of one chunk: an ExchangeBatch whose source is a view of the block. */
import type { RowClass } from '../../formats/row-cursor.ts';
import type { BadRecord } from '../../model/bad-record.ts';
import type { ColumnSet, RowCursor, SourceBatch } from '../../model/source-batch.ts';
import { textOf } from '../../operators/collection-source.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { ChunkShape, RowShape } from './block-format.ts';
import { lazyColumns } from './lazy-columns.ts';

const EMPTY = Buffer.alloc(0);

/** The rows as a source's: where each came from, and what it looks like. */
export class ShuffledRows implements SourceBatch {
  n = 0;
  values: unknown[] | null = null;
  readonly row: RowCursor | null = null;
  readonly cols: ColumnSet | null = null;
  readonly timestamps = null;
  readonly endPosition = 0;
  readonly bad: BadRecord[] = [];
  readonly positions: Float64Array;

  constructor(capacity: number, cols: ColumnSet | null, row: RowCursor | null) {
    this.positions = new Float64Array(capacity);
    this.cols = cols;
    this.row = row;
  }

  positionOf(i: number): number {
    return this.positions[i]!;
  }

  /** The fields that were sent, as JSON: the record itself stays with the sender. */
  rawOf(i: number): string {
    const { row, values } = this;
    if (row === null) return textOf(values![i]);
    const at = row.__i;
    row.__i = i;
    const text = textOf(row.__copy());
    row.__i = at;
    return text;
  }
}

export class ShuffleBatch extends ExchangeBatch {
  /** murmur3 of each row's key, as int32: the key group is its unsigned value mod max parallelism. */
  readonly keyHashes: Int32Array;
  /** As `ExchangeLeaf.keyColumn`: the key is a string column, `keyField`; −1: keys are in `keys`. */
  keyColumn = -1;
  keyField: string | null = null;
  readonly rows: ShuffledRows;
  /** Which pool of the reader it belongs to. */
  readonly pool: string;
  private readonly places: Int32Array;

  constructor(capacity: number, pool: string, shape: RowShape, rowClass: () => RowClass) {
    super(capacity);
    this.pool = pool;
    this.keyHashes = new Int32Array(capacity);
    const cols = shape.kind === 'lazy' ? lazyColumns(shape.names, shape.types, capacity) : null;
    this.rows = new ShuffledRows(capacity, cols, cols === null ? null : new (rowClass())(cols));
    this.places = Int32Array.from({ length: capacity }, (_, j) => j);
  }

  begin({ rows, key, located, input }: ChunkShape, n: number, channel: string | number, split: string): void {
    this.n = this.rows.n = n;
    this.lazy = rows.kind === 'lazy';
    this.split = split;
    this.input = input;
    this.isBroadcast = key.kind === 'none';
    this.source = located || this.lazy ? this.rows : null;
    this.index.set(this.places);
    this.channel.fill(typeof channel === 'number' ? channel : 0, 0, n);
    if (typeof channel === 'number') this.rank = channel;
    const inColumn = key.kind === 'column' && rows.kind === 'lazy';
    this.keyColumn = inColumn ? rows.names.indexOf(key.field) : -1;
    this.keyField = inColumn ? key.field : null;
  }

  hold(values: unknown[]): void {
    this.values = this.rows.values = values;
  }

  /** Drops references. */
  clear(): void {
    this.n = this.rows.n = 0;
    if (this.rows.values !== null) this.values = this.rows.values = [];
    this.keys.fill(null);
    const { cols } = this.rows;
    if (cols === null) return;
    cols.bytes = EMPTY;
    cols.side.length = 0;
  }
}
