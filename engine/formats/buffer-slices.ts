/**
 * Two methods that every Node Buffer has and @types/node leaves out. They are `toString('latin1' | 'utf8', from, to)` without the
 * look-up of the encoding's name, which costs as much as a short string itself.
 */
declare global {
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> extends Uint8Array<TArrayBuffer> {
    /** One char per byte: only for bytes known to be ASCII. */
    latin1Slice(from?: number, to?: number): string;
    /** Invalid sequences become U+FFFD. */
    utf8Slice(from?: number, to?: number): string;
  }
}
export {};
