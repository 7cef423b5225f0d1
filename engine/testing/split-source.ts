/** A bounded source of given rows in given splits; with a schema its rows are the lazy ones of a decoder, as a file's would be. */
import { DECODE_SLACK_BYTES } from '../formats/decoder.ts';
import { jsonLines } from '../formats/json-lines.ts';
import type { LineBatch } from '../formats/line-batch.ts';
import type { Schema } from '../formats/schema.ts';
import { valuesBatch } from '../operators/collection-source.ts';
import type { FillResult, Source, SplitReader, SplitSpec } from '../ports/source.ts';

export class SplitSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly bounded = true;
  readonly description: string;
  readonly #splits: readonly (readonly T[])[];
  readonly #schema: Schema | null;

  constructor(splits: readonly (readonly T[])[], schema: Schema | null = null) {
    this.#splits = splits;
    this.#schema = schema;
    this.description = `${splits.length} splits`;
  }
  async validate(): Promise<void> {
    // Nothing to check.
  }
  async discover(): Promise<readonly SplitSpec[]> {
    return this.#splits.map((_, i) => ({ id: `split-${String(i).padStart(3, '0')}`, startPosition: 0 }));
  }
  async open(split: SplitSpec, position: number): Promise<SplitReader> {
    const rows = this.#splits[Number(split.id.slice(6))]!;
    return this.#schema === null ? valueReader(rows, position) : lazyReader(rows, this.#schema, position);
  }
}

function valueReader(rows: readonly unknown[], from: number): SplitReader {
  let position = from;
  return readerOf(rows.length, (maxRows, to) => {
    const start = position;
    position = Math.min(start + maxRows, to);
    return position <= start ? 'end' : valuesBatch(rows.slice(start, position), start);
  });
}

/** Positions are bytes. */
function lazyReader(rows: readonly unknown[], schema: Schema, from: number): SplitReader {
  const lines = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const bytes = Buffer.concat([lines, Buffer.alloc(DECODE_SLACK_BYTES)]);
  const decoder = jsonLines(schema).lineDecoder(null);
  let position = from;
  const read = (maxRows: number, to: number): FillResult => {
    if (position >= to) return 'end';
    const batch = decoder.decode(bytes, position, to, 0, maxRows);
    position = batch.endPosition;
    return batch;
  };
  return { ...readerOf(lines.length, read), release: (batch) => decoder.release(batch as LineBatch) };
}

function readerOf(end: number, read: (maxRows: number, to: number) => FillResult): SplitReader {
  return {
    fill: (maxRows, to) => read(maxRows, Math.min(to ?? end, end)),
    release: () => undefined,
    endPosition: () => end,
    close: async () => undefined,
  };
}
