/** What Java's golden answers do not cover: logical types under evolution, messages, rows of a `schema({ … })`. */
import { describe, expect, it } from 'vitest';
import { schema, t } from '../schema.ts';
import { avroDecoder, avroEncoder } from './avro-codec.ts';
import { checkRecord, parseAvroSchema, type AvroSchema, type AvroSchemaObject } from './parse-schema.ts';
import { rowReader } from './row-schema.ts';

const logical = (type: string, logicalType: string, more: object = {}): AvroSchemaObject => ({
  type,
  logicalType,
  ...more,
});
const decimal = (precision: number, scale: number): AvroSchemaObject =>
  logical('bytes', 'decimal', { precision, scale });

function read(writer: AvroSchema, reader: AvroSchema, value: unknown, longs: 'number' | 'bigint' = 'number'): unknown {
  const type = parseAvroSchema(writer);
  return avroDecoder(type, parseAvroSchema(reader), longs)(avroEncoder(type)(value, null), 0);
}

describe('logical types under evolution', () => {
  it.each<[string, AvroSchema, AvroSchema, unknown, unknown]>([
    ['millis as micros', logical('long', 'timestamp-millis'), logical('long', 'timestamp-micros'), 1500, 1_500_000],
    ['micros as millis, down', logical('long', 'timestamp-micros'), logical('long', 'timestamp-millis'), -1, -1],
    [
      'micros as millis, exactly',
      logical('long', 'timestamp-micros'),
      logical('long', 'timestamp-millis'),
      9_007_199_254_739_999,
      9_007_199_254_739,
    ],
    [
      'nanos as millis',
      logical('long', 'timestamp-nanos'),
      logical('long', 'timestamp-millis'),
      1_700_000_000_123_456_789n,
      1_700_000_000_123,
    ],
    [
      'millis as nanos',
      logical('long', 'timestamp-millis'),
      logical('long', 'timestamp-nanos'),
      1_700_000_000_123,
      1_700_000_000_123_000_000n,
    ],
    ['local as instant', logical('long', 'local-timestamp-millis'), logical('long', 'timestamp-millis'), 5, 5],
    ['date as timestamp', logical('int', 'date'), logical('long', 'timestamp-millis'), -2, -172_800_000],
    ['time-millis as time-micros', logical('int', 'time-millis'), logical('long', 'time-micros'), 7, 7000],
    ['int as timestamp', 'int', logical('long', 'timestamp-millis'), 7, 7],
    ['timestamp as long', logical('long', 'timestamp-millis'), 'long', 7, 7],
    ['decimal with more digits', decimal(6, 2), decimal(8, 4), '-12.30', '-12.3000'],
    ['decimal with fewer digits, zeros', decimal(8, 4), decimal(6, 2), '-12.3000', '-12.30'],
    ['decimal as bytes', decimal(6, 2), 'bytes', '0.01', Uint8Array.of(1)],
    ['bytes as decimal', 'bytes', decimal(6, 2), Uint8Array.of(255), '-0.01'],
    ['string as uuid', 'string', logical('string', 'uuid'), 'x', 'x'],
  ])('%s', (_, writer, reader, value, expected) => {
    expect(read(writer, reader, value)).toEqual(expected);
  });

  it.each<[string, AvroSchema, AvroSchema, unknown, string]>([
    ['decimal that would lose digits', decimal(8, 4), decimal(6, 2), '1.2345', 'more than 2 digits after the point'],
    ['decimal that has too many', decimal(8, 2), decimal(4, 2), '123.45', 'more than 4 digits'],
    [
      'time as timestamp',
      logical('long', 'time-micros'),
      logical('long', 'timestamp-millis'),
      1,
      'time-micros in long was written, which cannot be read as timestamp-millis in long',
    ],
    ['date as time', logical('int', 'date'), logical('int', 'time-millis'), 1, 'cannot be read as time-millis'],
    [
      'nanos beyond a number',
      logical('long', 'timestamp-millis'),
      logical('long', 'timestamp-micros'),
      9_007_199_254_740_991,
      'beyond 2^53 − 1',
    ],
  ])('%s is refused', (_, writer, reader, value, message) => {
    expect(() => read(writer, reader, value)).toThrow(message);
  });

  it('micros follow `longs`, millis stay numbers', () => {
    const micros = logical('long', 'timestamp-micros');
    expect(read(micros, micros, 2n ** 60n, 'bigint')).toBe(2n ** 60n);
    expect(read(logical('long', 'timestamp-millis'), micros, 5, 'bigint')).toBe(5000n);
    expect(read(micros, logical('long', 'timestamp-millis'), 5000, 'bigint')).toBe(5);
  });

  it('that do not hold are ignored', () => {
    for (const type of [
      logical('string', 'date'),
      logical('int', 'nothing'),
      logical('int', 'decimal', { precision: 2 }),
    ])
      expect(parseAvroSchema(type)).toMatchObject({ logical: null });
    expect(parseAvroSchema(decimal(2, 3))).toMatchObject({ logical: null });
    expect(
      parseAvroSchema({ ...logical('fixed', 'decimal', { precision: 5, scale: 0 }), name: 'F', size: 2 }),
    ).toMatchObject({ logical: null });
    expect(
      parseAvroSchema({ ...logical('fixed', 'decimal', { precision: 4, scale: 0 }), name: 'F', size: 2 }),
    ).not.toMatchObject({ logical: null });
  });
});

