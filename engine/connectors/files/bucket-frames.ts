/**
 * Staged output of a bucketed file sink: frames `u32 name bytes | u32 content bytes | name | content`, little-endian, one or more per
 * bucket. Frames are found in the byte stream, not in the chunks: staging may cut chunks elsewhere.
 */
import { InvariantError } from '../../model/errors.ts';

export function frameBucket(bucket: string, chunks: readonly Uint8Array[]): Uint8Array[] {
  const name = Buffer.from(bucket);
  const head = Buffer.alloc(8 + name.length);
  head.writeUInt32LE(name.length, 0);
  head.writeUInt32LE(
    chunks.reduce((sum, c) => sum + c.length, 0),
    4,
  );
  name.copy(head, 8);
  return [head, ...chunks];
}

/** Content per bucket, in order. */
export function readBuckets(chunks: readonly Uint8Array[]): Map<string, Uint8Array[]> {
  const bytes = Buffer.concat(chunks);
  const buckets = new Map<string, Uint8Array[]>();
  for (let p = 0; p < bytes.length;) {
    if (p + 8 > bytes.length) throw new InvariantError('staged file output ends inside a frame');
    const from = p + 8 + bytes.readUInt32LE(p);
    const to = from + bytes.readUInt32LE(p + 4);
    if (to > bytes.length) throw new InvariantError('staged file output ends inside a frame');
    const bucket = bytes.toString('utf8', p + 8, from);
    const parts = buckets.get(bucket) ?? [];
    parts.push(bytes.subarray(from, to));
    buckets.set(bucket, parts);
    p = to;
  }
  return buckets;
}
