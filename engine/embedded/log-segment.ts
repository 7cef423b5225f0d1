/**
 * One segment file of a log partition, `<first offset>.log`, as a reader sees it: frames (log-frame.ts) up to the last whole
 * one. A sealed segment has an index beside it, `<first offset>.index`; one without is scanned.
 *
 * 1. What lies below `end` was checked once, by scanning or by the writer, and is checked again whenever it is read: a bad
 *    checksum there is a CorruptionError, never an end of data.
 * 2. Beyond `end` there may be a frame that is being written. A bad frame with a good one after it is damage, not a tail.
 * 3. The index is a hint: it names frames, and a frame is believed only by its own checksum.
 */
import * as fs from 'node:fs';
import { CorruptionError } from '../model/errors.ts';
import type { LogRecord } from '../ports/log.ts';
import { createFile, diskError, errno, readAt } from './durable-files.ts';
import { readWhole } from './keyed-files.ts';
import { FRAME_HEADER_BYTES, FRAME_MAGIC, decodeFrame, frameAt, type FrameMark } from './log-frame.ts';
import { objectHeader, objectPayload } from './stored-object.ts';

/** One index entry each time this much was written. */
const INDEX_EVERY_BYTES = 16 * 1024;
const SCAN_BYTES = 1024 * 1024;

interface IndexEntry {
  readonly offset: number;
  readonly position: number;
  /** Highest timestamp in the segment before this frame. */
  readonly maxBefore: number;
}

export class LogSegment {
  readonly file: string;
  readonly base: number;
  /** Bytes that are known to be whole frames. */
  end = 0;
  nextOffset: number;
  maxTimestamp = Number.NEGATIVE_INFINITY;
  readonly #index: IndexEntry[] = [];

  constructor(folder: string, base: number) {
    this.file = `${folder}/${segmentName(base)}`;
    this.base = base;
    this.nextOffset = base;
  }

  /** Takes in what was written since; false: the file is gone. */
  refresh(): boolean {
    const stat = fs.statSync(this.file, { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.size <= this.end) return true;
    if (this.end === 0 && this.#loadIndex(stat.size)) return true;
    return (
      this.#withFile((fd) => {
        this.#scan(fd, stat.size);
        return true;
      }) ?? false
    );
  }

  /** The writer's word for a frame that it wrote at the end. */
  note(frame: FrameMark, position: number): void {
    const last = this.#index[this.#index.length - 1];
    if (last === undefined || position - last.position >= INDEX_EVERY_BYTES)
      this.#index.push({ offset: frame.baseOffset, position, maxBefore: this.maxTimestamp });
    this.end = position + frame.length;
    this.nextOffset = frame.baseOffset + frame.count;
    if (frame.maxTimestamp > this.maxTimestamp) this.maxTimestamp = frame.maxTimestamp;
  }