describe('messages', () => {
  const record = (...fields: [string, AvroSchema, unknown?][]): AvroSchemaObject => ({
    type: 'record',
    name: 'R',
    fields: fields.map(([name, type, fallback]) => ({
      name,
      type,
      ...(fallback === undefined ? {} : { default: fallback }),
    })),
  });

  it.each<[AvroSchema, AvroSchema, unknown, string]>([
    [
      record(['a', 'int']),
      record(['b', 'int']),
      { a: 1 },
      'the field "b" of record R was not written, and has no default',
    ],
    [
      record(['a', 'string']),
      record(['a', 'int']),
      { a: 'x' },
      'field "a": string was written, which cannot be read as int',
    ],
    [['null', 'string'], 'string', null, 'null was written, which cannot be read as string'],
    [record(['u', ['null', 'string']]), record(['u', 'string']), { u: null }, 'field "u": null was written'],
  ])('%#', (writer, reader, value, message) => {
    expect(() => read(writer, reader, value)).toThrow(message);
  });

  it('of a default that does not fit', () => {
    const reader = record(['a', 'int'], ['b', { type: 'array', items: 'int' }, ['x']]);
    expect(() => read(record(['a', 'int']), reader, { a: 1 })).toThrow('the default "x" is no int');
  });

  it('defaults are fresh for every record', () => {
    const writer = record(['a', 'int']);
    const type = parseAvroSchema(writer);
    const decode = avroDecoder(
      type,
      parseAvroSchema(record(['a', 'int'], ['l', { type: 'array', items: 'int' }, []])),
      'number',
    );
    const bytes = avroEncoder(type)({ a: 1 }, null);
    (decode(bytes, 0) as { l: number[] }).l.push(1);
    expect(decode(bytes, 0)).toEqual({ a: 1, l: [] });
  });

  it.each<[unknown, string]>([
    ['{"type":', 'the schema is no JSON'],
    ['Nowhere', 'the type "Nowhere" is used, but defined nowhere before'],
    [{ type: 'record', name: 'R', fields: [{ name: 'a b', type: 'int' }] }, '"a b" is no name of a field'],
    [
      {
        type: 'record',
        name: 'R',
        fields: [
          { name: 'a', type: 'int' },
          { name: 'a', type: 'int' },
        ],
      },
      'two fields "a"',
    ],
    [{ type: 'record', name: 'R', fields: [{ name: 'a' }] }, 'record R, field "a": field without "type"'],
    [{ type: 'record', name: 'R' }, 'record R without "fields"'],
    [['int', 'int'], 'two branches "int"'],
    [['int', ['null']], 'a union may not hold a union'],
    [{ type: 'enum', name: 'E', symbols: ['A', 'A'] }, 'no name, or there twice'],
    [{ type: 'enum', name: 'E', symbols: ['A'], default: 'B' }, 'the default "B" is none of its symbols'],
    [{ type: 'fixed', name: 'F' }, '"size" must be a whole number'],
    [{ type: 'array' }, 'array without "items"'],
    [{ type: 'record', name: 'a.b c', fields: [] }, 'record: "a.b c" is no name'],
    [{ type: 'enum', name: 'int', symbols: ['A'] }, '"int" cannot be defined again'],
    [null, 'a schema must be a name, a list or an object, not null'],
  ])('of the schema %j', (bad, message) => {
    expect(() => parseAvroSchema(bad as AvroSchema)).toThrow(message);
  });

  it('namespaces of nested classes, as older Javas wrote them, are taken', () => {
    expect(parseAvroSchema({ type: 'enum', name: 'E', namespace: 'shop.Order$', symbols: ['A'] })).toMatchObject({
      name: 'shop.Order$.E',
    });
  });

  it('defaults beyond 2^53 − 1 are exact', () => {
    const reader =
      '{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"long","default":9223372036854775807}]}';
    expect(read(record(['a', 'int']), reader, { a: 1 }, 'bigint')).toEqual({ a: 1, b: 9_223_372_036_854_775_807n });
    expect(() => read(record(['a', 'int']), reader, { a: 1 })).toThrow(
      "the default 9223372036854775807 is beyond 2^53 − 1: use longs: 'bigint'",
    );
  });
});

describe('rows of a schema', () => {
  const rows = schema({
    id: t.string(),
    kind: t.string(),
    price: t.string(),
    n: t.number(),
    count: t.int(),
    ok: t.boolean(),
    at: t.timestamp(),
    note: t.string().nullable(),
  });
  const writer = parseAvroSchema({
    type: 'record',
    name: 'shop.Order',
    fields: [
      { name: 'extra', type: { type: 'map', values: 'string' } },
      { name: 'id', type: ['null', { type: 'string', logicalType: 'uuid' }] },
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['NEW', 'OLD'] } },
      { name: 'price', type: decimal(9, 2) },
      { name: 'n', type: ['int', 'double'] },
      { name: 'count', type: 'long' },
      { name: 'ok', type: 'boolean' },
      { name: 'at', type: logical('long', 'timestamp-micros') },
    ],
  });
  const id = '6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b';
  const row = { extra: {}, id, kind: 'OLD', price: '1.20', n: { double: 1.5 }, count: 3, ok: true, at: -1500 };

  it('are read by name', () => {
    const decode = avroDecoder(writer, rowReader(rows, checkRecord(writer)), 'number');
    const expected = { id, kind: 'OLD', price: '1.20', n: 1.5, count: 3, ok: true, at: -2, note: null };
    expect(decode(avroEncoder(writer)(row, null), 0)).toEqual(expected);
    expect(() => decode(avroEncoder(writer)({ ...row, id: null }, null), 0)).toThrow('field "id": null was written');
    expect(() => decode(avroEncoder(writer)({ ...row, count: 2n ** 60n }, null), 0)).toThrow(
      'field "count": 1152921504606846976 is beyond',
    );
  });

  it('need the fields that are not nullable', () => {
    expect(() => avroDecoder(writer, rowReader(schema({ gone: t.int() }), checkRecord(writer)), 'number')).toThrow(
      'the field "gone" of record shop.Order was not written',
    );
  });
});
