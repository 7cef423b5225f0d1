/**
 * Rows of Parquet files:
 *
 *     FileSource.forBulkFileFormat(parquetRows(sales), 'data/*.parquet').build()
 *
 * Only declared columns are read, one row group at a time: memory holds these columns of one group. A value that does not fit its column makes
 * its row a bad record. A file that lacks a column that is not nullable, or has it with another type, is refused.
 */
import { open, type FileHandle } from 'node:fs/promises';
import type * as Reading from 'hyparquet';
import type { AsyncBuffer, FileMetaData, SchemaElement } from 'hyparquet';
import { ConfigError, CorruptionError, messageOf, MillraceError, RetryableError } from '../../model/errors.ts';
import type { BulkBlock, BulkFormat, BulkInput } from '../bulk-format.ts';
import { DECOMPRESSORS, READABLE_CODECS } from './parquet-codec.ts';
import { columnsOf, type AnyParquetSchema, type ParquetColumn, type ParquetRow } from './parquet-schema.ts';
import { describe, readerOf, withoutLogicalType, type ReadValue } from './parquet-values.ts';

/** Parquet files of a declared schema: `schema({ … })`, or `parquetSchema({ … })` for decimals, bytes and 64-bit integers. */
export function parquetRows<S extends AnyParquetSchema>(schema: S): BulkFormat<ParquetRow<S>> {
  const columns = columnsOf(schema);
  return { name: 'parquet', open: (path, from, to) => openParquet(path, columns, from, to) };
}

/** A column as a file has it. `read` null: the file does not have it, and it is null in every row. */
interface FileColumn extends ParquetColumn {
  readonly read: ReadValue | null;
}

interface RowGroupRange {
  readonly firstRow: number;
  readonly endRow: number;
}

async function openParquet(
  path: string,
  declared: readonly ParquetColumn[],
  from: number,
  to: number,
): Promise<BulkInput> {
  const reading = await import('hyparquet');
  const metadata = await withFile(path, (file) => reading.parquetMetadataAsync(file, { geoparquet: false }));
  const columns = declared.map((column) => fileColumn(path, column, metadata));
  checkCodecs(path, columns, metadata);
  for (const element of metadata.schema.slice(1)) withoutLogicalType(element);
  const groups = groupsIn(metadata, from, to);
  const rows = Number(metadata.num_rows);
  const firstRow = groups[0]?.firstRow ?? rows;
  return {
    firstRow,
    endRow: groups.at(-1)?.endRow ?? firstRow,
    read: (at) =>
      readGroup(
        reading,
        path,
        metadata,
        columns,
        groups.find((g) => at < g.endRow)!,
      ),
  };
}

/** The row groups that begin in the file's bytes [from, to). */
function groupsIn(metadata: FileMetaData, from: number, to: number): RowGroupRange[] {
  const groups: RowGroupRange[] = [];
  let firstRow = 0;
  for (const group of metadata.row_groups) {
    const endRow = firstRow + Number(group.num_rows);
    const first = group.columns[0]?.meta_data;
    const at = Number(first?.dictionary_page_offset ?? first?.data_page_offset ?? 0n);
    if (at >= from && at < to && endRow > firstRow) groups.push({ firstRow, endRow });
    firstRow = endRow;
  }
  return groups;
}

async function readGroup(
  reading: typeof Reading,
  path: string,
  metadata: FileMetaData,
  columns: readonly FileColumn[],
  { firstRow, endRow }: RowGroupRange,
): Promise<BulkBlock> {
  const present = columns.filter(({ read }) => read !== null);
  const cells = new Map<string, ArrayLike<unknown>>();
  await withFile(path, async (file) => {
    const scan = await reading.parquetScan({
      file,
      metadata,
      columns: present.map(({ name }) => name),
      compressors: DECOMPRESSORS,
      parsers: { timestampFromNanoseconds: (nanos) => nanos },
      utf8: false,
      geoparquet: false,
    });
    for (const { name } of present) {
      const data = await scan.readColumn({ column: name, rowStart: firstRow, rowEnd: endRow });
      if (data.length !== endRow - firstRow)
        throw new Error(`column "${name}" has ${data.length} values in a row group of ${endRow - firstRow} rows`);
      cells.set(name, data);
    }
  });
  const valueAt = (column: FileColumn, at: number): unknown => cells.get(column.name)?.[at - firstRow] ?? null;
  return {
    firstRow,
    endRow,
    row: (at) => {
      const row: Record<string, unknown> = {};
      for (const column of columns) row[column.name] = declaredValue(column, valueAt(column, at));
      return row;
    },
    raw: (at) =>
      JSON.stringify(
        Object.fromEntries(columns.map((column) => [column.name, rawValue(column, valueAt(column, at))])),
        shown,
      ),
  };
}

