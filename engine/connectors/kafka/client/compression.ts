/**
 * What record batches are compressed with. gzip and zstd are Node's; snappy (raw, and in xerial's frames as Java writes it) and lz4 frames are
 * WebAssembly of @platformatic/kafka, loaded when the first batch needs them.
 */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ConfigError, isMissingModule, messageOf } from '../../../model/errors.ts';
import type { Compression } from './kafka-client.ts';

/** A batch that becomes larger is refused: brokers take batches of 1 MB unless configured, and it has to be held in memory whole. */
const MAX_DECOMPRESSED_BYTES = 256 * 1024 * 1024;

export interface Codec {
  compress(bytes: Uint8Array): Uint8Array;
  decompress(bytes: Uint8Array): Uint8Array;
}

const loaded: Partial<Record<Compression, Codec>> = {
  none: { compress: (bytes) => bytes, decompress: (bytes) => bytes },
  gzip: {
    compress: (bytes) => gzipSync(bytes),
    decompress: (bytes) => gunzipSync(bytes, { maxOutputLength: MAX_DECOMPRESSED_BYTES }),
  },
  zstd: {
    compress: (bytes) => zstdCompressSync(bytes),
    decompress: (bytes) => zstdDecompressSync(bytes, { maxOutputLength: MAX_DECOMPRESSED_BYTES }),
  },
};

/** Undefined until `loadCodec` has loaded it. */
export function loadedCodec(compression: Compression): Codec | undefined {
  return loaded[compression];
}

export async function loadCodec(compression: Compression): Promise<Codec> {
  const known = loaded[compression];
  if (known !== undefined) return known;
  const { compressSync, decompressSync } = await algorithmOf(compression);
  const codec: Codec = {
    compress: (bytes) => compressSync(asBuffer(bytes)),
    decompress(bytes) {
      if (compression === 'snappy') checkSnappySizes(bytes);
      return decompressSync(asBuffer(bytes));
    },
  };
  loaded[compression] = codec;
  return codec;
}

async function algorithmOf(compression: Compression) {
  try {
    const { compressionsAlgorithms } = await import('@platformatic/kafka');
    return compressionsAlgorithms[compression];
  } catch (error) {
    if (!isMissingModule(error)) throw error;
    throw new ConfigError(
      `records compressed with ${compression} need the library @platformatic/kafka: ${messageOf(error)}. Install it; on AWS, where functions come without it, have the topic's compression.type gzip, zstd or none.`,
      { compression },
      error,
    );
  }
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;
/** Of a copy: three bytes for 64. */
const SNAPPY_MOST = 22;

/**
 * Snappy begins with the length of what comes out, and the library allocates it unseen, in memory that WebAssembly never gives back. Blocks whose
 * length cannot be true are refused first.
 */
function checkSnappySizes(bytes: Uint8Array): void {
  const view = asBuffer(bytes);
  if (!view.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return checkSnappySize(view);
  let at = XERIAL_HEADER_BYTES;
  while (at + 4 <= view.length) {
    const start = at + 4;
    at = start + view.readUInt32BE(at);
    checkSnappySize(view.subarray(start, at));
  }
  if (at !== view.length) throw new Error('it is cut off');
}

function checkSnappySize(block: Uint8Array): void {
  let size = 0;
  for (let i = 0, more = true; more; i++) {
    const byte = block[i] ?? NaN;
    size += (byte & 127) * 128 ** i;
    more = byte >= 128;
  }
  if (block.length === 0 || !(size <= Math.min(block.length * SNAPPY_MOST, MAX_DECOMPRESSED_BYTES)))
    throw new Error(`${block.length} bytes of snappy say that they are ${size}`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
