/** Text: each line is a string, without its line break (LF or CRLF). Empty lines are records too. Invalid UTF-8 reads as U+FFFD. */
import { isAscii } from 'node:buffer';
import { BATCH_ROWS } from '../model/limits.ts';
import type { LineDecoder, LineFormat } from './decoder.ts';
import { LineBatchPool, type LineBatch } from './line-batch.ts';

/** Each line as a string. */
export function textLines(): LineFormat<string> {
  return textFormat;
}

const textFormat: LineFormat<string> = {
  name: 'text',
  hasHeader: false,
  lineDecoder: () => new TextLineDecoder(),
  decodeRecord: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice(),
};

class TextLineDecoder implements LineDecoder {
  readonly #pool = new LineBatchPool();

  decode(bytes: Buffer, from: number, to: number, base: number, maxRows: number): LineBatch {
    const batch = this.#pool.take().begin(bytes, base);
    const values: string[] = [];
    const limit = Math.min(maxRows, BATCH_ROWS);
    let at = from;
    while (at < to && batch.n < limit) {
      const end = bytes.indexOf(10, at);
      values.push(lineText(bytes, at, end));
      batch.starts[batch.n++] = at;
      at = end + 1;
    }
    batch.values = values;
    return batch.finish(at);
  }

  release(batch: LineBatch): void {
    this.#pool.give(batch);
  }
}

/**
 * Text of the line `bytes[from, end)` without a trailing carriage return; a fresh string that keeps nothing else alive.
 * @internal
 */
export function lineText(bytes: Buffer, from: number, end: number): string {
  const to = end > from && bytes[end - 1] === 13 ? end - 1 : end;
  return isAscii(bytes.subarray(from, to)) ? bytes.latin1Slice(from, to) : bytes.utf8Slice(from, to);
}
