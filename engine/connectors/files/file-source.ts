/**
 * Files as a stream: of lines, or read as a whole.
 *
 *     FileSource.forRecordStreamFormat(jsonLines(orders), 'data/*.jsonl').build()
 *     FileSource.forBulkFileFormat(parquetRows(orders), 'data/*.parquet').build()
 *
 * Lines: plain files and `.gz`; LF or CRLF; a UTF-8 byte order mark is skipped. Position = byte offset in the decompressed file; of other files,
 * the number of the row. Files must not change under a job, but files of lines may grow while they are watched.
 */
import type { BulkFormat } from '../../formats/bulk-format.ts';
import type { LineFormat } from '../../formats/decoder.ts';
import { RowRate } from '../../formats/row-rate.ts';
import { ConfigError } from '../../model/errors.ts';
import type { Source, SourceContext, SplitReader, SplitSpec } from '../../ports/source.ts';
import { BulkSplitReader } from './bulk-split-reader.ts';
import { FileSplitReader, type FileRange } from './file-split-reader.ts';
import { findAllFiles, findFiles, rangeOf, splitsOf } from './file-splits.ts';
import { isGzip, openInput } from './line-input.ts';

type FileFormat<T> = LineFormat<T> | BulkFormat<T>;

interface FileOptions {
  readonly splitBytes: number | null;
  readonly watchMs: number | null;
  readonly rowsPerSecond: number | null;
}

