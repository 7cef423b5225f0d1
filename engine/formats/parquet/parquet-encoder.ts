/**
 * Rows as Parquet files:
 *
 *     FileSink.forBulkFormat('out', parquetEncoder(sales, { compression: 'zstd' })).withFileSuffix('.parquet').build()
 *
 * A row group is encoded when it is full, so memory holds the rows of one group and the encoded bytes of the file. The bytes of a file depend
 * on its rows only. Doubles are not dictionary-encoded: a dictionary would make −0 and 0 one value.
 */
import type { SchemaElement } from 'hyparquet';
import type * as Writing from 'hyparquet-writer';
import { ConfigError, InvariantError } from '../../model/errors.ts';
import type { BulkEncoder, BulkFile } from '../bulk-format.ts';
import { cellBytes, cellOf, elementOf, type Cell } from './parquet-cells.ts';
import { CODEC_OF, COMPRESSORS, compressedBound, type ParquetCompression } from './parquet-codec.ts';
import { columnsOf, type AnyParquetSchema, type ParquetColumn, type ParquetInput } from './parquet-schema.ts';

export interface ParquetOptions {
  /** Default: snappy. */
  readonly compression?: ParquetCompression;
  /** Rows of a row group, at most. Default: 100,000. */
  readonly rowGroupRows?: number;
  /** Uncompressed bytes of a row group, about. Default: 16 MiB. */
  readonly rowGroupBytes?: number;
}

/** Parquet files of a declared schema: `schema({ … })`, or `parquetSchema({ … })` for decimals, bytes and 64-bit integers. */
export function parquetEncoder<S extends AnyParquetSchema>(
  schema: S,
  options: ParquetOptions = {},
): BulkEncoder<ParquetInput<S>> {
  return new ParquetEncoder(columnsOf(schema), checked(options));
}

class ParquetEncoder implements BulkEncoder<unknown> {
  readonly name = 'parquet';
  readonly #columns: readonly ParquetColumn[];
  readonly #options: Required<ParquetOptions>;
  #writing: typeof Writing | null = null;

  constructor(columns: readonly ParquetColumn[], options: Required<ParquetOptions>) {
    this.#columns = columns;
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#writing ??= await import('hyparquet-writer');
  }

  file(): BulkFile<unknown> {
    if (this.#writing === null) throw new InvariantError('a Parquet encoder is loaded before its first file');
    return new ParquetFile(this.#writing, this.#columns, this.#options);
  }
}

/** Less than this part of the limit left after a row group: the file is full enough. */
const FULL_SHARE = 0.1;
/** Magic, footer length, version, counts, created_by, and the root of the schema. */
const FILE_OVERHEAD_BYTES = 256;
/** A column's element in the footer, beside its name. */
const COLUMN_OVERHEAD_BYTES = 64;
/** A column of a row group: page headers, and its entry in the footer, beside its name and the bounds of its values. */
const CHUNK_OVERHEAD_BYTES = 512;
/** Each further page (of about 1 MiB): its header and its place in the offset index. */
const PAGE_OVERHEAD_BYTES = 128;
const PAGE_BYTES = 1024 * 1024;

class ParquetFile implements BulkFile<unknown> {
  rows = 0;
  readonly #columns: readonly ParquetColumn[];
  readonly #options: Required<ParquetOptions>;
  readonly #bytes: Writing.ByteWriter;
  readonly #file: Writing.ParquetWriter;
  readonly #namesBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #footerBytes: number;
  /** The row group that is being filled: a list of cells per column. */
  #pending: Cell[][];
  #pendingBytes = 0;
  /** The longest text or bytes of the group: the footer may name them twice a column. */
  #longest = 0;

  constructor(writing: typeof Writing, columns: readonly ParquetColumn[], options: Required<ParquetOptions>) {
    this.#columns = columns;
    this.#options = options;
    this.#pending = columns.map(() => []);
    this.#namesBytes = columns.reduce((sum, { name }) => sum + Buffer.byteLength(name), 0);
    this.#footerBytes = FILE_OVERHEAD_BYTES + columns.length * COLUMN_OVERHEAD_BYTES + this.#namesBytes;
    const schema: SchemaElement[] = [
      { name: 'root', num_children: columns.length, repetition_type: 'REQUIRED' },
      ...columns.map(elementOf),
    ];
    this.#bytes = new writing.ByteWriter();
    this.#file = new writing.ParquetWriter({
      writer: this.#bytes,
      schema,
      codec: CODEC_OF[options.compression],
      compressors: COMPRESSORS,
      createdBy: 'millrace',
    });
  }

