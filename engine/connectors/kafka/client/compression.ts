/**
 * What record batches are compressed with. gzip and zstd are Node's; snappy (raw, and in xerial's frames as Java writes it) and lz4 frames are
 * WebAssembly of @platformatic/kafka, loaded when the first batch needs them.
 */
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
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
  const { compressionsAlgorithms } = await import('@platformatic/kafka');
  const { compressSync, decompressSync } = compressionsAlgorithms[compression];
  const codec: Codec = {
    compress: (bytes) => compressSync(asBuffer(bytes)),
    decompress: (bytes) => decompressSync(asBuffer(bytes)),
  };
  loaded[compression] = codec;
  return codec;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
