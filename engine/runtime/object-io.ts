/** Writes an attempt's objects under names of its own (E2), and reads any object that a record refers to. */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { attemptObjectName, type AttemptOf } from '../checkpoint/object-names.ts';
import type { ObjectRef } from '../checkpoint/records.ts';
import { CorruptionError, InvariantError } from '../model/errors.ts';
import { SMALL_OBJECT, type BlobStore } from '../ports/blob-store.ts';
import { billedKb, BILLED_BYTES, ITEM_BYTES } from './packed-record.ts';

/** Smaller objects travel inside the ack and the manifest. */
export const INLINE_BYTES = 2048;
/** Rows compress to a tenth or so: larger ones than this do not become small. */
const PACKED_AT_BEST = 16;
const PARAMS = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };

export class ObjectIo {
  private readonly blobs: BlobStore;
  private readonly of: AttemptOf | null;

  constructor(blobs: BlobStore, of: AttemptOf | null) {
    this.blobs = blobs;
    this.of = of;
  }

  /** `inline`: allowed for objects that only one record refers to. */
  async write(what: string, chunks: readonly Uint8Array[], inline = true): Promise<ObjectRef> {
    if (this.of === null) throw new InvariantError('objects are written by attempts only');
    const bytes = sizeOf(chunks);
    const { inlineBytes = INLINE_BYTES, smallBytes = 0 } = this.blobs;
    if (inline && bytes <= inlineBytes) return { inline: Buffer.concat(chunks).toString('base64'), bytes };
    const packed = packedTo(smallBytes, chunks, bytes);
    const name = attemptObjectName(this.of, what);
    const blob = packed !== null || bytes <= smallBytes ? name + SMALL_OBJECT : name;
    await this.blobs.create(blob, packed ?? chunks);
    return { blob, bytes, ...(packed === null ? {} : { packed: true }) };
  }

  /** Bytes [from, to) of an object that belongs to an epoch in work; CorruptionError when they are not there. */
  async readRange(ref: ObjectRef, from: number, to: number): Promise<Uint8Array> {
    if ('inline' in ref) return new Uint8Array(Buffer.from(ref.inline, 'base64')).subarray(from, to);
    const bytes =
      ref.packed === true ? (await this.read(ref)).subarray(from, to) : await this.blobs.read(ref.blob, from, to);
    if (bytes?.length === to - from) return bytes;
    throw new CorruptionError(
      `${ref.blob} ${bytes === null ? 'is missing' : 'was cut short'}. It was not used; the epoch has to be run again.`,
      { what: ref.blob },
    );
  }

  /** Throws CorruptionError when the object is gone or has another length than its reference says. */
  async read(ref: ObjectRef): Promise<Uint8Array> {
    const stored =
      'inline' in ref ? new Uint8Array(Buffer.from(ref.inline, 'base64')) : await this.blobs.read(ref.blob);
    const what = 'inline' in ref ? 'inline object' : ref.blob;
    if (stored === null)
      throw new CorruptionError(
        `${what} is missing, but a committed epoch refers to it. Restore from another checkpoint.`,
        { what },
      );
    const bytes = 'packed' in ref ? unpacked(stored, what) : stored;
    if (bytes.length !== ref.bytes)
      throw new CorruptionError(`${what} has ${bytes.length} bytes instead of ${ref.bytes}. It was not used.`, {
        what,
      });
    return bytes;
  }
}

export function objectName(ref: ObjectRef): string {
  return 'blob' in ref ? ref.blob : ref.inline;
}

const sizeOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** Null: it would save nothing, neither a KB of a small object nor what a large one costs more. */
function packedTo(most: number, chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] | null {
  if (bytes < Math.min(most, BILLED_BYTES - ITEM_BYTES) || bytes > most * PACKED_AT_BEST) return null;
  const packed = zstdCompressSync(Buffer.concat(chunks), PARAMS);
  const saves = bytes <= most ? billedKb(packed.length) < billedKb(bytes) : packed.length <= most;
  return saves ? [packed] : null;
}

function unpacked(stored: Uint8Array, what: string): Uint8Array {
  try {
    return new Uint8Array(zstdDecompressSync(stored));
  } catch (cause) {
    throw new CorruptionError(`${what} is damaged. It was not used. Restore from another checkpoint.`, { what }, cause);
  }
}
