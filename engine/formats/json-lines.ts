/**
 * JSON, one value a line. With a schema: generated scanner and lazy rows (json-schema-lines.ts). Without: JSON.parse of whole pieces.
 *
 * A piece of about 16 KB is joined to one array, `[line,⏎line,⏎…]`, and parsed at once, which costs less than a parse a line. Lines that
 * are invalid alone must not join into something valid (`{"a":[{"x":1}` and `{"x":2}]}` would), so a piece is joined only if
 *   1. each line begins with `{`, and
 *   2. there is no `[` in the piece;
 * and the result is taken only if
 *   3. it has as many elements as there are lines.
 * That is sound: no string crosses a join, because a raw line break in a string is a syntax error; no object crosses one, because after a
 * comma inside an object a `"` must follow, and by 1 a `{` does; no inner array does, by 2. So every join is a comma of the outer
 * array, and by 3 there are no other such commas: each line is exactly one element. Every other piece, and every piece that does
 * not parse, is parsed line by line. So the answer is that of JSON.parse(line), whatever a producer writes.
 *
 * Invalid UTF-8 reads as U+FFFD. Blank lines are skipped.
 */
import { isAscii } from 'node:buffer';
import { messageOf } from '../model/errors.ts';
import { BATCH_ROWS, JSON_PIECE_BYTES } from '../model/limits.ts';
import type { LineDecoder, LineFormat } from './decoder.ts';
import { JsonSchemaFormat } from './json-schema-lines.ts';
import { isBlank, LineBatchPool, type LineBatch } from './line-batch.ts';
import type { Fields, RowOf, Schema } from './schema.ts';

/** JSON lines of a declared schema: rows are lazy views of the declared fields, several times faster than parsing. */
export function jsonLines<F extends Fields>(schema: Schema<F>): LineFormat<RowOf<Schema<F>>>;
/** JSON lines as plain values. `T` is what you say it is: nothing checks it. */
export function jsonLines<T = unknown>(): LineFormat<T>;
export function jsonLines(schema?: Schema): LineFormat<unknown> {
  return schema === undefined ? jsonFormat : new JsonSchemaFormat(schema);
}

const jsonFormat: LineFormat<unknown> = {
  name: 'json',
  hasHeader: false,
  breaksAreBlank: true,
  lineDecoder: () => new JsonLineDecoder(),
  decodeRecord: (bytes) =>
    JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).utf8Slice()) as unknown,
};

class JsonLineDecoder implements LineDecoder {
  readonly #pool = new LineBatchPool();

  decode(bytes: Buffer, from: number, to: number, base: number, maxRows: number): LineBatch {
    const batch = this.#pool.take().begin(bytes, base);
    const values: unknown[] = (batch.values = []);
    const limit = Math.min(maxRows, BATCH_ROWS);
    let at = from;
    while (at < to && batch.n + batch.bad.length < limit) {
      at = decodePiece(batch, values, at, to, limit - batch.n - batch.bad.length);
    }
    return batch.finish(at);
  }

  release(batch: LineBatch): void {
    this.#pool.give(batch);
  }
}

/** Decodes lines from `from` until a piece is full or `room` lines are done. Answers where it stopped. */
function decodePiece(batch: LineBatch, values: unknown[], from: number, to: number, room: number): number {
  const { bytes, starts } = batch;
  const first = batch.n;
  const stop = Math.min(from + JSON_PIECE_BYTES, to);
  let lines = 0;
  let objects = true;
  let end = from;
  do {
    starts[first + lines++] = end;
    if (bytes[end] !== 123) objects = false;
    end = bytes.indexOf(10, end) + 1;
  } while (end < stop && lines < room);

  const ascii = isAscii(bytes.subarray(from, end));
  if (objects && lines > 1) {
    const text = ascii ? bytes.latin1Slice(from, end - 1) : bytes.utf8Slice(from, end - 1);
    const parsed = text.includes('[') ? null : parseJoined(text);
    if (parsed !== null && parsed.length === lines) {
      for (let i = 0; i < lines; i++) values.push(parsed[i]);
      batch.n = first + lines;
      return end;
    }
  }
  // `starts` of this piece are read before they are overwritten: rows never outnumber lines.
  for (let i = 0; i < lines; i++) {
    const start = starts[first + i]!;
    const lineEnd = (i + 1 < lines ? starts[first + i + 1]! : end) - 1;
    try {
      values.push(JSON.parse(ascii ? bytes.latin1Slice(start, lineEnd) : bytes.utf8Slice(start, lineEnd)));
      starts[batch.n++] = start;
    } catch (e) {
      if (!isBlank(bytes, start, lineEnd)) batch.reject(start, lineEnd, messageOf(e));
    }
  }
  return end;
}

function parseJoined(text: string): unknown[] | null {
  try {
    return JSON.parse(`[${text.replaceAll('\n', ',\n')}]`) as unknown[];
  } catch {
    return null; // the lines are parsed one by one, and the bad one is reported then
  }
}