  get bytes(): number {
    return this.#chunkBytes + this.#pendingBytes;
  }

  add(row: unknown, limitBytes: number): boolean {
    const cells = this.#cellsOf(row);
    let size = 0;
    for (const cell of cells) size += cellBytes(cell);
    if (!this.#fits(size, limitBytes)) return false;
    for (let c = 0; c < cells.length; c++) this.#pending[c]!.push(cells[c]!);
    this.rows++;
    this.#pendingBytes += size;
    this.#longest = Math.max(this.#longest, size);
    const { rowGroupRows, rowGroupBytes } = this.#options;
    if (this.#pendingRows >= rowGroupRows || this.#pendingBytes >= rowGroupBytes) this.#endGroup();
    return true;
  }

  finish(): Uint8Array[] {
    this.#endGroup();
    void this.#file.finish();
    this.#drain();
    return this.#chunks;
  }

  get #pendingRows(): number {
    return this.#pending[0]!.length;
  }

  #cellsOf(row: unknown): Cell[] {
    if (typeof row !== 'object' || row === null)
      throw new Error(
        `parquetEncoder writes objects, got ${row === null ? 'null' : typeof row}: map to an object first.`,
      );
    const values = row as Readonly<Record<string, unknown>>;
    return this.#columns.map((column) => cellOf(column, values[column.name]));
  }

  #fits(size: number, limitBytes: number): boolean {
    if (this.rows === 0 || this.#boundWith(size) <= limitBytes) return true;
    // What the rows at hand take is known once they are encoded.
    this.#endGroup();
    const bound = this.#boundWith(size);
    return bound <= limitBytes && limitBytes - bound >= limitBytes * FULL_SHARE;
  }

  /** Bytes of the finished file at most, with one more row of this size. */
  #boundWith(size: number): number {
    const pending = this.#pendingBytes + size;
    const group = compressedBound(pending) + this.#groupOverhead(pending, Math.max(this.#longest, size));
    return this.#chunkBytes + this.#footerBytes + group;
  }

  #groupOverhead(bytes: number, longest: number): number {
    const pages = Math.ceil(bytes / PAGE_BYTES) * PAGE_OVERHEAD_BYTES;
    return this.#columns.length * (CHUNK_OVERHEAD_BYTES + pages) + this.#namesBytes + 2 * longest;
  }

  #endGroup(): void {
    const rows = this.#pendingRows;
    if (rows === 0) return;
    void this.#file.write({
      columnData: this.#columns.map(({ name, kind }, i) => ({
        name,
        data: this.#pending[i]!,
        statistics: kind !== 'bytes',
        ...(kind === 'double' ? { encoding: 'PLAIN' as const } : {}),
      })),
      rowGroupSize: rows,
      pageSize: PAGE_BYTES,
    });
    this.#footerBytes += this.#groupOverhead(this.#pendingBytes, this.#longest);
    this.#pending = this.#columns.map(() => []);
    this.#pendingBytes = this.#longest = 0;
    this.#drain();
  }

  #drain(): void {
    const chunk = this.#bytes.getBytes().slice();
    this.#chunks.push(chunk);
    this.#chunkBytes += chunk.length;
    this.#bytes.index = 0;
  }
}

function checked(options: ParquetOptions): Required<ParquetOptions> {
  const { compression = 'snappy', rowGroupRows = 100_000, rowGroupBytes = 16 * 1024 * 1024 } = options;
  if (!Object.hasOwn(CODEC_OF, compression))
    throw new ConfigError(
      `parquetEncoder: there is no compression "${String(compression)}"; use ${Object.keys(CODEC_OF).join(', ')}.`,
    );
  for (const [name, value] of Object.entries({ rowGroupRows, rowGroupBytes })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new ConfigError(`parquetEncoder: ${name} must be a whole number, at least 1; got ${value}.`);
  }
  return { compression, rowGroupRows, rowGroupBytes };
}
