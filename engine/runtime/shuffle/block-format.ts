/**
 * A shuffle block: the rows of one sending subtask for one receiving subtask of a keyed stage (ARCHITECTURE section 4).
 *
 *   0 'MRSH' | 4 version | 5 zero | 8 crc32 of all other bytes | 12 length of the block | 16 offset of the index | 20 its length | 24 zero
 *   32 chunks | index (one msgpack value)
 *
 * 1. A chunk holds rows of one channel, in the channel's order; the index names each channel's chunks in order (E7).
 * 2. A chunk is columns back to back, each on a multiple of 8: ts, wm, key hashes, positions, keys, then what the shape says.
 * 3. Numbers are little-endian, as typed arrays have them on every machine that Node 24 runs on.
 * 4. A block with a wrong byte anywhere is a CorruptionError: never used.
 */
import { crc32 } from 'node:zlib';
import { ConfigError, CorruptionError } from '../../model/errors.ts';
import { pack, unpack } from '../../state/serializer.ts';
import type { BlockOutput } from './block-output.ts';

export const BLOCK_HEADER_BYTES = 32;
const MAGIC = 0x4853524d; // 'MRSH'
const VERSION = 2;

/** Rows of a chunk. HOTPATH section 6 measured 4,096. */
export const MAX_CHUNK_ROWS = 4096;
/** A block is closed at the first chunk that takes it beyond this; the receiver gets another. Far below what one buffer can hold. */
export const MAX_BLOCK_BYTES = 64 * 1024 * 1024;
/** Rows of a chunk become fewer when chunks come out larger: so much is decoded at once. */
export const CHUNK_BYTES = 1024 * 1024;
/** Rows a writer holds back for fuller chunks, over all channels and receivers. */
export const MAX_STAGED_ROWS = 1 << 18;
/** Record shapes a writer or reader compiles for; beyond it rows go through the serializer. */
export const MAX_SHAPES = 64;

/** Where the receiver finds a row's key. */
export type KeySource =
  /** It is this string column of lazy rows: no string is made. */
  | { readonly kind: 'column'; readonly field: string }
  /** It is this field of the row. */
  | { readonly kind: 'field'; readonly field: string }
  /** It comes with the row. */
  | { readonly kind: 'sent' }
  /** It has none: the rows go to every receiver. */
  | { readonly kind: 'none' };

/** Type of a column of lazy rows. */
export type LazyType = 'string' | 'number' | 'boolean';

export type RowShape =
  | { readonly kind: 'lazy'; readonly names: readonly string[]; readonly types: readonly LazyType[] }
  /** Plain objects with these keys, in this order. */
  | { readonly kind: 'record'; readonly names: readonly string[] }
  /** One column: the values themselves. */
  | { readonly kind: 'values' };

export interface ChunkShape {
  readonly rows: RowShape;
  readonly key: KeySource;
  /** The rows have a place in a split. */
  readonly located: boolean;
  /** Which input of the receiving operator they are for. */
  readonly input: number;
}

export interface ChunkEntry {
  readonly offset: number;
  readonly rows: number;
  /** Number in `shapes`. */
  readonly shape: number;
  /** Watermark before the first row. */
  readonly firstWm: number;
}

export interface ChannelEntry {
  readonly channel: string | number;
  readonly split: string;
  readonly chunks: ChunkEntry[];
  /** Watermark of the channel after its last row. */
  wmEnd: number;
}

export interface BlockIndex {
  readonly shapes: readonly ChunkShape[];
  readonly channels: readonly ChannelEntry[];
}

/** Appends the index, fills in the header; the answer has an ArrayBuffer of its own. */
export function sealBlock(out: BlockOutput, index: BlockIndex): Uint8Array<ArrayBuffer> {
  const packed = pack(index);
  out.align();
  const offset = out.at;
  out.putBytes(packed, 0, packed.length);
  out.align();
  const bytes = new Uint8Array(out.take());
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(12, bytes.length, true);
  view.setUint32(16, offset, true);
  view.setUint32(20, packed.length, true);
  view.setUint32(8, checksum(bytes), true);
  return bytes;
}

/** Checks the whole block and answers its index. `what` names it in errors. */
export function openBlock(bytes: Uint8Array, what: string): BlockIndex {
  const damaged = (why: string): CorruptionError =>
    new CorruptionError(`shuffle block ${what} is damaged (${why}). It was not used; the epoch has to be run again.`, {
      what,
    });
  if (bytes.length < BLOCK_HEADER_BYTES) throw damaged(`${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('not a shuffle block');
  if (view.getUint32(12, true) !== bytes.length) throw damaged('cut short');
  if (view.getUint32(8, true) !== checksum(bytes)) throw damaged('checksum');
  if (view.getUint32(4, true) !== VERSION) {
    throw new ConfigError(
      `shuffle block ${what} has format ${view.getUint32(4, true)}; this version of Millrace reads format ${VERSION}. Let all workers run the same version.`,
      { what },
    );
  }
  const offset = view.getUint32(16, true);
  return unpack(bytes.slice(offset, offset + view.getUint32(20, true))) as BlockIndex;
}

function checksum(bytes: Uint8Array): number {
  return crc32(bytes.subarray(12), crc32(bytes.subarray(0, 8)));
}
