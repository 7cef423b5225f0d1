/** Immutable objects: segments, snapshots, staged output. Implementations: memory, disk, S3; one contract suite. */
export interface BlobInfo {
  readonly name: string;
  readonly size: number;
}

/** Ends the names of objects of at most `smallBytes`: a name tells where its object is. */
export const SMALL_OBJECT = '.small';

export interface BlobStore {
  /** Objects up to this size are better off inside the record that refers to them. Absent: `INLINE_BYTES` (runtime/object-io.ts). */
  readonly inlineBytes?: number;
  /** Objects up to this size cost less than larger ones, and are named so. Absent: size makes no difference. */
  readonly smallBytes?: number;
  /** Create if absent; chunks are concatenated. Durable when it resolves, never partly there. Names as item keys in StateStore. */
  create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'>;
  /** Bytes [from, to) of the object, or all; null when there is none. */
  read(name: string, from?: number, to?: number): Promise<Uint8Array | null>;
  /** Objects whose name starts with `prefix`, ascending. */
  list(prefix: string): Promise<readonly BlobInfo[]>;
  /** Deleting what is not there is no error. */
  delete(name: string): Promise<void>;
}
