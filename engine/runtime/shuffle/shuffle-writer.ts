/**
 * The sending side of a shuffle: rows of one subtask for the subtasks of one keyed stage, as blocks (block-format.ts).
 *
 * Every row goes to the receiver that owns its key's group. Rows of a channel keep their order for each receiver, in chunks of their own
 * (E7). Nothing of a batch is referred to after `add` has returned, except plain values.
 */
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { Exchange } from '../../graph/job-graph.ts';
import type { ExchangeBatch } from '../../operators/exchange-batch.ts';
import { keyGroupRange } from '../keyed-stage.ts';
import {
  BLOCK_HEADER_BYTES,
  CHUNK_BYTES,
  MAX_BLOCK_BYTES,
  MAX_CHUNK_ROWS,
  MAX_STAGED_ROWS,
  sealBlock,
  type ChannelEntry,
  type ChunkShape,
  type KeySource,
} from './block-format.ts';
import { BlockOutput } from './block-output.ts';
import { hashColumn, hashOfKey } from './key-hashes.ts';
import { LazyShapes, type LazyShape } from './lazy-shape.ts';
import { sameKey, StagedRows, ValueShapes, type RowKind } from './staged-rows.ts';

export interface ShuffleTarget {
  readonly maxParallelism: number;
  /** Subtasks of the receiving stage. */
  readonly receivers: number;
  /** Receiver of each key group; default: contiguous ranges as `keyGroupRange` cuts them. */
  readonly owner?: Int32Array;
}

/** What of an ExchangeLeaf tells how the rows of its batches are keyed. */
export interface KeyedInput {
  readonly key: Exchange;
  /** The key is a string column of lazy rows; −1: keys are in `batch.keys`. */
  readonly keyColumn: number;
  /** Watermark of the channel after the batch. */
  readonly wmEnd: number;
  /** Which input of the receiving operator the rows are for. */
  readonly input: number;
}

export interface SealedBlock {
  readonly receiver: number;
  /** In a buffer of its own: may be transferred. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rows: number;
}

export class ShuffleWriter {
  /** Row of the batch at which `add` threw because of its key; the batch was not added then. */
  failedRow = -1;
  private readonly maxParallelism: number;
  private readonly owner: Int32Array;
  private readonly receivers: Receiver[];
  private readonly lazyShapes = new LazyShapes();
  private hashes = new Int32Array(1024);
  private order = new Int32Array(1024);
  private targets = new Int32Array(1024);
  private readonly ends: Int32Array;
  private readonly progress = { row: -1 };

  constructor({ maxParallelism, receivers, owner }: ShuffleTarget) {
    this.maxParallelism = maxParallelism;
    this.owner = owner ?? ownersOf(maxParallelism, receivers);
    const shapes = new ValueShapes();
    this.receivers = Array.from({ length: receivers }, (_, i) => new Receiver(i, shapes));
    this.ends = new Int32Array(receivers);
  }

  /** Rows that wait for `finish`, and bytes already written. */
  get stagedRows(): number {
    return this.receivers.reduce((sum, receiver) => sum + receiver.stagedRows, 0);
  }
  get byteLength(): number {
    return this.receivers.reduce((sum, receiver) => sum + receiver.byteLength, 0);
  }

  /**
   * Rows [from, to) of the batch; all are of one channel, and follow its earlier ones. Throws ConfigError for a key that is none
   * (`failedRow` says where).
   */
  add(input: KeyedInput, batch: ExchangeBatch, channel: string | number, from = 0, to: number = batch.n): void {
    if (from >= to) return;
    if (to > this.hashes.length) {
      this.hashes = new Int32Array(to * 2);
      this.order = new Int32Array(to * 2);
      this.targets = new Int32Array(to * 2);
    }
    const kind = this.kindOf(input, batch, from, to);
    if (kind.key.kind === 'none') {
      this.addToAll(input, batch, channel, kind, from, to);
      return;
    }
    this.hash(kind.key, batch, from, to);
    this.route(from, to);
    let start = 0;
    for (const receiver of this.receivers) {
      const end = this.ends[receiver.index]!;
      if (end > start) receiver.add(batch, this.hashes, this.order, start, end, channel, kind, input.wmEnd);
      start = end;
    }
    if (this.stagedRows > MAX_STAGED_ROWS) for (const receiver of this.receivers) receiver.flush();
  }

