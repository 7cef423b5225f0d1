/**
 * What a job's runs have said, in its state folder: beginnings, endings, notices, an epoch's sums; lines as runtime/json-log.ts has them.
 *
 *   <state folder>/logs/<job>/current.jsonl     appended to
 *   <state folder>/logs/<job>/before.jsonl      what `current` was before it grew too large
 *
 * For people: nothing of the protocol is read from here, and nothing waits for the disk.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../model/errors.ts';
import { checkJob } from '../model/item-names.ts';
import { logLine, type LogContext, type LogLine } from '../runtime/json-log.ts';
import { warnOf } from './warn-of.ts';

/** Of each of the two files. */
export const MAX_LOG_BYTES = 4 * 1024 * 1024;
const NAMES = ['before.jsonl', 'current.jsonl'] as const;

/** Oldest first; whether they are there or not. */
export function jobLogFiles(stateDir: string, job: string): readonly [before: string, current: string] {
  checkJob(job);
  const folder = join(stateDir, 'logs', job);
  return [join(folder, NAMES[0]), join(folder, NAMES[1])];
}

export class JobLogFile {
  readonly #folder: string;
  readonly #files: readonly [before: string, current: string];
  readonly #about: LogContext;
  readonly #maxBytes: number;
  #file: { readonly fd: number; bytes: number } | null = null;
  #broken = false;

  constructor(stateDir: string, job: string, maxBytes: number = MAX_LOG_BYTES) {
    this.#files = jobLogFiles(stateDir, job);
    this.#folder = join(stateDir, 'logs', job);
    this.#about = { job, pid: process.pid };
    this.#maxBytes = maxBytes;
  }

  readonly write: LogLine = (kind, text, data) => {
    if (this.#broken) return;
    const line = Buffer.from(`${logLine(Date.now(), kind, text, this.#about, data)}\n`);
    try {
      const file = this.#open(line.length);
      writeSync(file.fd, line);
      file.bytes += line.length;
    } catch (error) {
      // A log that cannot be written is no reason to stop a job.
      this.#broken = true;
      this.close();
      warnOf(`the log of the job cannot be written; it goes on without`, {
        file: this.#files[1],
        why: messageOf(error),
      });
    }
  };

  close(): void {
    if (this.#file !== null) closeSync(this.#file.fd);
    this.#file = null;
  }

  #open(moreBytes: number): { readonly fd: number; bytes: number } {
    if (this.#file !== null && this.#file.bytes > 0 && this.#file.bytes + moreBytes > this.#maxBytes) {
      this.close();
      renameSync(this.#files[1], this.#files[0]);
    }
    if (this.#file === null) {
      mkdirSync(this.#folder, { recursive: true });
      const fd = openSync(this.#files[1], 'a');
      this.#file = { fd, bytes: fstatSync(fd).size };
      if (this.#file.bytes > this.#maxBytes) return this.#open(moreBytes);
    }
    return this.#file;
  }
}
