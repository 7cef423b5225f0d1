/** Hashes of keys as state/key-bytes.ts defines them, for many rows at once and without an index of keys. */
import type { ColumnSet } from '../../model/source-batch.ts';
import { murmur3 } from '../../model/murmur3.ts';
import { keyHash } from '../../state/key-bytes.ts';

const TAG = 0x73; // 's'
const number = new Uint8Array(9);
const numberView = new DataView(number.buffer);

/** Same as `keyHash`, faster for numbers. */
export function hashOfKey(key: unknown): number {
  if (typeof key !== 'number') return keyHash(key);
  number[0] = 0x6e;
  numberView.setFloat64(1, Number.isNaN(key) ? Number.NaN : key + 0);
  return murmur3(number, 0, 9);
}

/** Where a loop over keys stopped when it threw. */
export interface HashProgress {
  row: number;
}

/** Hashes of the string column `field` of rows index[from, to), as int32, into out[from, to). Throws ConfigError at a null key. */
export function hashColumn(
  cols: ColumnSet,
  field: number,
  index: Int32Array,
  from: number,
  to: number,
  out: Int32Array,
  at: HashProgress,
): void {
  const { bytes, side } = cols;
  const start = cols.start[field]!;
  const end = cols.end[field]!;
  const nulls = cols.nulls[field]!;
  for (let j = from; j < to; j++) {
    const i = index[j]!;
    const state = nulls[i]!;
    if (state === 0) out[j] = hashOfText(bytes, start[i]!, end[i]!);
    else {
      at.row = j;
      out[j] = keyHash(state === 1 ? null : side[start[i]!]!);
    }
  }
}

/** murmur3 of 's' and the bytes [p, e): the words are those of model/murmur3.ts, moved by one byte. */
function hashOfText(b: Uint8Array, p: number, e: number): number {
  const length = e - p + 1;
  let h = 0;
  let k = TAG;
  if (length >= 4) {
    h = mixed(0, TAG | (b[p]! << 8) | (b[p + 1]! << 16) | (b[p + 2]! << 24));
    p += 3;
    for (; p + 3 < e; p += 4) h = mixed(h, b[p]! | (b[p + 1]! << 8) | (b[p + 2]! << 16) | (b[p + 3]! << 24));
    k = 0;
    for (let shift = 0; p < e; p++, shift += 8) k |= b[p]! << shift;
  } else for (let shift = 8; p < e; p++, shift += 8) k |= b[p]! << shift;
  if (k !== 0) {
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
  }
  h ^= length;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function mixed(h: number, k: number): number {
  k = Math.imul(k, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}
