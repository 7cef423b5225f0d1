import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FieldType } from '../../formats/schema.ts';
import { ConfigError, CorruptionError } from '../../model/errors.ts';
import { MAX_WATERMARK, MIN_WATERMARK, NO_TIMESTAMP } from '../../model/watermark.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import { KeyIndex } from '../../state/key-index.ts';
import { BlockInput, BlockOutput } from './block-output.ts';
import { readNumbers, writeNumbers } from './number-column.ts';
import { expected, fieldValue, lazyRows, received, valueBatch, type SentRow } from './shuffle-fixture.ts';
import { ShuffleReader } from './shuffle-reader.ts';
import { ShuffleWriter, type KeyedInput } from './shuffle-writer.ts';

const byFunction: KeyedInput = {
  key: { kind: 'function', select: (x) => x },
  keyColumn: -1,
  input: 0,
  wmEnd: MAX_WATERMARK,
};
const byField = (field: string, keyColumn: number): KeyedInput => ({
  key: { kind: 'field', field },
  keyColumn,
  input: 0,
  wmEnd: MAX_WATERMARK,
});

const time = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.maxSafeInteger(),
  fc.constantFrom(MIN_WATERMARK, MAX_WATERMARK, NO_TIMESTAMP, -62_135_596_800_000),
);
const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'key-123', 'ключ'),
  fc.integer({ min: -5, max: 5 }),
  fc.double(),
  fc.boolean(),
  fc.bigInt(),
  fc.date({ noInvalidDate: true }),
  fc.tuple(fc.string({ unit: 'grapheme' }), fc.constantFrom(-0, 1)),
);
/** As the serializer does, the shuffle gives every plain object the usual prototype. */
const plain = { noNullPrototype: true };
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('x\ud800', '\udc00'),
);
const primitive = fc.oneof(fc.constant(null), fc.boolean(), fc.double(), fc.integer(), fc.constant(-0), text);
const anything = fc.oneof(
  primitive,
  fc.constant(undefined),
  fc.bigInt(),
  fc.date(),
  fc.dictionary(fc.string(), primitive, plain),
  fc.array(fc.oneof(primitive, fc.record({ a: primitive, b: fc.array(primitive) }, plain))),
  fc.array(fc.tuple(primitive, fc.bigInt())).map((entries) => new Map(entries)),
  fc.uint8Array(),
  fc.constant(JSON.parse('{"__proto__":1,"toJSON":2}') as object),
);
/** Rows that look alike, as most do, and rows that do not. */
const values = fc.oneof(
  fc.array(fc.record({ id: text, amount: fc.double(), flag: fc.boolean(), note: fc.option(text) }, plain), {
    maxLength: 60,
  }),
  fc.array(
    fc.record(
      { n: fc.nat(300), s: fc.constantFrom('x', 'y', 'a long string, kept in one piece'), deep: anything },
      plain,
    ),
    { maxLength: 60 },
  ),
  fc.array(primitive, { maxLength: 60 }),
  fc.array(fc.string({ maxLength: 5 }), { maxLength: 60 }),
  fc.array(anything, { maxLength: 60 }),
);

/** Rows of one channel: watermarks ascend, whatever the times. */
const channelRows = fc
  .tuple(values, fc.infiniteStream(fc.tuple(key, time, time)), fc.option(fc.nat(2 ** 31 - 1).map((n) => n * 1000)))
  .map(([list, stream, start]): SentRow[] => {
    const wms: number[] = [];
    const rows = list.map((value, i): Omit<SentRow, 'wm'> => {
      const [k, ts, wm] = stream.next().value!;
      wms.push(wm);
      return { value, key: k, ts, position: start === null ? null : start + i };
    });
    wms.sort((a, b) => a - b);
    return rows.map((row, i) => ({ ...row, wm: wms[i]! }));
  });