  /**
   * The blocks of the rows added since the last time: for each receiver that got any, mostly one, else in order. Like `add`, it throws
   * ConfigError for a row that cannot be serialized; the writer is of no use after that.
   */
  finish(): SealedBlock[] {
    return this.receivers.flatMap((receiver) => receiver.finish());
  }

  private addToAll(
    { wmEnd }: KeyedInput,
    batch: ExchangeBatch,
    channel: string | number,
    kind: RowKind,
    from: number,
    to: number,
  ): void {
    const { hashes, order } = this;
    hashes.fill(0, from, to);
    for (let j = from; j < to; j++) order[j - from] = j;
    for (const receiver of this.receivers) receiver.add(batch, hashes, order, 0, to - from, channel, kind, wmEnd);
  }

  private kindOf({ key, keyColumn, input }: KeyedInput, batch: ExchangeBatch, from: number, to: number): RowKind {
    let lazy: LazyShape | null = null;
    if (batch.lazy) {
      lazy = this.lazyShapes.of(batch.source!.cols!);
      lazy.learn(batch, from, to);
    }
    return { lazy, key: keySource(key, batch.lazy && keyColumn >= 0), located: batch.source !== null, input };
  }

  private hash(key: KeySource, batch: ExchangeBatch, from: number, to: number): void {
    const { hashes, progress } = this;
    let j = from;
    try {
      if (key.kind === 'column') {
        const cols = batch.source!.cols!;
        hashColumn(cols, cols.fields.get(key.field)!, batch.index, from, to, hashes, progress);
        return;
      }
      const { keys } = batch;
      for (; j < to; j++) hashes[j] = hashOfKey(keys[j]);
    } catch (thrown) {
      this.failedRow = key.kind === 'column' ? progress.row : j;
      throw thrown;
    }
  }

  /** Sorts the rows by receiver, keeping their order: receiver r gets order[ends[r − 1], ends[r]). */
  private route(from: number, to: number): void {
    const { hashes, order, targets, owner, ends, maxParallelism } = this;
    if (ends.length === 1) {
      for (let j = from; j < to; j++) order[j - from] = j;
      ends[0] = to - from;
      return;
    }
    ends.fill(0);
    for (let j = from; j < to; j++) ends[(targets[j] = owner[(hashes[j]! >>> 0) % maxParallelism]!)]!++;
    for (let r = 0, sum = 0; r < ends.length; r++) {
      const rows = ends[r]!;
      ends[r] = sum;
      sum += rows;
    }
    for (let j = from; j < to; j++) order[ends[targets[j]!]!++] = j;
  }
}

/** Emptied buffers kept per receiver for the next epoch. */
const MAX_SPARE = 16;

/** What one receiving subtask gets. */
class Receiver {
  readonly index: number;
  stagedRows = 0;
  private rows = 0;
  private readonly valueShapes: ValueShapes;
  private readonly out = new BlockOutput(BLOCK_HEADER_BYTES);
  private readonly channels = new Map<string | number, StagedRows>();
  private entries: ChannelEntry[] = [];
  private shapes: ChunkShape[] = [];
  private readonly sealed: SealedBlock[] = [];
  private readonly spare: StagedRows[] = [];
  private chunkRows = MAX_CHUNK_ROWS;

  constructor(index: number, valueShapes: ValueShapes) {
    this.index = index;
    this.valueShapes = valueShapes;
  }

  get byteLength(): number {
    return this.sealed.reduce((sum, { bytes }) => sum + bytes.length, this.out.at);
  }