  /** Adds records [from, to) to `out`, some `maxBytes` of them; false: the file is gone. */
  read(from: number, to: number, maxBytes: number, out: LogRecord[]): boolean {
    let position = this.#index[this.#before((entry) => entry.offset <= from)]?.position ?? 0;
    let bytesOut = 0;
    return (
      this.#withFile((fd) => {
        while (position < this.end) {
          const buffer = this.#frames(fd, position, maxBytes + INDEX_EVERY_BYTES);
          for (let p = 0; p < buffer.length;) {
            const frame = frameAt(buffer, p);
            if (frame === 'partial') break;
            if (frame === 'damaged' || frame.baseOffset < this.base) throw this.#damaged(position);
            if (frame.baseOffset >= to) return true;
            if (frame.baseOffset + frame.count > from)
              bytesOut += decodeFrame(buffer, frame, from, to, maxBytes - bytesOut, out);
            p += frame.length;
            position += frame.length;
            if (
              out.length > 0 &&
              (bytesOut >= maxBytes || out[out.length - 1]!.offset < frame.baseOffset + frame.count - 1)
            )
              return true;
          }
        }
        return true;
      }) ?? false
    );
  }

  /** First offset with a timestamp at or after `timestampMs`; null: none in this segment. 'gone': the file is. */
  offsetForTime(timestampMs: number): number | null | 'gone' {
    if (this.maxTimestamp < timestampMs) return null;
    let position = this.#index[this.#before((entry) => entry.maxBefore < timestampMs)]?.position ?? 0;
    return this.#withFile((fd) => {
      while (position < this.end) {
        const buffer = this.#frames(fd, position, SCAN_BYTES);
        for (let p = 0; p < buffer.length;) {
          const frame = frameAt(buffer, p);
          if (frame === 'partial') break;
          if (frame === 'damaged') throw this.#damaged(position);
          if (frame.maxTimestamp >= timestampMs) {
            const records: LogRecord[] = [];
            decodeFrame(buffer, frame, frame.baseOffset, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, records);
            return records.find((record) => record.timestamp >= timestampMs)!.offset;
          }
          p += frame.length;
          position += frame.length;
        }
      }
      return null;
    }, 'gone' as const);
  }

  /** Writes the index of a segment that gets no more records. */
  seal(tmp: string): void {
    const payload = Buffer.alloc(24 + this.#index.length * 24);
    const put = (i: number, a: number, b: number, c: number): void => {
      payload.writeDoubleLE(a, i * 24);
      payload.writeDoubleLE(b, i * 24 + 8);
      payload.writeDoubleLE(c, i * 24 + 16);
    };
    put(0, this.end, this.nextOffset, this.maxTimestamp);
    this.#index.forEach((entry, i) => put(i + 1, entry.offset, entry.position, entry.maxBefore));
    createFile(tmp, indexFile(this.file), [objectHeader('index', segmentName(this.base), [payload]), payload]);
  }

  #loadIndex(size: number): boolean {
    const bytes = readWhole(indexFile(this.file));
    if (bytes === null) return false;
    let payload: Buffer;
    try {
      payload = objectPayload('index', segmentName(this.base), indexFile(this.file), bytes);
    } catch (thrown) {
      // Invariant 3: without its hint the segment is scanned.
      if (thrown instanceof CorruptionError) return false;
      throw thrown;
    }
    const end = payload.readDoubleLE(0);
    if (end > size)
      throw new CorruptionError(`${this.file} is damaged: it had ${end} bytes and has ${size}.`, { file: this.file });
    for (let p = 24; p + 24 <= payload.length; p += 24)
      this.#index.push({
        offset: payload.readDoubleLE(p),
        position: payload.readDoubleLE(p + 8),
        maxBefore: payload.readDoubleLE(p + 16),
      });
    this.end = end;
    this.nextOffset = payload.readDoubleLE(8);
    this.maxTimestamp = payload.readDoubleLE(16);
    return true;
  }

  #scan(fd: number, size: number): void {
    let need = SCAN_BYTES;
    while (this.end < size) {
      const start = this.end;
      const buffer = readAt(fd, start, Math.min(need, size - start));
      let p = 0;
      for (;;) {
        const frame = frameAt(buffer, p);
        if (frame === 'partial' && start + buffer.length < size) break;
        if (typeof frame === 'string' || frame.baseOffset !== this.nextOffset) return this.#checkTail(fd, size);
        this.note(frame, start + p);
        p += frame.length;
        if (p === buffer.length) break;
      }
      // A frame longer than the buffer: read all of it.
      need = p === 0 ? Math.max(SCAN_BYTES, buffer.readUInt32LE(4)) : SCAN_BYTES;
    }
  }

  /** Invariant 2. */
  #checkTail(fd: number, size: number): void {
    const rest = readAt(fd, this.end, size - this.end);
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(FRAME_MAGIC);
    for (let p = rest.indexOf(magic); p >= 0; p = rest.indexOf(magic, p + 1)) {
      const frame = frameAt(rest, p);
      if (typeof frame !== 'string' && frame.baseOffset > this.nextOffset) throw this.#damaged(this.end);
    }
  }

  /** About `bytes` from a frame's start, that frame at least. */
  #frames(fd: number, position: number, bytes: number): Buffer {
    const rest = this.end - position;
    const buffer = readAt(fd, position, Math.min(rest, Math.max(FRAME_HEADER_BYTES, bytes)));
    if (buffer.length < FRAME_HEADER_BYTES || buffer.readUInt32LE(0) !== FRAME_MAGIC) throw this.#damaged(position);
    const length = buffer.readUInt32LE(4);
    if (length > rest || length < FRAME_HEADER_BYTES) throw this.#damaged(position);
    return length <= buffer.length ? buffer : readAt(fd, position, length);
  }

  /** The last index entry that satisfies a condition true of a prefix; -1 if none. */
  #before(condition: (entry: IndexEntry) => boolean): number {
    let low = 0;
    let high = this.#index.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (condition(this.#index[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #withFile<T>(work: (fd: number) => T): T | undefined;
  #withFile<T, U>(work: (fd: number) => T, gone: U): T | U;
  #withFile<T, U>(work: (fd: number) => T, gone?: U): T | U | undefined {
    let fd: number;
    try {
      fd = fs.openSync(this.file, 'r');
    } catch (thrown) {
      if (errno(thrown) === 'ENOENT') return gone;
      throw diskError(thrown, 'read', this.file);
    }
    try {
      return work(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  #damaged(position: number): CorruptionError {
    return new CorruptionError(
      `${this.file} is damaged at byte ${position} (first offset ${this.base}): a checksum does not match. Restore the file from a backup; Millrace does not skip records.`,
      { file: this.file, position },
    );
  }
}

export function segmentName(base: number): string {
  return `${String(base).padStart(16, '0')}.log`;
}

export function indexFile(segmentFile: string): string {
  return segmentFile.replace(/\.log$/, '.index');
}
