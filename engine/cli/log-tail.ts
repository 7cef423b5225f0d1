/** A job's log as it grows. The first look sees all that is there, later ones what came since. */
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { jobLogFiles } from '../embedded/job-log-file.ts';
import { parseLogRecord, type LogRecord } from './log-record.ts';

export interface LogTail {
  /** In order of time. Null: there is no log, so far. */
  next(): Promise<readonly LogRecord[] | null>;
  close(): void;
}

const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 10;

/** The log file of an embedded job (embedded/job-log-file.ts), which another process writes and renames when it is full. */
export class FileLogTail implements LogTail {
  readonly #before: string;
  readonly #current: string;
  #fd: number | null = null;
  /** A line that is not complete yet. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(stateDir: string, job: string) {
    [this.#before, this.#current] = jobLogFiles(stateDir, job);
  }

  async next(): Promise<readonly LogRecord[] | null> {
    const lines: string[] = [];
    if (this.#fd === null) {
      this.#fd = openOrNull(this.#current);
      const before = openOrNull(this.#before);
      if (before !== null && (this.#fd === null || !isSame(before, this.#fd))) this.#readAll(before, lines);
      if (before !== null) closeSync(before);
      if (this.#fd === null) return before === null ? null : recordsOf(lines);
    }
    this.#readAll(this.#fd, lines);
    const now = statSync(this.#current, { throwIfNoEntry: false });
    if (now !== undefined && now.ino !== fstatSync(this.#fd).ino) {
      // It was full: what was written until then is in the file that is open.
      this.#readAll(this.#fd, lines);
      this.close();
      this.#fd = openOrNull(this.#current);
      if (this.#fd !== null) this.#readAll(this.#fd, lines);
    }
    return recordsOf(lines);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  /** From where it was read last. */
  #readAll(fd: number, lines: string[]): void {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let n = readSync(fd, chunk); n > 0; n = readSync(fd, chunk)) {
      let bytes = Buffer.concat([this.#rest, chunk.subarray(0, n)]);
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE)) {
        lines.push(bytes.toString('utf8', 0, at));
        bytes = bytes.subarray(at + 1);
      }
      this.#rest = bytes;
    }
  }
}

function recordsOf(lines: readonly string[]): readonly LogRecord[] {
  return lines.map(parseLogRecord).filter((record) => record !== null);
}

function openOrNull(file: string): number | null {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

const isSame = (a: number, b: number): boolean => fstatSync(a).ino === fstatSync(b).ino;
