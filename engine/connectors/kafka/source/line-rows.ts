/**
 * Rows of values that a line decoder reads (JSON): values are copied into one buffer of lines, so that a batch is decoded into columns at once,
 * without an object a record.
 *
 * For each value the answer is that of `decodeRecord`. A line break inside a value is white space to such a format (`breaksAreBlank`), so a
 * value that decodes is copied with blanks instead, and one that does not is a bad record; so is a value of blanks only, which lines pass
 * over. Tombstones are passed over.
 */
import type { LineDecoder, LineFormat } from '../../../formats/decoder.ts';
import { DECODE_SLACK_BYTES } from '../../../formats/decoder.ts';
import { isBlank, rawText, type LineBatch } from '../../../formats/line-batch.ts';
import type { BadRecord } from '../../../model/bad-record.ts';
import { ConfigError, invariant, messageOf } from '../../../model/errors.ts';
import { BATCH_ROWS } from '../../../model/limits.ts';
import type { ColumnSet, RowCursor, SourceBatch } from '../../../model/source-batch.ts';
import type { RecordColumns } from '../client/record-set.ts';
import { inOrder, type Made, type RowMaker } from './row-maker.ts';

/** Lines of one batch; a longer value has a buffer of its own. */
const LINES_BYTES = 256 * 1024;
const MAX_POOLED = 4;
const LINE_FEED = 10;
const BLANK = 32;

export class LineRows implements RowMaker {
  readonly #format: LineFormat<unknown>;
  readonly #decoder: LineDecoder;
  readonly #buffers: Buffer[] = [];
  /** By line: its record, and where it begins. */
  readonly #records = new Int32Array(BATCH_ROWS);
  readonly #starts = new Int32Array(BATCH_ROWS);
  /** The chunks of the columns in work, as buffers. */
  #chunks: Buffer[] = [];
  #chunksOf: Uint8Array | null = null;

  constructor(format: LineFormat<unknown>) {
    this.#format = format;
    this.#decoder = format.lineDecoder(null);
  }

  make(columns: RecordColumns, at: number, end: number, maxRows: number): Made {
    this.#view(columns);
    const { valueStart, valueEnd, chunk } = columns;
    const most = Math.min(maxRows, BATCH_ROWS);
    const bad: BadRecord[] = [];
    let bytes = this.#buffer();
    let used = 0;
    let lines = 0;
    let tombstones = 0;
    let next = at;
    for (; next < end && lines + bad.length < most; next++) {
      const from = valueStart[next]!;
      if (from < 0) {
        tombstones++;
        continue;
      }
      const to = valueEnd[next]!;
      if (used + to - from + 1 + DECODE_SLACK_BYTES > bytes.length) {
        if (lines > 0) break;
        bytes = Buffer.allocUnsafeSlow(to - from + 1 + DECODE_SLACK_BYTES);
      }
      this.#chunks[chunk[next]!]!.copy(bytes, used, from, to);
      const line = used + to - from;
      bytes[line] = LINE_FEED;
      if (bytes.indexOf(LINE_FEED, used) !== line || (bytes[used]! <= BLANK && isBlank(bytes, used, line))) {
        const error = this.#mend(bytes, used, line);
        if (error !== null) {
          bad.push({ position: columns.offsets[next]!, raw: rawText(bytes, used, line), error });
          continue;
        }
      }
      this.#records[lines] = next;
      this.#starts[lines++] = used;
      used = line + 1;
    }
    const inner = lines === 0 ? null : this.#decoder.decode(bytes, 0, used, 0, lines);
    invariant(inner === null || inner.end === used, 'a line decoder takes as many lines as it may');
    return { batch: this.#batch(columns, inner, lines, bytes, bad), next, tombstones };
  }

  release(batch: SourceBatch): void {
    if (!(batch instanceof LineRowsBatch)) return;
    if (batch.inner !== null) this.#decoder.release(batch.inner);
    batch.inner = null;
    if (batch.bytes.length === LINES_BYTES && this.#buffers.length < MAX_POOLED) this.#buffers.push(batch.bytes);
  }

  #buffer(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(LINES_BYTES);
  }

  #view({ chunks }: RecordColumns): void {
    if (this.#chunksOf === chunks[0] && this.#chunks.length === chunks.length) return;
    this.#chunksOf = chunks[0]!;
    this.#chunks = chunks.map((each) => Buffer.from(each.buffer, each.byteOffset, each.byteLength));
  }

  /** Makes a line of a value that is none: answers why it does not decode, or null. */
  #mend(bytes: Buffer, from: number, to: number): string | null {
    try {
      this.#format.decodeRecord(bytes.subarray(from, to));
    } catch (thrown) {
      if (thrown instanceof ConfigError) throw thrown;
      return messageOf(thrown);
    }
    for (let p = from; p < to; p++) if (bytes[p] === LINE_FEED) bytes[p] = BLANK;
    return null;
  }

  #batch(columns: RecordColumns, inner: LineBatch | null, lines: number, bytes: Buffer, bad: BadRecord[]): SourceBatch {
    const n = inner?.n ?? 0;
    const offsets = new Float64Array(n);
    const timestamps = new Float64Array(n);
    let line = 0;
    for (let row = 0; row < n; row++, line++) {
      while (this.#starts[line] !== inner!.starts[row]) line++;
      const record = this.#records[line]!;
      offsets[row] = columns.offsets[record]!;
      timestamps[row] = columns.timestamps[record]!;
    }
    for (const { position, raw, error } of inner?.bad ?? []) {
      const record = this.#records[this.#starts.subarray(0, lines).indexOf(position)]!;
      bad.push({ position: columns.offsets[record]!, raw, error });
    }
    return new LineRowsBatch(inner, bytes, offsets, timestamps, inOrder(bad));
  }
}

class LineRowsBatch implements SourceBatch {
  readonly n: number;
  readonly values: unknown[] | null;
  readonly row: RowCursor | null;
  readonly cols: ColumnSet | null;
  readonly timestamps: Float64Array;
  readonly bad: BadRecord[];
  readonly bytes: Buffer;
  endPosition = 0;
  /** Null: there is no line, or it was released. */
  inner: LineBatch | null;
  readonly #offsets: Float64Array;

  constructor(
    inner: LineBatch | null,
    bytes: Buffer,
    offsets: Float64Array,
    timestamps: Float64Array,
    bad: BadRecord[],
  ) {
    this.inner = inner;
    this.bytes = bytes;
    this.n = offsets.length;
    this.values = inner === null ? [] : inner.values;
    this.row = inner?.row ?? null;
    this.cols = inner?.cols ?? null;
    this.timestamps = timestamps;
    this.bad = bad;
    this.#offsets = offsets;
  }

  positionOf(i: number): number {
    return this.#offsets[i]!;
  }
  rawOf(i: number): string {
    return this.inner!.rawOf(i);
  }
}