describe('plain values', () => {
  test('arrive as they were sent, at the owner of their key group', () => {
    const channel = fc.oneof(fc.nat(3), fc.constantFrom('split-a', 'split-b'));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(channel, channelRows), { maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 5, max: 300 }),
        (parts, receivers, maxParallelism) => {
          const writer = new ShuffleWriter({ maxParallelism, receivers });
          const sent = new Map<string | number, SentRow[]>();
          for (const [channelOf, rows] of parts) {
            if (sent.has(channelOf)) continue;
            sent.set(channelOf, rows);
            for (let at = 0; at < rows.length; at += 7)
              writer.add(byFunction, valueBatch(rows.slice(at, at + 7), `of ${channelOf}`), channelOf);
          }
          const blocks = writer.finish();
          expect(blocks.reduce((n, block) => n + block.rows, 0)).toBe([...sent.values()].flat().length);
          expect(received(blocks)).toStrictEqual(expected(sent, maxParallelism, receivers));
          expect(writer.finish()).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('more rows than a chunk holds, a key that is a field, and a writer used again', () => {
    const rows = Array.from({ length: 20_000 }, (_, i): SentRow => {
      const k = i % 3 === 0 ? `key-${i}` : i % 100;
      return {
        value: { k, n: i, s: `s${i % 10}` },
        key: k,
        ts: i % 5000 === 0 ? NO_TIMESTAMP : i,
        wm: i * 1000,
        position: i,
      };
    });
    const writer = new ShuffleWriter({ maxParallelism: 128, receivers: 3 });
    for (let epoch = 0; epoch < 2; epoch++) {
      for (let at = 0; at < rows.length; at += 1000)
        writer.add(byField('k', -1), valueBatch(rows.slice(at, at + 1000), 's'), 7);
      expect(received(writer.finish())).toStrictEqual(expected(new Map([[7, rows]]), 128, 3));
    }
  });

  test('rows too large for one block come in several', () => {
    const rows = Array.from({ length: 80 }, (_, i): SentRow => ({
      value: { k: i, s: String(i).repeat(500_000) },
      key: i,
      ts: i,
      wm: i,
      position: null,
    }));
    const writer = new ShuffleWriter({ maxParallelism: 8, receivers: 1 });
    for (const row of rows) writer.add({ ...byField('k', -1), wmEnd: row.wm }, valueBatch([row], ''), 'c');
    const blocks = writer.finish();
    expect(blocks.length).toBeGreaterThan(1);
    const ends = blocks.map(({ bytes }) => new ShuffleReader().read(bytes)[0]!.wmEnd);
    expect(ends.at(-1)).toBe(79);
    for (const end of ends) expect(end).toBeLessThanOrEqual(79);
    expect(received(blocks)).toStrictEqual(expected(new Map([['c', rows]]), 8, 1));
  });

  test('what would come out as something else is refused, and so is a key that is none', () => {
    class Money {
      cents = 1;
    }
    const row = { key: 'a', ts: 0, wm: 0, position: 5 };
    const writer = new ShuffleWriter({ maxParallelism: 8, receivers: 1 });
    writer.add(byFunction, valueBatch([{ ...row, value: { m: new Money() } }], 'orders-1'), 0);
    expect(() => writer.finish()).toThrow(/field "m" of a row \(split orders-1, position 5\).*class Money/);
    const keys = new ShuffleWriter({ maxParallelism: 8, receivers: 1 });
    expect(() =>
      keys.add(
        byFunction,
        valueBatch(
          [
            { ...row, value: 1 },
            { ...row, key: null, value: 1 },
          ],
          '',
        ),
        0,
      ),
    ).toThrow(ConfigError);
    expect(keys.failedRow).toBe(1);
    expect(keys.finish()).toEqual([]);
  });
});

const fieldType = fc.constantFrom<FieldType>('string', 'number', 'int', 'boolean', 'timestamp');
const table = fc.array(fc.record({ type: fieldType, nullable: fc.boolean() }), { maxLength: 4 }).chain((fields) => {
  const types: Record<string, { type: FieldType; nullable: boolean }> = { key: { type: 'string', nullable: false } };
  fields.forEach((field, i) => (types[`f${i}`] = field));
  const cells = Object.fromEntries(
    fields.map(({ type, nullable }, i) => [`f${i}`, nullable ? fc.option(fieldValue(type)) : fieldValue(type)]),
  );
  const keys = fc.oneof(
    fc.constantFrom('k1', 'k2', 'ключ', 'a"b'),
    fc.string({ maxLength: 12 }),
    fc.string({ unit: 'grapheme' }),
  );
  return fc.tuple(fc.constant(types), fc.array(fc.record({ key: keys, ...cells }), { maxLength: 150 }));
});

describe('lazy rows', () => {
  test('of any schema arrive as they were sent, at the owner of their key group', () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 1, max: 4 }), fc.nat(5), ([types, records], receivers, jump) => {
        const { batches, rows } = lazyRows(types, records, (i) => ({ ts: -i * 3, wm: i * i * 10 ** jump }));
        const writer = new ShuffleWriter({ maxParallelism: 128, receivers });
        for (const batch of batches) writer.add(byField('key', 0), batch, 's');
        const sent = rows.map((row) => ({ ...row, key: row.value['key'] }));
        expect(received(writer.finish())).toStrictEqual(expected(new Map([['s', sent]]), 128, receivers));
      }),
      { numRuns: 200 },
    );
  });

  const types = {
    key: { type: 'string', nullable: false },
    status: { type: 'string', nullable: true },
    amount: { type: 'number', nullable: true },
  } as const;
  const records = Array.from({ length: 10_000 }, (_, i) => ({
    key: i % 500 === 3 ? `müller ${i}` : `customer-${i % 3000}`,
    status: i < 3000 ? ['A', 'B', null][i % 3]! : `s${i % 2000}`,
    amount: i < 5000 ? null : i / 4,
  }));
  const many = lazyRows(types, records, (i) => ({ ts: i, wm: i - 10 }));
  const rows = many.rows.map((row) => ({ ...row, key: row.value['key'] }));

  test('many, with a dictionary that becomes too large, and again in the next epoch', () => {
    const writer = new ShuffleWriter({ maxParallelism: 128, receivers: 2 });
    const reader = new ShuffleReader();
    for (let epoch = 0; epoch < 2; epoch++) {
      for (const batch of many.batches) writer.add(byField('key', 0), batch, 1);
      expect(received(writer.finish(), reader)).toStrictEqual(expected(new Map([[1, rows]]), 128, 2));
    }
  });

  test('keep their keys as bytes: KeyIndex.idsOfColumn gives the ids that the strings have', () => {
    const writer = new ShuffleWriter({ maxParallelism: 128, receivers: 1 });
    for (const batch of many.batches) writer.add(byField('key', 0), batch, 1);
    const index = new KeyIndex(128);
    const [channel] = new ShuffleReader().read(writer.finish()[0]!.bytes);
    let at = 0;
    for (let batch = channel!.next(); batch !== null; batch = channel!.next()) {
      index.idsOfColumn(batch.rows.cols!, batch.keyColumn, batch.index, 0, batch.n, batch.keyIds);
      const { bytes, start, end, hash, nulls } = batch.rows.cols!;
      for (let j = 0; j < batch.n; j++) {
        expect(index.keys[batch.keyIds[j]!]).toBe(rows[at++]!.key);
        const text = bytes.subarray(start[0]![j], end[0]![j]);
        if (nulls[0]![j] === 0) expect(hash[0]![j]).toBe(text.reduce((h, byte) => (Math.imul(h, 31) + byte) | 0, 0));
      }
    }
    expect(at).toBe(rows.length);
  });

  test('keyed by a number, or by a function: keys come along; some rows of a batch only', () => {
    const key = (i: number): unknown => (i % 2 === 0 ? `even ${i % 7}` : i % 9);
    const some = lazyRows(
      { ...types, amount: { type: 'number', nullable: false } },
      records.slice(5000, 6000),
      (i) => ({ ts: i, wm: i }),
    );
    const [batch] = some.batches;
    for (let i = 0; i < batch!.n; i++) batch!.keys[i] = some.rows[i]!.value['amount'];
    const writer = new ShuffleWriter({ maxParallelism: 16, receivers: 2 });
    writer.add(byField('amount', -1), batch!, 'a', 10, 500);
    for (let i = 0; i < batch!.n; i++) batch!.keys[i] = key(i);
    writer.add(byFunction, batch!, 'b');
    const a = some.rows.slice(10, 500).map((row) => ({ ...row, key: row.value['amount'] }));
    const b = some.rows.map((row, i) => ({ ...row, key: key(i) }));
    expect(received(writer.finish())).toStrictEqual(
      expected(
        new Map([
          ['a', a],
          ['b', b],
        ]),
        16,
        2,
      ),
    );
  });

  test('of which a column was null until now, and plain rows of the same channel', () => {
    const flags = lazyRows(
      { key: { type: 'string', nullable: false }, flag: { type: 'boolean', nullable: true } },
      Array.from({ length: 3000 }, (_, i) => ({ key: `k${i % 5}`, flag: i < 2000 ? null : i % 2 === 0 })),
      (i) => ({ ts: i, wm: i }),
    );
    const plain = Array.from({ length: 5 }, (_, i) => ({ value: [i], key: 'k1', ts: i, wm: 3000, position: i }));
    const writer = new ShuffleWriter({ maxParallelism: 128, receivers: 2 });
    for (const batch of flags.batches) writer.add(byField('key', 0), batch, 's');
    writer.add(byFunction, valueBatch(plain, 's'), 's');
    const sent = [...flags.rows.map((row) => ({ ...row, key: row.value['key'] })), ...plain];
    expect(received(writer.finish())).toStrictEqual(expected(new Map([['s', sent]]), 128, 2));
  });

  test('rawOf shows the row, positionOf its place', () => {
    const writer = new ShuffleWriter({ maxParallelism: 16, receivers: 1 });
    writer.add(byField('key', 0), many.batches[0]!, 'a');
    const batch = new ShuffleReader().read(writer.finish()[0]!.bytes)[0]!.next()!;
    batch.source!.row!.__i = 7;
    expect(JSON.parse(batch.source!.rawOf(3))).toEqual(rows[3]!.value);
    expect(batch.source!.positionOf(3)).toBe(rows[3]!.position);
    expect(batch.source!.row!.__i).toBe(7);
  });
});

