/** Compression of Parquet pages: snappy comes with hyparquet, the others from Node's zlib. */
import { brotliDecompressSync, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

export type ParquetCompression = 'snappy' | 'zstd' | 'gzip' | 'uncompressed';

export const CODEC_OF = {
  snappy: 'SNAPPY',
  zstd: 'ZSTD',
  gzip: 'GZIP',
  uncompressed: 'UNCOMPRESSED',
} as const satisfies Record<ParquetCompression, string>;

export const COMPRESSORS = {
  GZIP: (bytes: Uint8Array): Uint8Array => gzipSync(bytes),
  ZSTD: (bytes: Uint8Array): Uint8Array => zstdCompressSync(bytes),
};

export const DECOMPRESSORS = {
  GZIP: (bytes: Uint8Array): Uint8Array => gunzipSync(bytes),
  ZSTD: (bytes: Uint8Array): Uint8Array => zstdDecompressSync(bytes),
  BROTLI: (bytes: Uint8Array): Uint8Array => brotliDecompressSync(bytes),
};

/** Codecs of column chunks that can be read. */
export const READABLE_CODECS: ReadonlySet<string> = new Set(['UNCOMPRESSED', 'SNAPPY', ...Object.keys(DECOMPRESSORS)]);

/** Bytes that `n` bytes may become, whatever the codec: the most is snappy's. */
export function compressedBound(n: number): number {
  return n + Math.ceil(n / 6) + 64;
}
