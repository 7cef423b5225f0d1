/**
 * The redo journal of a disk log, `<folder>/<number>.wal`: what makes an append of several partitions all-or-nothing.
 *
 *   entry: 0 magic "MRJ1" (1 = format version) | 4 entry length | 8 crc32 (seeded with the length) | 12 head length |
 *          head (JSON) | frames
 *
 * 1. An append is decided when its entry is fsynced; the segments get its frames after that. Whoever comes next writes the
 *    frames of every entry again to the same places: same bytes, so it may be repeated by anyone, at any time, in order.
 * 2. A journal begins with a snapshot: the markers, and how far each partition reached when it began; everything before
 *    that is fsynced in the segments. It replaces the one before by a rename, so there is always one whole journal.
 * 3. Only the last entry can be cut short by a crash. A bad entry with a good one after it is damage: CorruptionError.
 */
import * as fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { CorruptionError, UnknownOutcomeError, invariant, messageOf } from '../model/errors.ts';
import type { AppendMarker } from '../ports/log.ts';
import { diskError, fsyncFolder, namesIn, readAt, removeFile, writeFully, writeTemporary } from './durable-files.ts';

const MAGIC = 0x314a524d; // "MRJ1"
const HEADER_BYTES = 16;
export const MAX_ENTRY_BYTES = 1024 ** 3;

/** Where a partition's data ends: segment (by first offset), bytes in it, and the offset that comes next. */
export interface PartitionEnd {
  readonly segment: number;
  readonly position: number;
  readonly next: number;
}
/** Frames of one partition in an append: `bytes` of them at `position` of the segment. */
export interface JournalPart extends PartitionEnd {
  /** `<topic folder>/<partition>` */
  readonly partition: string;
  readonly bytes: number;
}
export type JournalHead =
  | {
      readonly kind: 'snapshot';
      readonly markers: readonly AppendMarker[];
      readonly ends: readonly (readonly [partition: string, end: PartitionEnd])[];
    }
  | { readonly kind: 'append'; readonly marker: AppendMarker | null; readonly parts: readonly JournalPart[] }
  /** Topics or segments come or go: what others know of them is out of date. */
  | { readonly kind: 'structure' };

export interface JournalEntry {
  readonly head: JournalHead;
  readonly frames: Buffer;
}

export class LogJournal {
  readonly number: number;
  readonly file: string;
  readonly #fd: number;
  /** Bytes of whole entries that this process has read or written. */
  end = 0;

  constructor(folder: string, number: number) {
    this.number = number;
    this.file = join(folder, `${number}.wal`);
    this.#fd = fs.openSync(this.file, 'r+');
  }

  /** Number of the journal that counts; 0: there is none yet. */
  static current(folder: string): number {
    let highest = 0;
    for (const name of namesIn(folder))
      if (name.endsWith('.wal')) highest = Math.max(highest, Number(name.slice(0, -4)));
    return highest;
  }

  /** A new journal that begins with this snapshot, in place of all before it (invariant 2). */
  static begin(folder: string, number: number, snapshot: JournalHead): LogJournal {
    const temporary = writeTemporary(join(folder, 'tmp'), encode(snapshot, []));
    const file = join(folder, `${number}.wal`);
    try {
      fs.renameSync(temporary, file);
      fsyncFolder(folder);
    } catch (thrown) {
      throw diskError(thrown, 'begin the journal', file);
    }
    for (const name of namesIn(folder))
      if (name.endsWith('.wal') && name !== `${number}.wal`) removeFile(join(folder, name));
    return new LogJournal(folder, number);
  }

  get size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  /** Entries that were added since; `cut`: bytes of an unfinished last one, which this call removes. The lock is held. */
  readNew(): { readonly entries: readonly JournalEntry[]; readonly cut: number } {
    const bytes = readAt(this.#fd, this.end, this.size - this.end);
    const entries: JournalEntry[] = [];
    let p = 0;
    while (p < bytes.length) {
      const length = entryLength(bytes, p);
      if (length === 0) break;
      const headEnd = p + HEADER_BYTES + bytes.readUInt32LE(p + 12);
      const head = JSON.parse(bytes.toString('utf8', p + HEADER_BYTES, headEnd)) as JournalHead;
      entries.push({ head, frames: bytes.subarray(headEnd, p + length) });
      p += length;
    }
    const cut = bytes.length - p;
    if (cut > 0) {
      this.#refuseDamage(bytes, p);
      fs.ftruncateSync(this.#fd, this.end + p);
    }
    this.end += p;
    return { entries, cut };
  }

  /** Decides the append (invariant 1): durable on return. */
  append(head: JournalHead, frames: readonly Uint8Array[]): void {
    const chunks = encode(head, frames);
    let written = false;
    try {
      writeFully(this.#fd, chunks, this.end);
      written = true;
      fs.fdatasyncSync(this.#fd);
    } catch (thrown) {
      if (written)
        throw new UnknownOutcomeError(
          `${this.file} may not be durable: ${messageOf(thrown)}`,
          { file: this.file },
          thrown,
        );
      fs.ftruncateSync(this.#fd, this.end);
      throw diskError(thrown, 'write', this.file);
    }
    for (const chunk of chunks) this.end += chunk.length;
  }

  /** Takes the snapshot that this process began the journal with as read. */
  skip(): void {
    this.end = this.size;
  }

  sync(): void {
    fs.fdatasyncSync(this.#fd);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }

  /** Invariant 3. */
  #refuseDamage(bytes: Buffer, from: number): void {
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(MAGIC);
    for (let p = bytes.indexOf(magic, from + 1); p >= 0; p = bytes.indexOf(magic, p + 1))
      if (entryLength(bytes, p) > 0)
        throw new CorruptionError(
          `${this.file} is damaged at byte ${this.end + from}: a checksum does not match, and whole entries follow. Restore the log's folder from a backup.`,
          { file: this.file, position: this.end + from },
        );
  }
}

function encode(head: JournalHead, frames: readonly Uint8Array[]): Buffer[] {
  const json = Buffer.from(JSON.stringify(head));
  let length = HEADER_BYTES + json.length;
  for (const chunk of frames) length += chunk.length;
  invariant(length <= MAX_ENTRY_BYTES, 'an append was checked against the limit before');
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(length, 4);
  header.writeUInt32LE(json.length, 12);
  let sum = crc32(json, crc32(header.subarray(12), length));
  for (const chunk of frames) sum = crc32(chunk, sum);
  header.writeUInt32LE(sum, 8);
  return [header, json, ...(frames as readonly Buffer[])];
}

/** Length of the whole, undamaged entry at `p`; 0 if there is none. */
function entryLength(bytes: Buffer, p: number): number {
  if (bytes.length - p < HEADER_BYTES || bytes.readUInt32LE(p) !== MAGIC) return 0;
  const length = bytes.readUInt32LE(p + 4);
  if (length < HEADER_BYTES || p + length > bytes.length) return 0;
  return crc32(bytes.subarray(p + 12, p + length), length) === bytes.readUInt32LE(p + 8) ? length : 0;
}