test('numbers of any size are exact, also next to each other', () => {
  const near = fc
    .tuple(
      fc.double({ noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 20 }),
    )
    .map(([base, steps]) => steps.map((step) => Math.trunc(base) + step));
  fc.assert(
    fc.property(
      fc.oneof(
        near,
        near.map((list) => list.sort((a, b) => a - b)),
        fc.array(fc.double(), { minLength: 1 }),
      ),
      (list) => {
        const out = new BlockOutput(0);
        writeNumbers(out, Float64Array.from(list), list.length);
        out.align();
        const read = new Float64Array(list.length);
        readNumbers(new BlockInput(new Uint8Array(out.take())), read, list.length);
        expect([...read]).toStrictEqual(list);
      },
    ),
    { numRuns: 1000 },
  );
});

describe('a damaged block', () => {
  const writer = new ShuffleWriter({ maxParallelism: 16, receivers: 1 });
  writer.add(
    byFunction,
    valueBatch(
      [1, 2, 3].map((i) => ({ value: { i, s: `text ${i}` }, key: i, ts: i, wm: i, position: i })),
      's',
    ),
    0,
  );
  const { bytes } = writer.finish()[0]!;

  test('is never used, whichever byte is wrong', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const bits of [1, 0x80, 0xff]) {
        const wrong = bytes.slice();
        wrong[at]! ^= bits;
        expect(() => new ShuffleReader().read(wrong), `byte ${at}`).toThrow(CorruptionError);
      }
    }
  });

  test('is never used when it is cut or longer', () => {
    for (let length = 0; length < bytes.length; length++)
      expect(() => new ShuffleReader().read(bytes.slice(0, length))).toThrow(CorruptionError);
    expect(() => new ShuffleReader().read(Buffer.concat([bytes, Buffer.alloc(8)]))).toThrow(CorruptionError);
  });

  test('an odd place in a larger buffer does no harm', () => {
    const larger = new Uint8Array(bytes.length + 3);
    larger.set(bytes, 3);
    expect(new ShuffleReader().read(larger.subarray(3))[0]!.next()!.values).toEqual(
      [1, 2, 3].map((i) => ({ i, s: `text ${i}` })),
    );
  });
});

test('an empty batch sends nothing', () => {
  const writer = new ShuffleWriter({ maxParallelism: 16, receivers: 2 });
  writer.add(byFunction, new ExchangeBatch(16), 0);
  expect(writer.finish()).toEqual([]);
});
