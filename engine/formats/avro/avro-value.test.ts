/** Row types that follow from schemas; checked by the compiler. */
import { expect, expectTypeOf, it } from 'vitest';
import { schema, t, type RowOf } from '../schema.ts';
import { AvroDeserializationSchema } from './avro-deserialization-schema.ts';
import { AvroSerializationSchema } from './avro-serialization-schema.ts';
import type { AvroValue, AvroWritable } from './avro-value.ts';
import type { AvroDuration } from './logical-types.ts';
import type { AvroSchema } from './parse-schema.ts';
import { avroSchemaOf } from './row-schema.ts';

const order = {
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'customer', type: 'long' },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 } },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'exact', type: { type: 'long', logicalType: 'timestamp-nanos' } },
    { name: 'note', type: ['null', 'string'], default: null },
    { name: 'state', type: { type: 'enum', name: 'State', symbols: ['OPEN', 'SHIPPED'] } },
    { name: 'tags', type: { type: 'map', values: { type: 'array', items: 'int' } } },
    { name: 'either', type: ['int', 'double'] },
    { name: 'address', type: { type: 'record', name: 'Address', fields: [{ name: 'city', type: 'string' }] } },
    { name: 'hash', type: { type: 'fixed', name: 'Hash', size: 16 } },
    { name: 'took', type: { type: 'fixed', name: 'Took', size: 12, logicalType: 'duration' } },
  ],
} as const;

interface Order {
  readonly id: string;
  readonly customer: number;
  readonly amount: string;
  readonly at: number;
  readonly exact: bigint;
  readonly note: string | null;
  readonly state: 'OPEN' | 'SHIPPED';
  readonly tags: { readonly [key: string]: readonly number[] };
  readonly either: { readonly int: number } | { readonly double: number };
  readonly address: { readonly city: string };
  readonly hash: Uint8Array;
  readonly took: AvroDuration;
}

it('a literal schema gives the row type', () => {
  expectTypeOf<AvroValue<typeof order>>().toEqualTypeOf<Order>();
  expectTypeOf<AvroValue<typeof order, 'bigint'>['customer']>().toEqualTypeOf<bigint>();
  expectTypeOf(AvroDeserializationSchema.forGeneric(order)).toEqualTypeOf<AvroDeserializationSchema<Order>>();
  expectTypeOf(
    AvroDeserializationSchema.forGeneric({ type: 'array', items: 'long' }, { longs: 'bigint' }),
  ).toEqualTypeOf<AvroDeserializationSchema<readonly bigint[]>>();
});

it('what may be written is wider', () => {
  type Written = AvroWritable<typeof order>;
  expectTypeOf<Written['amount']>().toEqualTypeOf<string | bigint>();
  expectTypeOf<Written['customer']>().toEqualTypeOf<number | bigint>();
  expectTypeOf<Written['note']>().toEqualTypeOf<string | null | undefined>();
  expectTypeOf<Order>().toExtend<Written>();
});

it('schemas as text, and references, need a named row type', () => {
  const text = JSON.stringify(order);
  expectTypeOf(AvroDeserializationSchema.forGeneric(text)).toEqualTypeOf<AvroDeserializationSchema<unknown>>();
  expectTypeOf(AvroDeserializationSchema.forGeneric<Order>(text)).toEqualTypeOf<AvroDeserializationSchema<Order>>();
  expectTypeOf(AvroSerializationSchema.forGeneric<Order>(text)).toEqualTypeOf<AvroSerializationSchema<Order>>();
  expectTypeOf<AvroValue<AvroSchema>>().toEqualTypeOf<unknown>();
  expectTypeOf(AvroDeserializationSchema.forGeneric(avroSchemaOf(schema({ a: t.int() }), 'R'))).toEqualTypeOf<
    AvroDeserializationSchema<unknown>
  >();
  expectTypeOf<AvroValue<readonly ['null', 'Other']>>().toEqualTypeOf<unknown>();
  expectTypeOf<
    AvroValue<{ type: 'record'; name: 'a.A'; fields: [{ name: 'x'; type: 'int' }] } | 'null'>
  >().toEqualTypeOf<{
    readonly x: number;
  } | null>();
});

it('a row schema gives its rows, and its Avro schema', () => {
  const rows = schema({ id: t.string(), n: t.int(), at: t.timestamp(), note: t.string().nullable() });
  const avro = avroSchemaOf(rows, 'shop.Row');
  const format = AvroDeserializationSchema.forSpecific(rows, avro);
  expectTypeOf(format).toEqualTypeOf<AvroDeserializationSchema<RowOf<typeof rows>>>();
  const encoder = AvroSerializationSchema.forSpecific(rows, 'shop.Row');
  expectTypeOf(encoder).toEqualTypeOf<AvroSerializationSchema<RowOf<typeof rows>>>();
  const row = { id: 'a', n: 1, at: 2, note: null };
  expect(format.decodeRecord(encoder.encode(row))).toEqual(row);
  expect(avro).toEqual({
    type: 'record',
    name: 'shop.Row',
    fields: [
      { name: 'id', type: 'string' },
      { name: 'n', type: 'long' },
      { name: 'at', type: { type: 'long', logicalType: 'timestamp-millis' } },
      { name: 'note', type: ['null', 'string'], default: null },
    ],
  });
});
