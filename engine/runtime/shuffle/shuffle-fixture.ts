/** For tests: random rows as ExchangeBatches, and what should come out of a shuffle. */
import fc from 'fast-check';
import { JsonSchemaFormat } from '../../formats/json-schema-lines.ts';
import { DECODE_SLACK_BYTES } from '../../formats/decoder.ts';
import { schema, t, type Field, type FieldType } from '../../formats/schema.ts';
import { BATCH_ROWS } from '../../model/limits.ts';
import { valuesBatch } from '../../operators/collection-source.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import { keyHash } from '../../state/key-bytes.ts';
import { keyGroupRange } from '../keyed-stage.ts';
import type { SealedBlock } from './shuffle-writer.ts';
import { ShuffleReader } from './shuffle-reader.ts';

/** A row as it was sent or received. */
export interface SentRow {
  readonly value: unknown;
  readonly key: unknown;
  readonly ts: number;
  readonly wm: number;
  readonly position: number | null;
}

export interface ReceivedRow extends SentRow {
  readonly receiver: number;
  /** Unsigned. */
  readonly hash: number;
}

/** What `received` should be: every row once, in its channel's order for each receiver, at the owner of its key group. */
export function expected(
  sent: ReadonlyMap<string | number, readonly SentRow[]>,
  maxParallelism: number,
  receivers: number,
): Map<string | number, ReceivedRow[]> {
  const owner = (hash: number): number => {
    for (let i = 0; i < receivers; i++) {
      const [from, to] = keyGroupRange(maxParallelism, receivers, i);
      if (hash % maxParallelism >= from && hash % maxParallelism < to) return i;
    }
    throw new Error('a key group without an owner');
  };
  const rows = [...sent].filter(([, list]) => list.length > 0);
  return new Map(
    rows.map(([channel, list]) => {
      const located = list.map((row) => ({ ...row, hash: keyHash(row.key), receiver: owner(keyHash(row.key)) }));
      return [channel, located.sort((a, b) => a.receiver - b.receiver)];
    }),
  );
}

/** Rows of each channel, in order of arrival. */
export function received(
  blocks: readonly SealedBlock[],
  reader = new ShuffleReader(),
): Map<string | number, ReceivedRow[]> {
  const rows = new Map<string | number, ReceivedRow[]>();
  for (const receiver of new Set(blocks.map((block) => block.receiver))) {
    const own = blocks.filter((block) => block.receiver === receiver);
    for (const channel of reader.readAll(own.map((block) => block.bytes))) {
      const list = rows.get(channel.channel) ?? [];
      rows.set(channel.channel, list);
      for (;;) {
        const { bound } = channel;
        const batch = channel.next();
        if (batch === null) break;
        for (let j = 0; j < batch.n; j++) {
          if (batch.wm[j]! < bound) throw new Error(`watermark ${batch.wm[j]} below bound ${bound}`);
          const { row } = batch.rows;
          if (batch.lazy) row!.__i = batch.index[j]!;
          const value = batch.lazy ? row!.__copy() : batch.values[j];
          list.push({
            receiver,
            value,
            key: batch.keyField === null ? batch.keys[j] : (value as Record<string, unknown>)[batch.keyField],
            ts: batch.ts[j]!,
            wm: batch.wm[j]!,
            position: batch.source === null ? null : batch.source.positionOf(batch.index[j]!),
            hash: batch.keyHashes[j]! >>> 0,
          });
        }
        reader.release(batch);
      }
    }
  }
  return rows;
}

/** A batch of plain values with these keys. */
export function valueBatch(rows: readonly SentRow[], split: string): ExchangeBatch {
  const batch = new ExchangeBatch(Math.max(1, rows.length));
  batch.split = split;
  batch.n = rows.length;
  const start = rows[0]?.position ?? null;
  if (start !== null)
    batch.source = valuesBatch(
      rows.map((row) => row.value),
      start,
    );
  rows.forEach((row, j) => {
    batch.values[j] = row.value;
    batch.keys[j] = row.key;
    batch.index[j] = j;
    batch.ts[j] = row.ts;
    batch.wm[j] = row.wm;
  });
  return batch;
}

const FIELD: Readonly<Record<FieldType, () => Field<unknown>>> = {
  string: t.string,
  number: t.number,
  int: t.int,
  boolean: t.boolean,
  timestamp: t.timestamp,
};

/** Values of a field as they stand in JSON. */
export function fieldValue(type: FieldType): fc.Arbitrary<unknown> {
  if (type === 'boolean') return fc.boolean();
  if (type === 'int' || type === 'timestamp')
    return fc.oneof(fc.maxSafeInteger(), fc.nat(100), fc.integer({ min: -1000, max: 1000 }));
  if (type === 'number')
    return fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(100), fc.constant(-0));
  return fc.oneof(
    fc.constantFrom('a', 'b', 'COMPLETED', ''),
    fc.string({ maxLength: 20 }),
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.string({ maxLength: 3 }).map((s) => `${s}\ud800`),
  );
}

/** Batches of lazy rows of the given records, as the JSON format decodes them, and the rows themselves. */
export function lazyRows(
  types: Readonly<Record<string, { readonly type: FieldType; readonly nullable: boolean }>>,
  records: readonly object[],
  times: (i: number) => { readonly ts: number; readonly wm: number },
): { readonly batches: ExchangeBatch[]; readonly rows: (SentRow & { readonly value: Record<string, unknown> })[] } {
  const fields = Object.fromEntries(
    Object.entries(types).map(([name, { type, nullable }]) => [
      name,
      nullable ? FIELD[type]().nullable() : FIELD[type](),
    ]),
  );
  const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
  const bytes = Buffer.concat([Buffer.from(text), Buffer.alloc(DECODE_SLACK_BYTES)]);
  const length = bytes.length - DECODE_SLACK_BYTES;
  const decoder = new JsonSchemaFormat(schema(fields)).lineDecoder();
  const batches: ExchangeBatch[] = [];
  const rows: (SentRow & { readonly value: Record<string, unknown> })[] = [];
  for (let at = 0; at < length;) {
    const source = decoder.decode(bytes, at, length, 1000, BATCH_ROWS);
    if (source.bad.length > 0) throw new Error(source.bad[0]!.error);
    at = source.end;
    const batch = new ExchangeBatch(BATCH_ROWS);
    batch.source = source;
    batch.lazy = true;
    batch.n = source.n;
    for (let i = 0; i < source.n; i++) {
      const { ts, wm } = times(rows.length);
      batch.index[i] = i;
      batch.ts[i] = ts;
      batch.wm[i] = wm;
      source.row!.__i = i;
      const value = source.row!.__copy() as Record<string, unknown>;
      rows.push({ value, key: null, ts, wm, position: source.positionOf(i) });
    }
    batches.push(batch);
  }
  return { batches, rows };
}
