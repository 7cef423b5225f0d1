/**
 * JSON lines of a declared schema → columns and lazy rows. Scanners are generated per template and shared by the splits of a format;
 * a decoder changes its template when too many lines miss it.
 */
import { messageOf } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import type { ColumnSet, RowCursor } from '../model/source-batch.ts';
import { coerceRecord, recordOf } from './coerce.ts';
import type { LineDecoder, LineFormat } from './decoder.ts';
import { generateScan, type LineScan, type ScanTarget } from './json-scanner.ts';
import { learnTemplate, templateId } from './json-template.ts';
import { isBlank, LineBatch } from './line-batch.ts';
import { generateRowClass, type RowClass } from './row-cursor.ts';
import type { Schema } from './schema.ts';

/** Lines after which misses are judged, and the share that makes a decoder learn again. */
const JUDGE_LINES = 16_384;
const MISS_SHARE = 0.05;
/** Lines at which a new scanner is tried out. */
const REHEARSED_LINES = 8;
/** Compiled scanners per format: data that has more shapes than this keeps the last. */
const MAX_TEMPLATES = 8;

export class JsonSchemaFormat implements LineFormat<unknown> {
  readonly name = 'json with schema';
  readonly hasHeader = false;
  readonly breaksAreBlank = true;
  readonly schema: Schema;
  readonly #scans = new Map<string, LineScan>();
  #general: LineScan | null = null;
  #rowClass: RowClass | null = null;

  constructor(schema: Schema) {
    this.schema = schema;
  }

  lineDecoder(): LineDecoder {
    this.#rowClass ??= generateRowClass(this.schema);
    return new JsonSchemaDecoder(this, this.#rowClass);
  }

  decodeRecord(bytes: Uint8Array): unknown {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice();
    const { fields } = this.schema;
    return recordOf(fields, coerceRecord(fields, JSON.parse(text)));
  }

  /** The scanner for lines like the one at `b[from, end)`; null when there is room for no more. */
  scanFor(b: Buffer, from: number, end: number): LineScan | null {
    const template = learnTemplate(b, from, end);
    if (template === null) return this.general();
    const id = templateId(template);
    const known = this.#scans.get(id);
    if (known !== undefined) return known;
    if (this.#scans.size === MAX_TEMPLATES) return null;
    const made = generateScan(this.schema, template);
    this.#scans.set(id, made);
    return made;
  }

  /** The scanner that knows no template. */
  general(): LineScan {
    return (this.#general ??= generateScan(this.schema, null));
  }
}

/** A batch with the columns behind it; also what the scanner fills. */
class ColumnBatch extends LineBatch implements ScanTarget {
  override readonly cols: ColumnSet;
  override readonly row: RowCursor;
  misses = 0;
  at = 0;
  readonly #schema: Schema;

  constructor(schema: Schema, rowClass: RowClass) {
    super();
    this.#schema = schema;
    this.cols = newColumns(schema);
    this.row = new rowClass(this.cols);
  }

  slow(from: number, to: number, n: number): boolean {
    const { fields } = this.#schema;
    let values;
    try {
      values = coerceRecord(fields, JSON.parse(this.bytes.utf8Slice(from, to)));
    } catch (e) {
      if (!isBlank(this.bytes, from, to)) this.reject(from, to, messageOf(e));
      return false;
    }
    const { cols } = this;
    for (let i = 0; i < fields.length; i++) {
      const value = values[i]!;
      cols.nulls[i]![n] = value === null ? 1 : typeof value === 'string' ? 2 : 0;
      if (typeof value === 'string') cols.start[i]![n] = cols.side.push(value) - 1;
      else if (fields[i]!.type !== 'string') cols.numbers[i]![n] = Number(value);
    }
    return true;
  }

  override clear(): void {
    super.clear();
    this.cols.bytes = this.bytes;
    this.cols.side.length = 0;
  }
}

class JsonSchemaDecoder implements LineDecoder {
  readonly #format: JsonSchemaFormat;
  readonly #rowClass: RowClass;
  readonly #free: ColumnBatch[] = [];
  #scan: LineScan | null = null;
  #lines = 0;
  #misses = 0;
  /** Doubles with each learning that did not help: data without a stable shape must not compile for ever. */
  #judgeAfter = JUDGE_LINES;
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewOf: Buffer | null = null;

  constructor(format: JsonSchemaFormat, rowClass: RowClass) {
    this.#format = format;
    this.#rowClass = rowClass;
  }

  decode(bytes: Buffer, from: number, to: number, base: number, maxRows: number): LineBatch {
    if (this.#viewOf !== bytes) {
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      this.#viewOf = bytes;
    }
    this.#scan ??= this.#learn(bytes, from, to);
    const batch = this.#batch(bytes, base);
    batch.n = this.#scan(bytes, this.#view, from, to, Math.min(maxRows, BATCH_ROWS), batch);
    this.#judge(batch);
    return batch.finish(batch.at);
  }

  release(batch: LineBatch): void {
    batch.clear();
    if (this.#free.length < 16) this.#free.push(batch as ColumnBatch);
  }

  #judge(batch: ColumnBatch): void {
    this.#lines += batch.n + batch.bad.length;
    this.#misses += batch.misses;
    if (this.#lines < this.#judgeAfter || batch.n === 0) return;
    if (this.#misses > this.#lines * MISS_SHARE) {
      this.#scan = this.#learn(batch.bytes, batch.starts[batch.n - 1]!, batch.at);
      this.#judgeAfter = Math.min(this.#judgeAfter * 2, JUDGE_LINES * 1024);
    }
    this.#lines = this.#misses = 0;
  }

  #batch(bytes: Buffer, base: number): ColumnBatch {
    const batch = this.#free.pop() ?? new ColumnBatch(this.#format.schema, this.#rowClass);
    batch.begin(bytes, base);
    batch.cols.bytes = bytes;
    batch.misses = 0;
    return batch;
  }

  #learn(bytes: Buffer, from: number, to: number): LineScan {
    const end = bytes.indexOf(10, from);
    const scan = this.#format.scanFor(bytes, from, end) ?? this.#scan ?? this.#format.general();
    this.#rehearse(scan, bytes, from, to);
    return scan;
  }

  /**
   * Runs the scanner over the first few lines, for nothing. V8 optimises a long loop while it runs for the first time; not having seen
   * the end of the function yet, it would throw that code away there and compile it again.
   */
  #rehearse(scan: LineScan, bytes: Buffer, from: number, to: number): void {
    const batch = this.#batch(bytes, 0);
    for (let lines = 1; lines <= REHEARSED_LINES; lines++) scan(bytes, this.#view, from, to, lines, batch);
    this.release(batch);
  }
}

function newColumns(schema: Schema): ColumnSet {
  const { fields } = schema;
  const ofStrings = (): (Int32Array | null)[] =>
    fields.map((f) => (f.type === 'string' ? new Int32Array(BATCH_ROWS) : null));
  return {
    fields: new Map(fields.map((f, i) => [f.name, i])),
    bytes: Buffer.alloc(0),
    start: ofStrings(),
    end: ofStrings(),
    hash: ofStrings(),
    numbers: fields.map((f) => (f.type === 'string' ? null : new Float64Array(BATCH_ROWS))),
    nulls: fields.map(() => new Uint8Array(BATCH_ROWS)),
    side: [],
  };
}
