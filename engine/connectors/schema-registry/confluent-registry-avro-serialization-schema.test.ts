/** Writing: the schema is registered once, and what the registry refuses is said before a record is written. */
import { expect, expectTypeOf, it } from 'vitest';
import { jsonEncoder } from '../../formats/encoder.ts';
import { schema, t } from '../../formats/schema.ts';
import type { ValueEncoder } from '../../formats/value-encoder.ts';
import { ConfigError, RetryableError } from '../../model/errors.ts';
import { ConfluentRegistryAvroSerializationSchema } from './confluent-registry-avro-serialization-schema.ts';
import { FAKE_URL, fakeRegistry } from './registry-fixture.ts';
import { recordNameSubject, topicNameSubject, topicRecordNameSubject } from './subject-names.ts';

const order = {
  type: 'record',
  name: 'shop.Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int', default: 1 },
  ],
} as const;

it('writes header and datum under the id that the registry gave', async () => {
  const registry = fakeRegistry();
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric('orders-value', order, FAKE_URL, {
    fetch: registry.fetch,
  });
  expectTypeOf(encoder).toExtend<ValueEncoder<{ readonly id: string; readonly n?: number }>>();
  await Promise.all([encoder.open(), encoder.open()]);
  await encoder.open();
  expect([...encoder.encode({ id: 'ab' })]).toEqual([0, 0, 0, 0, 101, 4, 0x61, 0x62, 2]);
  expect(registry.requests).toEqual(['POST /subjects/orders-value/versions']);
});

it('takes rows of a schema', async () => {
  const registry = fakeRegistry();
  const rows = schema({ id: t.string(), n: t.int().nullable() });
  const encoder = ConfluentRegistryAvroSerializationSchema.forSpecific(rows, 'a/b', FAKE_URL, {
    fetch: registry.fetch,
    recordName: 'shop.Row',
  });
  await encoder.open();
  expect([...encoder.encode({ id: 'a', n: null })]).toEqual([0, 0, 0, 0, 101, 2, 0x61, 0]);
  expect(registry.requests).toEqual(['POST /subjects/a%2Fb/versions']);
});

it('an incompatible schema is a ConfigError that says of which subject', async () => {
  const registry = fakeRegistry();
  registry.next.push({ status: 409, body: '{"error_code":409,"message":"reader field n has no default"}' });
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric('orders-value', order, FAKE_URL, {
    fetch: registry.fetch,
  });
  const refused = encoder.open();
  await expect(refused).rejects.toBeInstanceOf(ConfigError);
  await expect(refused).rejects.toThrow(
    'the schema is not compatible with those of subject "orders-value": reader field n has no default.',
  );
});

it('a registry that cannot be reached is retryable, and the next open asks again', async () => {
  const registry = fakeRegistry();
  registry.next.push({ status: 500, body: 'x' });
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric('s', order, FAKE_URL, {
    fetch: registry.fetch,
    retryForMs: 0,
  });
  await expect(encoder.open()).rejects.toBeInstanceOf(RetryableError);
  await encoder.open();
  expect(encoder.encode({ id: 'a' })).toHaveLength(8);
});

it('without autoRegister the schema must be there', async () => {
  const registry = fakeRegistry();
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric('s', order, FAKE_URL, {
    fetch: registry.fetch,
    autoRegister: false,
  });
  await expect(encoder.open()).rejects.toThrow(
    'subject "s" does not have the schema (404: Schema not found), and autoRegister is off',
  );
  registry.subject('/subjects/s', { id: 0x01020304 });
  await encoder.open();
  expect([...encoder.encode({ id: '' })].slice(0, 5)).toEqual([0, 1, 2, 3, 4]);
});

it('encoding before open is refused', () => {
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric('s', order, FAKE_URL);
  expect(() => encoder.encode({ id: 'a' })).toThrow(ConfigError);
});

it('subjects are named by topic, record, or both', () => {
  expect(topicNameSubject('orders')).toBe('orders-value');
  expect(topicNameSubject('orders', 'key')).toBe('orders-key');
  expect(recordNameSubject(order)).toBe('shop.Order');
  expect(topicRecordNameSubject('orders', order)).toBe('orders-shop.Order');
});

it('a text encoder is a value encoder as it is', () => {
  expectTypeOf(jsonEncoder<{ a: number }>()).toExtend<ValueEncoder<{ a: number }>>();
});
