import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer, schemaFromColumnData } from 'hyparquet-writer';
import { afterAll, expect, it } from 'vitest';
import type { BulkFile } from '../bulk-format.ts';
import { schema, t } from '../schema.ts';
import { DECOMPRESSORS } from './parquet-codec.ts';
import { parquetEncoder, type ParquetOptions } from './parquet-encoder.ts';
import { parquetRows } from './parquet-rows.ts';
import { p, parquetSchema, type AnyParquetSchema, type ParquetInput, type ParquetRow } from './parquet-schema.ts';

const dir = mkdtempSync(join(tmpdir(), 'millrace-parquet-'));
afterAll(() => rmSync(dir, { recursive: true }));

const everything = parquetSchema({
  s: p.string(),
  d: p.double(),
  i: p.int64(),
  n: p.int32(),
  g: p.bigint(),
  b: p.boolean(),
  at: p.timestamp(),
  small: p.decimal(9, 2),
  medium: p.decimal(18, 0),
  large: p.decimal(38, 10),
  raw: p.bytes(),
  s0: p.string().nullable(),
  d0: p.double().nullable(),
  b0: p.boolean().nullable(),
  large0: p.decimal(38, 38).nullable(),
});
type Everything = ParquetInput<typeof everything>;

const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('', 'a', 'ü€😀'));
const decimals = (precision: number): fc.Arbitrary<bigint> => {
  const max = 10n ** BigInt(precision) - 1n;
  return fc.oneof(fc.bigInt({ min: -max, max }), fc.constantFrom(0n, max, -max, -1n));
};
const doubles = fc.oneof(fc.double(), fc.constantFrom(0, -0, NaN, Infinity, 5e-324));
const everyRow: fc.Arbitrary<Everything> = fc.record({
  s: text,
  d: doubles,
  i: fc.maxSafeInteger(),
  n: fc.integer(),
  g: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  b: fc.boolean(),
  at: fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 }),
  small: decimals(9),
  medium: decimals(18),
  large: decimals(38),
  raw: fc.uint8Array({ maxLength: 9 }),
  s0: fc.option(text),
  d0: fc.option(doubles),
  b0: fc.option(fc.boolean()),
  large0: fc.option(decimals(38)),
});

async function newFile<S extends AnyParquetSchema>(
  of: S,
  options?: ParquetOptions,
): Promise<BulkFile<ParquetInput<S>>> {
  const encoder = parquetEncoder(of, options);
  await encoder.load();
  return encoder.file();
}

async function fileOf<S extends AnyParquetSchema>(
  of: S,
  rows: readonly ParquetInput<S>[],
  options?: ParquetOptions,
): Promise<Buffer> {
  const file = await newFile(of, options);
  for (const row of rows) expect(file.add(row, Infinity)).toBe(true);
  return Buffer.concat(file.finish());
}

async function rowsOf<S extends AnyParquetSchema>(of: S, bytes: Uint8Array): Promise<ParquetRow<S>[]> {
  const path = join(dir, 'file.parquet');
  writeFileSync(path, bytes);
  const input = await parquetRows(of).open(path, 0, Infinity);
  const rows: unknown[] = [];
  for (let at = input.firstRow; at < input.endRow;) {
    const block = await input.read(at);
    for (; at < block.endRow; at++) rows.push(block.row(at));
  }
  return rows as ParquetRow<S>[];
}