function declaredValue({ name, isNullable, read }: FileColumn, physical: unknown): unknown {
  if (physical === null || read === null) {
    if (isNullable) return null;
    throw new Error(`column "${name}" is null (declare it nullable() if it may be)`);
  }
  try {
    return read(physical);
  } catch (e) {
    throw new Error(`column "${name}": ${messageOf(e)}`, { cause: e });
  }
}

/** The declared value; the one in the file where it does not fit. */
function rawValue({ read }: FileColumn, physical: unknown): unknown {
  try {
    return physical === null || read === null ? null : read(physical);
  } catch {
    return physical;
  }
}

function fileColumn(path: string, column: ParquetColumn, metadata: FileMetaData): FileColumn {
  const element = topLevel(metadata.schema).find(({ name }) => name === column.name);
  const wanted = column.kind === 'decimal' ? `decimal(${column.precision}, ${column.scale})` : column.kind;
  if (element === undefined) {
    if (column.isNullable) return { ...column, read: null };
    const names = topLevel(metadata.schema).map(({ name }) => name);
    throw new ConfigError(
      `${path} has no column "${column.name}"; its columns are ${names.join(', ')}. Correct the schema, or declare the column nullable() if some files lack it.`,
      { path, column: column.name },
    );
  }
  const read =
    element.type === undefined || element.repetition_type === 'REPEATED' ? null : readerOf(column, { ...element });
  if (read !== null) return { ...column, read };
  throw new ConfigError(
    `${path}: column "${column.name}" is ${element.repetition_type === 'REPEATED' ? 'repeated ' : ''}${describe(element)}, which cannot be read as ${wanted}. Declare another type for it, or leave it out.`,
    { path, column: column.name },
  );
}

/** The elements directly below the root; the elements of a group follow it. */
function topLevel(schema: readonly SchemaElement[]): SchemaElement[] {
  const found: SchemaElement[] = [];
  const skip = (at: number): number => {
    let next = at + 1;
    for (let i = 0; i < (schema[at]?.num_children ?? 0); i++) next = skip(next);
    return next;
  };
  for (let at = 1; at < schema.length; at = skip(at)) found.push(schema[at]!);
  return found;
}

function checkCodecs(path: string, columns: readonly FileColumn[], metadata: FileMetaData): void {
  const names = new Set(columns.map(({ name }) => name));
  for (const chunk of metadata.row_groups.flatMap((group) => group.columns)) {
    const meta = chunk.meta_data;
    if (meta === undefined || !names.has(meta.path_in_schema[0] ?? '') || READABLE_CODECS.has(meta.codec)) continue;
    throw new ConfigError(
      `${path}: column "${meta.path_in_schema[0]}" is compressed with ${meta.codec}, which cannot be read here (${[...READABLE_CODECS].join(', ')} can). Write the file with another codec.`,
      { path },
    );
  }
}

/** The file is open only while it is being read, so that thousands of splits do not hold a descriptor each. */
async function withFile<R>(path: string, use: (file: AsyncBuffer) => Promise<R>): Promise<R> {
  let handle: FileHandle | null = null;
  try {
    const opened = (handle = await open(path, 'r'));
    const { size } = await opened.stat();
    return await use({ byteLength: size, slice: (from, to = size) => readRange(opened, from, to) });
  } catch (e) {
    if (e instanceof MillraceError) throw e;
    if ((e as NodeJS.ErrnoException).syscall !== undefined) {
      throw new RetryableError(
        `Cannot read ${path}: ${messageOf(e)}. A file must stay, unchanged, until the job has read it.`,
        { path },
        e,
      );
    }
    throw new CorruptionError(
      `${path} is not a complete Parquet file: ${messageOf(e)}. Move files into the directory when they are complete, or remove this one.`,
      { path },
      e,
    );
  } finally {
    await handle?.close();
  }
}

async function readRange(handle: FileHandle, from: number, to: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(Math.max(0, to - from));
  for (let read = 0; read < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, from + read);
    if (bytesRead === 0) throw new Error(`it ends before byte ${to}`);
    read += bytesRead;
  }
  return bytes.buffer;
}

/** Values as text for dead letters and messages. */
function shown(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