export class FileSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly bounded: boolean;
  readonly endless: boolean;
  readonly #format: FileFormat<T>;
  readonly #patterns: readonly string[];
  readonly #options: FileOptions;
  readonly #rate: RowRate | null;
  #known: { readonly atMs: number; readonly splits: readonly SplitSpec[] } | null = null;

  /** Reads lines of `format` from files, directories (all files in them) and glob patterns. */
  static forRecordStreamFormat<T>(format: LineFormat<T>, ...pathsOrGlobs: readonly string[]): FileSourceBuilder<T> {
    return new FileSourceBuilder(format, pathsOrGlobs, { splitBytes: null, watchMs: null, rowsPerSecond: null });
  }

  /** Reads whole files of `format` (Parquet) from files, directories and glob patterns. */
  static forBulkFileFormat<T>(format: BulkFormat<T>, ...pathsOrGlobs: readonly string[]): FileSourceBuilder<T> {
    return new FileSourceBuilder(format, pathsOrGlobs, { splitBytes: null, watchMs: null, rowsPerSecond: null });
  }

  /** Use `forRecordStreamFormat` or `forBulkFileFormat`. */
  constructor(format: FileFormat<T>, patterns: readonly string[], options: FileOptions) {
    this.#format = format;
    this.#patterns = patterns;
    this.#options = options;
    this.#rate = options.rowsPerSecond === null ? null : new RowRate(options.rowsPerSecond);
    this.bounded = options.watchMs === null;
    this.endless = options.watchMs !== null;
    this.description = `files ${patterns.join(' ')} (${format.name})`;
  }

  async validate(ctx: SourceContext): Promise<void> {
    if (this.#patterns.length === 0)
      throw new ConfigError(`Source ${ctx.operator} names no files: pass a path, a directory or a pattern.`);
    for (const pattern of this.#patterns) {
      if (this.bounded && findFiles(pattern).length === 0) {
        throw new ConfigError(
          `Source ${ctx.operator}: "${pattern}" matches no file (in ${process.cwd()}). Correct the path, or use monitorContinuously() if files are to appear later.`,
          { operator: ctx.operator, path: pattern },
        );
      }
    }
  }

  async discover(ctx: SourceContext): Promise<readonly SplitSpec[]> {
    const { splitBytes, watchMs } = this.#options;
    const now = ctx.clock.monotonicMs();
    if (this.#known === null || (watchMs !== null && now - this.#known.atMs >= watchMs)) {
      const splits = findAllFiles(this.#patterns).flatMap((path) => splitsOf(path, splitBytes, isBulk(this.#format)));
      this.#known = { atMs: now, splits: splits.sort((a, b) => (a.id < b.id ? -1 : 1)) };
    }
    return this.#known.splits;
  }

  checkSplits(ids: readonly string[]): void {
    const byPath = new Map<string, FileRange[]>();
    for (const range of ids.map(rangeOf)) byPath.set(range.path, [...(byPath.get(range.path) ?? []), range]);
    for (const [path, ranges] of byPath) {
      ranges.sort((a, b) => a.from - b.from || a.to - b.to);
      const overlap = ranges.find((range, i) => i > 0 && range.from < ranges[i - 1]!.to);
      if (overlap === undefined) continue;
      throw new ConfigError(
        `${path} was read in other pieces before: the splitSize changed, or a file that is cut into splits changed its length. Reading it so would read lines twice. Use the splitSize and the file that the job began with, or start it in a new state folder.`,
        { path },
      );
    }
  }

  async open(split: SplitSpec, position: number, ctx: SourceContext): Promise<SplitReader> {
    const range = rangeOf(split.id);
    const reading = { clock: ctx.clock, watchMs: this.#options.watchMs, rate: this.#rate };
    if (isBulk(this.#format)) return await BulkSplitReader.open(this.#format, range, position, reading);
    if (!this.#format.hasHeader) return new FileSplitReader(range, position, this.#format.lineDecoder(null), reading);
    const header = await readFirstLine(range.path);
    if (!header.complete && position === 0 && !this.bounded && !isGzip(range.path))
      return new WaitingReader(() => this.open(split, position, ctx));
    const start = range.from === 0 ? Math.max(position, header.end) : position;
    return new FileSplitReader(range, start, this.#format.lineDecoder(header.line), reading);
  }
}

/** Immutable: each method answers another builder. */
export class FileSourceBuilder<T> {
  readonly #format: FileFormat<T>;
  readonly #patterns: readonly string[];
  readonly #options: FileOptions;

  constructor(format: FileFormat<T>, patterns: readonly string[], options: FileOptions) {
    this.#format = format;
    this.#patterns = patterns;
    this.#options = options;
  }

  /** Divides larger files into ranges of about this many bytes, at line starts or row groups, so that several subtasks read one file. */
  splitSize(bytes: number): FileSourceBuilder<T> {
    if (!Number.isSafeInteger(bytes) || bytes < 1)
      throw new ConfigError(`splitSize(${bytes}): bytes must be a whole number, at least 1.`);
    return this.#with({ splitBytes: bytes });
  }

  /** Never ends: looks for new files, and for more in known ones, at most every `intervalMs`. */
  monitorContinuously(intervalMs: number): FileSourceBuilder<T> {
    if (!(intervalMs >= 0)) throw new ConfigError(`monitorContinuously(${intervalMs}): give milliseconds, 0 or more.`);
    return this.#with({ watchMs: intervalMs });
  }

  /** Hands out at most this many rows a second of wall time, over all splits in this process. Repetitions after a failure are not slowed. */
  throttle(rowsPerSecond: number): FileSourceBuilder<T> {
    if (!(rowsPerSecond > 0)) throw new ConfigError(`throttle(${rowsPerSecond}): rows per second must be more than 0.`);
    return this.#with({ rowsPerSecond });
  }

  build(): FileSource<T> {
    if (this.#options.splitBytes !== null && this.#options.watchMs !== null) {
      throw new ConfigError(
        'splitSize() and monitorContinuously() exclude each other: ranges of a growing file would not be stable. Remove one.',
      );
    }
    return new FileSource(this.#format, this.#patterns, this.#options);
  }

  #with(change: Partial<FileOptions>): FileSourceBuilder<T> {
    return new FileSourceBuilder(this.#format, this.#patterns, { ...this.#options, ...change });
  }
}

function isBulk<T>(format: FileFormat<T>): format is BulkFormat<T> {
  return 'open' in format;
}

/** A file whose header line is not complete yet. */
class WaitingReader implements SplitReader {
  readonly #open: () => Promise<SplitReader>;
  #reader: SplitReader | null = null;
  constructor(open: () => Promise<SplitReader>) {
    this.#open = open;
  }
  async fill(maxRows: number, to: number | null): Promise<Awaited<ReturnType<SplitReader['fill']>>> {
    this.#reader ??= await this.#open();
    if (this.#reader instanceof WaitingReader) this.#reader = null;
    return this.#reader === null ? 'empty' : this.#reader.fill(maxRows, to);
  }
  release(batch: Parameters<SplitReader['release']>[0]): void {
    this.#reader?.release(batch);
  }
  endPosition(): number | null {
    return this.#reader?.endPosition() ?? null;
  }
  async close(): Promise<void> {
    await this.#reader?.close();
  }
}

const MAX_HEADER_BYTES = 1024 * 1024;

/** A file's first line (without mark and line break) and the position after it. */
async function readFirstLine(path: string): Promise<{ line: Buffer; end: number; complete: boolean }> {
  const input = openInput(path, 0);
  try {
    const buffer = Buffer.alloc(MAX_HEADER_BYTES);
    let length = 0;
    let lineFeed = -1;
    while (lineFeed < 0 && length < buffer.length) {
      const n = await input.read(buffer, length, Math.min(16 * 1024, buffer.length - length));
      if (n === 0) break;
      lineFeed = buffer.subarray(length, length + n).indexOf(10);
      if (lineFeed >= 0) lineFeed += length;
      length += n;
    }
    if (lineFeed < 0 && length === buffer.length)
      throw new ConfigError(
        `${path}: its first line is longer than 1 MiB; a header line is expected. Set header: false if there is none.`,
      );
    const complete = lineFeed >= 0;
    const end = complete ? lineFeed : length;
    const mark = buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf ? 3 : 0;
    const to = end > mark && buffer[end - 1] === 13 ? end - 1 : end;
    return { line: buffer.subarray(mark, Math.max(mark, to)), end: complete ? end + 1 : end, complete };
  } finally {
    input.close();
  }
}
