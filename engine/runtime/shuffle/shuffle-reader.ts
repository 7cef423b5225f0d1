/**
 * The receiving side of a shuffle: a block's rows as ExchangeBatches, channel by channel, in the order in which they were sent.
 *
 * Lazy rows are lazy again: columns over the block's bytes, and one cursor a batch. A chunk is decoded when it is asked for, into a batch
 * that `release` gives back; the block must stay as it is until then.
 */
import { generateRowClass, type RowClass } from '../../formats/row-cursor.ts';
import type { RowCursor } from '../../model/source-batch.ts';
import {
  MAX_CHUNK_ROWS,
  MAX_SHAPES,
  openBlock,
  type ChannelEntry,
  type ChunkEntry,
  type ChunkShape,
} from './block-format.ts';
import { BlockInput } from './block-output.ts';
import { readLazyColumn } from './lazy-columns.ts';
import { readNumbers } from './number-column.ts';
import { recordBuilder, type BuildRecords } from './record-shape.ts';
import { ShuffleBatch } from './shuffle-batch.ts';
import { readValues } from './value-column.ts';

/** Batches kept for reuse, per shape and size. */
const MAX_SPARE = 16;

type Decode = (chunk: ChunkEntry, of: ShuffleChannel) => ShuffleBatch;

/** The rows of one channel, in all blocks that were read together. */
export class ShuffleChannel {
  readonly channel: string | number;
  readonly split: string;
  rows = 0;
  /** Watermark of the channel after its last row. */
  wmEnd: number;
  private readonly chunks: { readonly chunk: ChunkEntry; readonly decode: Decode }[] = [];
  private at = 0;

  constructor({ channel, split, wmEnd }: ChannelEntry) {
    this.channel = channel;
    this.split = split;
    this.wmEnd = wmEnd;
  }

  /** The channel's rows in one more block: they follow those of the blocks before it. */
  append({ chunks, wmEnd }: ChannelEntry, decode: Decode): void {
    for (const chunk of chunks) {
      this.chunks.push({ chunk, decode });
      this.rows += chunk.rows;
    }
    this.wmEnd = wmEnd;
  }

  /** No row that is still to come has a smaller watermark before it. */
  get bound(): number {
    return this.chunks[this.at]?.chunk.firstWm ?? this.wmEnd;
  }

  /** The next rows; null: there are no more. */
  next(): ShuffleBatch | null {
    const next = this.chunks[this.at];
    if (next === undefined) return null;
    this.at++;
    return next.decode(next.chunk, this);
  }
}

export class ShuffleReader {
  private readonly rowClasses = new Map<string, RowClass>();
  private readonly builders = new Map<string, BuildRecords>();
  private readonly spare = new Map<string, ShuffleBatch[]>();

  /** The channels of one block, if it is whole; else CorruptionError. `what` names the block in errors. */
  read(bytes: Uint8Array, what?: string): ShuffleChannel[] {
    return this.readAll([bytes], what);
  }

  /** The channels of several blocks; a sender's blocks stand in its order. A channel that goes on in a later block is one channel here. */
  readAll(blocks: readonly Uint8Array[], what = 'of a worker'): ShuffleChannel[] {
    const channels = new Map<string | number, ShuffleChannel>();
    for (const bytes of blocks) {
      const index = openBlock(bytes, what);
      const input = new BlockInput(bytes);
      const decode: Decode = (chunk, of) => this.decode(input, index.shapes[chunk.shape]!, chunk, of);
      for (const entry of index.channels) {
        let channel = channels.get(entry.channel);
        if (channel === undefined) channels.set(entry.channel, (channel = new ShuffleChannel(entry)));
        channel.append(entry, decode);
      }
    }
    return [...channels.values()];
  }

  /** Gives a batch back: its columns are used again. */
  release(batch: ShuffleBatch): void {
    batch.clear();
    const pool = this.spare.get(batch.pool);
    if (pool !== undefined && pool.length < MAX_SPARE) pool.push(batch);
  }

  private decode(input: BlockInput, shape: ChunkShape, chunk: ChunkEntry, of: ShuffleChannel): ShuffleBatch {
    const batch = this.batch(shape, chunk.rows);
    const n = chunk.rows;
    batch.begin(shape, n, of.channel, of.split);
    input.at = chunk.offset;
    readNumbers(input, batch.ts, n);
    readNumbers(input, batch.wm, n);
    input.int32s(batch.keyHashes, n);
    if (shape.located) readNumbers(input, batch.rows.positions, n);
    const keys = shape.key.kind === 'sent' ? readValues(input, n) : null;
    if (shape.rows.kind === 'lazy') {
      const cols = batch.rows.cols!;
      cols.bytes = input.bytes;
      for (let c = 0; c < shape.rows.names.length; c++) readLazyColumn(input, cols, c, n);
    } else if (shape.rows.kind === 'record') {
      const columns = shape.rows.names.map(() => readValues(input, n));
      batch.hold(this.builder(shape.rows.names)(n, columns));
    } else {
      const values = readValues(input, n);
      batch.hold(Array.isArray(values) ? values : Array.from(values as Float64Array));
    }
    putKeys(batch, shape, keys);
    return batch;
  }

  private batch(shape: ChunkShape, rows: number): ShuffleBatch {
    const capacity = rows <= 128 ? 128 : rows <= 1024 ? 1024 : MAX_CHUNK_ROWS;
    const text = shape.rows.kind === 'lazy' ? JSON.stringify([shape.rows.names, shape.rows.types]) : '';
    const name = `${capacity} ${text}`;
    let pool = this.spare.get(name);
    if (pool === undefined) {
      if (this.spare.size >= 3 * MAX_SHAPES) this.spare.clear();
      this.spare.set(name, (pool = []));
    }
    return pool.pop() ?? new ShuffleBatch(capacity, name, shape.rows, () => this.rowClass(text, shape));
  }

  private rowClass(text: string, { rows }: ChunkShape): RowClass {
    let made = this.rowClasses.get(text);
    if (made !== undefined || rows.kind !== 'lazy') return made!;
    if (this.rowClasses.size >= MAX_SHAPES) this.rowClasses.clear();
    made = generateRowClass({
      fields: rows.names.map((name, i) => ({ name, type: rows.types[i]!, isNullable: true })),
    });
    this.rowClasses.set(text, made);
    return made;
  }

  private builder(names: readonly string[]): BuildRecords {
    const text = JSON.stringify(names);
    let made = this.builders.get(text);
    if (made === undefined) {
      if (this.builders.size >= MAX_SHAPES) this.builders.clear();
      this.builders.set(text, (made = recordBuilder(names)));
    }
    return made;
  }
}

function putKeys(batch: ShuffleBatch, { key }: ChunkShape, sent: ArrayLike<unknown> | null): void {
  const { n, keys, lazy, values } = batch;
  if (sent !== null) for (let j = 0; j < n; j++) keys[j] = sent[j];
  else if (key.kind === 'field') {
    const row = batch.rows.row as (RowCursor & Record<string, unknown>) | null;
    for (let j = 0; j < n; j++) {
      if (lazy) row!.__i = j;
      keys[j] = lazy ? row![key.field] : (values[j] as Record<string, unknown>)[key.field];
    }
  }
}
