/** Writes an attempt's objects under names of its own (E2), and reads any object that a record refers to. */
import { attemptObjectName, type AttemptOf } from '../checkpoint/object-names.ts';
import type { ObjectRef } from '../checkpoint/records.ts';
import { CorruptionError, InvariantError } from '../model/errors.ts';
import type { BlobStore } from '../ports/blob-store.ts';

/** Smaller objects travel inside the ack and the manifest. */
const INLINE_BYTES = 2048;

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
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (inline && bytes <= INLINE_BYTES) return { inline: Buffer.concat(chunks).toString('base64'), bytes };
    const name = attemptObjectName(this.of, what);
    await this.blobs.create(name, chunks);
    return { blob: name, bytes };
  }

  /** Throws CorruptionError when the object is gone or has another length than its reference says. */
  async read(ref: ObjectRef): Promise<Uint8Array> {
    const bytes = 'inline' in ref ? new Uint8Array(Buffer.from(ref.inline, 'base64')) : await this.blobs.read(ref.blob);
    const what = 'inline' in ref ? 'inline object' : ref.blob;
    if (bytes === null)
      throw new CorruptionError(
        `${what} is missing, but a committed epoch refers to it. Restore from another checkpoint.`,
        { what },
      );
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