  add(
    batch: ExchangeBatch,
    hashes: Int32Array,
    order: Int32Array,
    start: number,
    end: number,
    channel: string | number,
    kind: RowKind,
    wmEnd: number,
  ): void {
    const staged = this.staged(channel, kind, batch.split);
    for (let from = start; from < end;) {
      const to = Math.min(end, from + this.chunkRows - staged.n);
      if (to > from) {
        staged.append(batch, hashes, { index: batch.index, order, from, to });
        this.stagedRows += to - from;
        from = to;
      }
      if (staged.n >= this.chunkRows || staged.byteLength > CHUNK_BYTES) this.write(staged);
    }
    staged.entry.wmEnd = wmEnd;
  }

  flush(): void {
    for (const staged of this.channels.values()) if (staged.n > 0) this.write(staged);
  }

  finish(): SealedBlock[] {
    this.flush();
    this.seal();
    for (const staged of this.channels.values()) if (this.spare.length < MAX_SPARE) this.spare.push(staged);
    this.channels.clear();
    this.entries = [];
    return this.sealed.splice(0);
  }

  private staged(channel: string | number, kind: RowKind, split: string): StagedRows {
    const known = this.channels.get(channel);
    if (known !== undefined) {
      if (!known.takes(kind)) {
        if (known.n > 0) this.write(known);
        known.begin(known.entry, kind);
      }
      return known;
    }
    const entry = this.entry(channel, split);
    const staged = this.spare.pop() ?? new StagedRows(entry, kind, this.valueShapes);
    staged.begin(entry, kind);
    this.channels.set(channel, staged);
    return staged;
  }

  private entry(channel: string | number, split: string): ChannelEntry {
    const entry: ChannelEntry = { channel, split, chunks: [], wmEnd: MIN_WATERMARK };
    this.entries.push(entry);
    return entry;
  }

  private write(staged: StagedRows): void {
    const { out, shapes } = this;
    const rows = staged.n;
    this.stagedRows -= rows;
    this.rows += rows;
    out.align();
    const offset = out.at;
    const { firstWm } = staged;
    const shape = staged.write(out);
    let number = shapes.findIndex((known) => sameShape(known, shape));
    if (number < 0) number = shapes.push(shape) - 1;
    staged.entry.chunks.push({ offset, rows, shape: number, firstWm });
    this.chunkRows = Math.min(MAX_CHUNK_ROWS, Math.max(1, Math.floor((rows * CHUNK_BYTES) / (out.at - offset))));
    if (out.at > MAX_BLOCK_BYTES) this.seal();
  }

  /** Closes the block; rows that still wait go to the next one. */
  private seal(): void {
    const { rows, shapes, index } = this;
    if (rows === 0) return;
    for (const staged of this.channels.values())
      if (staged.n > 0) staged.entry.wmEnd = Math.min(staged.entry.wmEnd, staged.firstWm);
    const channels = this.entries.filter((entry) => entry.chunks.length > 0);
    this.sealed.push({ receiver: index, bytes: sealBlock(this.out, { shapes, channels }), rows });
    this.rows = 0;
    this.shapes = [];
    this.entries = [];
    for (const staged of this.channels.values())
      staged.begin(this.entry(staged.entry.channel, staged.entry.split), staged.kind);
  }
}

function keySource(key: Exchange, isColumn: boolean): KeySource {
  if (key.kind === 'broadcast') return { kind: 'none' };
  return key.kind === 'field' ? { kind: isColumn ? 'column' : 'field', field: key.field } : { kind: 'sent' };
}

/** Names and types are kept by what made the shape, so they need not be compared one by one. */
function sameShape(a: ChunkShape, b: ChunkShape): boolean {
  if (a.located !== b.located || a.input !== b.input || a.rows.kind !== b.rows.kind || !sameKey(a.key, b.key))
    return false;
  if (a.rows.kind === 'values' || b.rows.kind === 'values') return true;
  if (a.rows.names !== b.rows.names) return false;
  return a.rows.kind === 'record' || a.rows.types === (b.rows as typeof a.rows).types;
}

function ownersOf(maxParallelism: number, receivers: number): Int32Array {
  const owner = new Int32Array(maxParallelism);
  for (let i = 0; i < receivers; i++) owner.fill(i, ...keyGroupRange(maxParallelism, receivers, i));
  return owner;
}
