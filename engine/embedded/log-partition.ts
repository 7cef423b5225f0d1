/**
 * One partition of a disk log: a folder of segments (log-segment.ts), each named by its first offset. Readers of any process
 * use it without a lock; what changes it (`put`, `drop`) is called under the log's lock.
 *
 * 1. There is always a last segment, perhaps empty: its name keeps the next offset when all records were dropped.
 * 2. Segments are dense: each ends where the next begins. A gap is a CorruptionError.
 * 3. Records appear in a segment only after the journal made them durable (log-journal.ts), so a reader trusts what it sees.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { CorruptionError, RetryableError } from '../model/errors.ts';
import type { LogRecord } from '../ports/log.ts';
import { diskError, errno, fsyncFolder, removeFile, writeFully } from './durable-files.ts';
import type { FrameMark } from './log-frame.ts';
import type { PartitionEnd } from './log-journal.ts';
import { LogSegment, indexFile, segmentName } from './log-segment.ts';

/** The folder is not there (any more): the topic was deleted. */
export class PartitionGone extends RetryableError {
  constructor(folder: string) {
    super(`${folder} is gone: the topic was deleted.`, { folder });
  }
}

const MAX_RELISTS = 100;

export class LogPartition {
  readonly folder: string;
  #segments: LogSegment[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Looks at the disk again: new and dropped segments, new records. */
  refresh(): void {
    for (let i = 0; i < MAX_RELISTS; i++) {
      this.#list();
      if (this.#last.refresh()) return;
    }
    throw new PartitionGone(this.folder);
  }

  get earliest(): number {
    return this.#segments[0]?.base ?? 0;
  }

  get end(): PartitionEnd {
    const last = this.#last;
    return { segment: last.base, position: last.end, next: last.nextOffset };
  }

  /** Records from `from`; null if that is outside of what is retained. */
  fetch(from: number, to: number, maxBytes: number): readonly LogRecord[] | null {
    for (let i = 0; i < MAX_RELISTS; i++) {
      if (i > 0 || this.#segments.length === 0 || from >= this.#last.nextOffset) this.refresh();
      if (from < this.earliest || from > this.#last.nextOffset) {
        if (i > 0) return null;
        continue;
      }
      const end = Math.min(to, this.#last.nextOffset);
      if (from >= end) return [];
      const at = this.#segments.findLastIndex((segment) => segment.base <= from);
      const out: LogRecord[] = [];
      if (this.#load(at) && this.#segments[at]!.read(from, end, maxBytes, out)) return out;
    }
    throw new PartitionGone(this.folder);
  }

  /** First offset at or after the time; the next offset if there is none. */
  offsetForTime(timestampMs: number): number {
    for (let i = 0; i < MAX_RELISTS; i++) {
      this.refresh();
      let gone = false;
      for (let at = 0; at < this.#segments.length && !gone; at++) {
        const found = this.#load(at) ? this.#segments[at]!.offsetForTime(timestampMs) : 'gone';
        if (found === 'gone') gone = true;
        else if (found !== null) return found;
      }
      if (!gone) return this.#last.nextOffset;
    }
    throw new PartitionGone(this.folder);
  }

  /**
   * Puts frames at their place, a second time if need be. `frames` (their marks): this is the first time, at the end.
   * Returns whether they were not all there before. Frames of a dropped segment are left out.
   */
  put(segment: number, position: number, bytes: Buffer, frames: readonly FrameMark[] | null, tmp: string): boolean {
    if (this.#segments.length === 0) this.#list(true);
    if (this.#segments.length > 0 && segment < this.earliest) return false;
    const file = join(this.folder, segmentName(segment));
    let before: number;
    try {
      const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_CREAT, 0o666);
      try {
        before = fs.fstatSync(fd).size;
        if (frames !== null && before > position) fs.ftruncateSync(fd, position);
        writeFully(fd, [bytes], position);
      } finally {
        fs.closeSync(fd);
      }
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT') throw new PartitionGone(this.folder);
      throw diskError(thrown, 'write', file);
    }
    if (frames === null) return before < position + bytes.length;
    if (segment !== this.#last.base) {
      this.#last.seal(tmp);
      this.#segments.push(new LogSegment(this.folder, segment));
    }
    for (const frame of frames) this.#last.note(frame, position + frame.position);
    return true;
  }

  /** Whether the file has these bytes already: in one boot, a file that is long enough does. */
  holds(segment: number, end: number): boolean {
    const size = fs.statSync(join(this.folder, segmentName(segment)), { throwIfNoEntry: false })?.size;
    return size !== undefined && size >= end;
  }

  /** How many of the oldest segments may go. The last one too, if all its records are too old. */
  expired(limits: { readonly retainMs?: number; readonly retainBytes?: number }, nowMs: number): number {
    this.refresh();
    const oldest = limits.retainMs === undefined ? Number.NEGATIVE_INFINITY : nowMs - limits.retainMs;
    let byTime = 0;
    let total = 0;
    for (let at = 0; at < this.#segments.length; at++) {
      this.#load(at);
      const segment = this.#segments[at]!;
      total += segment.end;
      if (byTime === at && segment.nextOffset > segment.base && segment.maxTimestamp < oldest) byTime++;
    }
    let bySize = 0;
    const keep = limits.retainBytes ?? Number.POSITIVE_INFINITY;
    for (; bySize < this.#segments.length - 1 && total - this.#segments[bySize]!.end >= keep; bySize++)
      total -= this.#segments[bySize]!.end;
    return Math.max(byTime, bySize);
  }

  drop(count: number): void {
    if (count === this.#segments.length) {
      const next = this.#last.nextOffset;
      fs.closeSync(fs.openSync(join(this.folder, segmentName(next)), 'a'));
      this.#segments.push(new LogSegment(this.folder, next));
    }
    // Invariant 1: the last segment must outlive a power failure that the removals survive.
    fsyncFolder(this.folder);
    for (const segment of this.#segments.splice(0, count)) {
      removeFile(indexFile(segment.file));
      removeFile(segment.file);
    }
  }

  get #last(): LogSegment {
    const last = this.#segments[this.#segments.length - 1];
    if (last === undefined)
      throw new CorruptionError(`${this.folder} has no segment: its files were removed.`, { folder: this.folder });
    return last;
  }

  /** Brings a segment before the last up to its end (invariant 2); false: it was dropped meanwhile. */
  #load(at: number): boolean {
    const segment = this.#segments[at]!;
    const next = this.#segments[at + 1];
    if (next === undefined || segment.nextOffset === next.base) return true;
    if (!segment.refresh()) return false;
    if (segment.nextOffset !== next.base)
      throw new CorruptionError(
        `${segment.file} is damaged: it ends at offset ${segment.nextOffset}, and the next segment begins at ${next.base}. Restore the file from a backup.`,
        { file: segment.file },
      );
    return true;
  }

  #list(mayBeEmpty = false): void {
    let names: string[];
    try {
      names = fs.readdirSync(this.folder);
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT') throw new PartitionGone(this.folder);
      throw diskError(thrown, 'list', this.folder);
    }
    const known = new Map(this.#segments.map((segment) => [segment.base, segment]));
    const bases = names.filter((name) => name.endsWith('.log')).map((name) => Number(name.slice(0, -4)));
    bases.sort((a, b) => a - b);
    this.#segments = bases.map((base) => known.get(base) ?? new LogSegment(this.folder, base));
    if (!mayBeEmpty) void this.#last;
  }
}