function decimalOf(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const point = digits.length - scale;
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? '.' : ''}${digits.slice(point)}`;
}

it('reads back exactly what was written, in any row groups and compression', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(everyRow, { maxLength: 40 }),
      fc.constantFrom('snappy', 'zstd', 'gzip', 'uncompressed'),
      fc.integer({ min: 1, max: 17 }),
      async (rows, compression, rowGroupRows) => {
        const bytes = await fileOf(everything, rows, { compression, rowGroupRows });
        expect((await fileOf(everything, rows, { compression, rowGroupRows })).equals(bytes)).toBe(true);
        const expected = rows.map((row) => ({
          ...row,
          small: decimalOf(row.small as bigint, 2),
          medium: decimalOf(row.medium as bigint, 0),
          large: decimalOf(row.large as bigint, 10),
          large0: row.large0 === null ? null : decimalOf(row.large0 as bigint, 38),
        }));
        expect(await rowsOf(everything, bytes)).toEqual(expected);
        expect(Number(parquetMetadata(bytes).num_rows)).toBe(rows.length);
        expect(parquetMetadata(bytes).row_groups.length).toBe(Math.ceil(rows.length / rowGroupRows));
      },
    ),
    { numRuns: 60 },
  ));

it('is read by hyparquet alone', async () => {
  const of = parquetSchema({
    id: p.string(),
    amount: p.decimal(12, 2),
    at: p.timestamp(),
    note: p.string().nullable(),
  });
  const rows = [
    { id: 'a', amount: '12.25', at: 1_700_000_000_000 },
    { id: 'b', amount: -750n, at: 0, note: 'x' },
  ];
  const bytes = await fileOf(of, rows, { compression: 'zstd' });
  const file = new Uint8Array(bytes).buffer;
  expect(await parquetReadObjects({ file, compressors: DECOMPRESSORS })).toEqual([
    { id: 'a', amount: 12.25, at: new Date(1_700_000_000_000), note: null },
    { id: 'b', amount: -7.5, at: new Date(0), note: 'x' },
  ]);
  expect(parquetMetadata(file).schema.map(({ name, logical_type }) => [name, logical_type?.type])).toEqual([
    ['root', undefined],
    ['id', 'STRING'],
    ['amount', 'DECIMAL'],
    ['at', 'TIMESTAMP'],
    ['note', 'STRING'],
  ]);
});

it('takes the schema of the line formats, and only its columns', async () => {
  const wide = schema({ id: t.string(), n: t.int(), x: t.number(), ok: t.boolean(), at: t.timestamp() });
  const rows = [{ id: 'a', n: 1, x: 0.5, ok: true, at: 5 }];
  const bytes = await fileOf(wide, rows);
  expect(await rowsOf(wide, bytes)).toEqual(rows);
  const narrow = schema({ at: t.timestamp(), missing: t.string().nullable(), n: t.number() });
  expect(await rowsOf(narrow, bytes)).toEqual([{ at: 5, missing: null, n: 1 }]);
});

it('never makes a file larger than the limit', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
          fc.uint8Array({ maxLength: 300, size: 'max' }),
        ),
        {
          minLength: 30,
          maxLength: 60,
          size: 'max',
        },
      ),
      fc.integer({ min: 4_000, max: 15_000 }),
      fc.constantFrom('snappy', 'zstd', 'gzip', 'uncompressed'),
      async (rows, limit, compression) => {
        const encoder = parquetEncoder(parquetSchema({ s: p.string(), b: p.bytes() }), { compression });
        await encoder.load();
        let file = encoder.file();
        let written = 0;
        for (const [s, b] of rows) {
          if (file.add({ s, b }, limit)) continue;
          written += file.rows;
          expect(Buffer.concat(file.finish()).length).toBeLessThanOrEqual(limit);
          file = encoder.file();
          expect(file.add({ s, b }, limit)).toBe(true);
        }
        expect(written + file.rows).toBe(rows.length);
        expect(Buffer.concat(file.finish()).length).toBeLessThanOrEqual(limit);
      },
    ),
    { numRuns: 60 },
  ));

it('fills files that compress well', async () => {
  const file = await newFile(schema({ s: t.string() }), { compression: 'zstd' });
  const row = { s: 'the same again and again, the same again and again' };
  let rows = 0;
  while (rows < 50_000 && file.add(row, 100_000)) rows++;
  // Uncompressed, it would be full before 2,000.
  expect(rows).toBeGreaterThan(10_000);
});

it('bounds what it holds by row groups', async () => {
  const file = await newFile(schema({ s: t.string() }), { rowGroupBytes: 10_000 });
  for (let i = 0; i < 20_000; i++) file.add({ s: 'abcdefghijklmnopqrstuvwxyz' }, Infinity);
  expect(file.bytes).toBeLessThan(200_000);
});

it.each([
  [{ ...sample(), s: null }, 'column "s" is null (declare it nullable()'],
  [{ ...sample(), s: 5 }, 'column "s" must be a string, got number 5'],
  [{ ...sample(), s: '\ud800' }, 'half a surrogate pair'],
  [{ ...sample(), i: 0.5 }, 'column "i" must be a whole number'],
  [{ ...sample(), i: 2 ** 53 }, 'column "i" must be a whole number'],
  [{ ...sample(), n: 2 ** 31 }, 'column "n" must be a whole number of 32 bits'],
  [{ ...sample(), g: 2n ** 63n }, 'column "g" must be a bigint of 64 bits'],
  [{ ...sample(), at: '2024' }, 'column "at" must be epoch milliseconds'],
  [{ ...sample(), small: '1.005' }, 'more than 2 digits after the point'],
  [{ ...sample(), small: '12345678.00' }, 'more than 9 digits'],
  [{ ...sample(), small: 1.5 }, 'must be decimal text'],
  [{ ...sample(), small: '1e5' }, 'is no decimal'],
  [{ ...sample(), raw: [1] }, 'must be a Uint8Array'],
  [5, 'writes objects, got number'],
])('refuses %o', async (row, message) => {
  const file = await newFile(everything);
  file.add(sample(), Infinity);
  expect(() => file.add(row as never, Infinity)).toThrow(message);
  expect(file.rows).toBe(1);
});

it('names a value that does not fit, at its row', async () => {
  const bytes = await fileOf(parquetSchema({ g: p.bigint(), s: p.string().nullable() }), [
    { g: 1n, s: 'a' },
    { g: 2n ** 60n, s: null },
  ]);
  const path = join(dir, 'bad.parquet');
  writeFileSync(path, bytes);
  const block = await (await parquetRows(schema({ g: t.int() })).open(path, 0, Infinity)).read(0);
  expect(block.row(0)).toEqual({ g: 1 });
  expect(() => block.row(1)).toThrow(
    'column "g": 1152921504606846976 is beyond 2^53 − 1; declare the column p.bigint()',
  );
  expect(block.raw(1)).toBe('{"g":"1152921504606846976"}');
  const strict = await (await parquetRows(schema({ s: t.string() })).open(path, 0, Infinity)).read(0);
  expect(() => strict.row(1)).toThrow('column "s" is null (declare it nullable()');
});

it('reads what other writers write', async () => {
  const columnData = [
    { name: 'micros', data: [-1n, 1_700_000_000_123_456n] },
    { name: 'day', data: [0, 19_000] },
    { name: 'u32', data: [4_294_967_295, 1] },
    { name: 'u64', data: [2n ** 63n - 1n, 7n] },
    { name: 'f', data: [0.5, -2] },
    { name: 'dec', data: [-1n, 12_345n] },
  ];
  const schemaOverrides = {
    micros: { name: 'micros', type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
    day: { name: 'day', type: 'INT32', converted_type: 'DATE' },
    u32: { name: 'u32', type: 'INT32', converted_type: 'UINT_32' },
    u64: { name: 'u64', type: 'INT64', converted_type: 'UINT_64' },
    f: { name: 'f', type: 'FLOAT' },
    dec: { name: 'dec', type: 'BYTE_ARRAY', converted_type: 'DECIMAL', precision: 10, scale: 3 },
  } as const;
  const required = Object.fromEntries(
    Object.entries(schemaOverrides).map(([name, e]) => [name, { ...e, repetition_type: 'REQUIRED' as const }]),
  );
  const bytes = new Uint8Array(
    parquetWriteBuffer({ columnData, schema: schemaFromColumnData({ columnData, schemaOverrides: required }) }),
  );
  const of = parquetSchema({
    micros: p.timestamp(),
    day: p.timestamp(),
    u32: p.int64(),
    u64: p.bigint(),
    f: p.double(),
    dec: p.decimal(12, 5),
  });
  expect(await rowsOf(of, bytes)).toEqual([
    { micros: -1, day: 0, u32: 4_294_967_295, u64: 2n ** 63n - 1n, f: 0.5, dec: '-0.00100' },
    { micros: 1_700_000_000_123, day: 19_000 * 86_400_000, u32: 1, u64: 7n, f: -2, dec: '12.34500' },
  ]);
  await expect(rowsOf(parquetSchema({ dec: p.decimal(12, 2) }), bytes)).rejects.toThrow(
    'column "dec" is BYTE_ARRAY DECIMAL(10, 3), which cannot be read as decimal(12, 2)',
  );
  await expect(rowsOf(schema({ f: t.string() }), bytes)).rejects.toThrow(
    'column "f" is FLOAT, which cannot be read as string',
  );
  await expect(rowsOf(schema({ nope: t.string() }), bytes)).rejects.toThrow(
    'has no column "nope"; its columns are micros, day',
  );
});

it('refuses files that are not whole', async () => {
  const of = schema({ s: t.string() });
  const bytes = await fileOf(of, [{ s: 'abc' }]);
  for (const bad of [
    Buffer.alloc(0),
    Buffer.from('PAR1'),
    bytes.subarray(0, bytes.length - 5),
    Buffer.from('no parquet at all'),
  ])
    await expect(rowsOf(of, bad)).rejects.toMatchObject({
      code: 'corruption',
      message: /is not a complete Parquet file/,
    });
  const spoiled = Buffer.from(bytes);
  spoiled.fill(0xff, 4, 30);
  await expect(rowsOf(of, spoiled)).rejects.toMatchObject({ code: 'corruption' });
  await expect(parquetRows(of).open(join(dir, 'gone'), 0, Infinity)).rejects.toMatchObject({ code: 'retryable' });
});

it('refuses options that mean nothing', () => {
  expect(() => p.decimal(39, 0)).toThrow('precision is 1 to 38');
  expect(() => p.decimal(5, 6)).toThrow('scale 0 to precision');
  expect(() => parquetSchema({})).toThrow('1 to 512 columns');
  expect(() => parquetEncoder(everything, { compression: 'lzo' as never })).toThrow(
    'use snappy, zstd, gzip, uncompressed',
  );
  expect(() => parquetEncoder(everything, { rowGroupRows: 0 })).toThrow('rowGroupRows');
});

function sample(): Everything {
  return {
    s: 'a',
    d: 1,
    i: 1,
    n: 1,
    g: 1n,
    b: true,
    at: 1,
    small: '1.00',
    medium: '1',
    large: '1',
    raw: new Uint8Array([1]),
  };
}
