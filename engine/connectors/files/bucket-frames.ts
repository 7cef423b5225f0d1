/**
 * Staged output of a file sink with buckets or parts: frames, little-endian, found in the byte stream, not in the chunks, since staging may
 * cut chunks elsewhere.
 *
 *     some of a bucket's one file:  u32 name bytes | u32 content bytes | name | content
 *     a file of a bucket:           u32 name bytes + 2^31 | u32 content bytes | u32 rows | name | content
 */
import { InvariantError } from '../../model/errors.ts';

const PART = 0x8000_0000;

/** A file, or more of one: content that goes to `bucket`. */
export interface BucketFile {
  readonly bucket: string;
  /** Which of the bucket's files; null: there is one. */
  readonly part: number | null;
  /** Null: not counted. */
  readonly rows: number | null;
  readonly content: readonly Uint8Array[];
}

export function frameBucket(bucket: string, chunks: readonly Uint8Array[]): Uint8Array[] {
  const name = Buffer.from(bucket);
  const head = Buffer.alloc(8 + name.length);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(lengthOf(chunks), 4);
  name.copy(head, 8);
  return [head, ...chunks];
}

/** A whole file. */
export function framePart(bucket: string, rows: number, chunks: readonly Uint8Array[]): Uint8Array[] {
  const name = Buffer.from(bucket);
  const head = Buffer.alloc(12 + name.length);
  head.writeUInt32LE(name.length + PART, 0);
  head.writeUInt32LE(lengthOf(chunks), 4);
  head.writeUInt32LE(rows, 8);
  name.copy(head, 12);
  return [head, ...chunks];
}

/** The files, in order of their buckets' first frames. */
export function readBucketFiles(chunks: readonly Uint8Array[]): BucketFile[] {
  const bytes = Buffer.concat(chunks);
  const whole = new Map<string, Uint8Array[]>();
  const parts = new Map<string, number>();
  const files: BucketFile[] = [];
  for (let p = 0; p < bytes.length;) {
    if (p + 8 > bytes.length) throw cut();
    const isPart = bytes.readUInt32LE(p) >= PART;
    const head = p + (isPart ? 12 : 8);
    if (head > bytes.length) throw cut();
    const from = head + (bytes.readUInt32LE(p) % PART);
    const to = from + bytes.readUInt32LE(p + 4);
    if (to > bytes.length) throw cut();
    const bucket = bytes.toString('utf8', head, from);
    const content = bytes.subarray(from, to);
    if (isPart) {
      const part = parts.get(bucket) ?? 0;
      parts.set(bucket, part + 1);
      files.push({ bucket, part, rows: bytes.readUInt32LE(p + 8), content: [content] });
    } else if (whole.has(bucket)) whole.get(bucket)!.push(content);
    else {
      whole.set(bucket, [content]);
      files.push({ bucket, part: null, rows: null, content: whole.get(bucket)! });
    }
    p = to;
  }
  return files;
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, c) => sum + c.length, 0);
}

function cut(): InvariantError {
  return new InvariantError('staged file output ends inside a frame');
}
