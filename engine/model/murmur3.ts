/**
 * MurmurHash3 x86 32-bit, seed 0 (Austin Appleby, public domain). The key group of a key is
 * murmur3(canonical key bytes) mod max parallelism, for ever (ARCHITECTURE section 5). Unsigned result.
 */
export function murmur3(bytes: Uint8Array, from = 0, to: number = bytes.length): number {
  let h = 0;
  let p = from;
  for (; p + 3 < to; p += 4) {
    let k = bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  let k = 0;
  for (let shift = 0; p < to; p++, shift += 8) k |= bytes[p]! << shift;
  if (k !== 0) {
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  h ^= to - from;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h >>> 0;
}
