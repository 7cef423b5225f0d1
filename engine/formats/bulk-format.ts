/**
 * Files that are written and read as a whole (Parquet), as against files of lines. Encoders and formats load what they need when a job first
 * uses them, so that a job without them does not pay.
 */

/** Rows → files: what `FileSink.forBulkFormat` takes. */
export interface BulkEncoder<T> {
  /** For messages. */
  readonly name: string;
  /**
   * Before the first file, in each process.
   * @internal
   */
  load(): Promise<void>;
  /**
   * A new file.
   * @internal
   */
  file(): BulkFile<T>;
}

/**
 * One file in the making. The same rows in the same order give the same bytes.
 * @internal
 */
export interface BulkFile<T> {
  readonly rows: number;
  /** Bytes held now, encoded or not. */
  readonly bytes: number;
  /**
   * Takes the row, unless the file has rows and could become larger than `limitBytes` with it: then false. Throws what is wrong with
   * the row, and takes nothing of it.
   */
  add(row: T, limitBytes: number): boolean;
  /** The file's bytes. Not to be used after that. */
  finish(): Uint8Array[];
}

/** Files → rows: what `FileSource.forBulkFileFormat` takes. `T` is the record's type. */
export interface BulkFormat<T> {
  /** For messages. */
  readonly name: string;
  /**
   * Opens the part of a file that begins in its bytes [from, to).
   * @internal
   */
  open(path: string, from: number, to: number): Promise<BulkInput>;
  /** Type only. */
  readonly __type?: T;
}

/**
 * Rows of a file, by number: they are counted from the file's first row, whichever part was opened.
 * @internal
 */
export interface BulkInput {
  readonly firstRow: number;
  /** After the last row. */
  readonly endRow: number;
  /** The block of rows that holds row `at`. */
  read(at: number): Promise<BulkBlock>;
}

/** @internal */
export interface BulkBlock {
  readonly firstRow: number;
  readonly endRow: number;
  /** A plain object. Throws what is wrong with the row. */
  row(at: number): unknown;
  /** The row as text, whatever is wrong with it. */
  raw(at: number): string;
}
