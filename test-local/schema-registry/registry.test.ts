/** The registry's API, against Apicurio. */
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  avroSchemaOf,
  ConfluentRegistryAvroDeserializationSchema,
  ConfluentRegistryAvroSerializationSchema,
  schema,
  t,
  topicNameSubject,
  type AvroSchema,
  type ValueFormat,
} from '../../engine/connectors/schema-registry/index.ts';
import { ConfigError, RetryableError } from '../../engine/model/errors.ts';
import { useServer } from '../servers/index.ts';

const amount = { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 2 } as const;
const at = { type: 'long', logicalType: 'timestamp-micros' } as const;
const v1 = {
  type: 'record',
  name: 'Payment',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'cents', type: 'int' },
    { name: 'amount', type: amount },
    { name: 'at', type: at },
    { name: 'gone', type: 'boolean' },
  ],
} as const;
const v2 = {
  type: 'record',
  name: 'Payment',
  namespace: 'shop',
  fields: [
    { name: 'payment', type: 'string', aliases: ['id'] },
    { name: 'cents', type: 'long' },
    { name: 'amount', type: amount },
    { name: 'at', type: at },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: ['none'] },
  ],
} as const;
const first = { id: 'a', cents: 5, amount: '-123456789012345678.90', at: 1_700_000_000_123_456, gone: true };

let url = '';
beforeAll(async () => {
  url = (await useServer('schema-registry')).settings['url']!;
});

const newSubject = (): string => topicNameSubject(`payments-${randomUUID()}`);

async function written<T>(subject: string, avro: AvroSchema, value: T, options = {}): Promise<Uint8Array> {
  const encoder = ConfluentRegistryAvroSerializationSchema.forGeneric<T>(subject, avro, url, options);
  await encoder.open();
  return encoder.encode(value);
}

async function read<T>(format: ValueFormat<T>, bytes: Uint8Array): Promise<T> {
  await format.prepare?.(bytes);
  return format.decodeRecord(bytes);
}

async function setCompatibility(subject: string, level: string): Promise<void> {
  const answer = await fetch(`${url}/config/${subject}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ compatibility: level }),
  });
  expect(answer.status).toBe(200);
}

describe('Apicurio', () => {
  it('keeps schemas; values come back exactly, by the evolved schema too', async () => {
    const subject = newSubject();
    const old = await written(subject, v1, first);
    const value = { payment: 'b', cents: 6, amount: '0.01', at: -1, tags: [] };
    const now = await written(subject, v2, value);
    expect(await read(ConfluentRegistryAvroDeserializationSchema.forGeneric(v1, url), old)).toEqual(first);
    const format = ConfluentRegistryAvroDeserializationSchema.forGeneric(v2, url);
    const { id, gone: _, ...rest } = first;
    expect(await read(format, old)).toEqual({ payment: id, ...rest, tags: ['none'] });
    expect(await read(format, now)).toEqual(value);
  });

  it('gives the same id to the same schema', async () => {
    const subject = newSubject();
    const [a, b] = [await written(subject, v1, first), await written(subject, v1, first)];
    expect(a).toEqual(b);
    expect(await written(subject, v1, first, { autoRegister: false })).toEqual(a);
  });

  it('rows of a schema need no Avro schema of their own', async () => {
    const rows = schema({
      id: t.string(),
      n: t.int(),
      price: t.number(),
      at: t.timestamp(),
      note: t.string().nullable(),
    });
    const encoder = ConfluentRegistryAvroSerializationSchema.forSpecific(rows, newSubject(), url, {
      recordName: 'shop.Row',
    });
    await encoder.open();
    const row = { id: 'é', n: 2 ** 53 - 1, price: 0.1, at: 1_700_000_000_123, note: null };
    const bytes = encoder.encode(row);
    expect(await read(ConfluentRegistryAvroDeserializationSchema.forSpecific(rows, url), bytes)).toEqual(row);
    expect(
      await read(ConfluentRegistryAvroDeserializationSchema.forGeneric(avroSchemaOf(rows, 'shop.Row'), url), bytes),
    ).toEqual(row);
  });

  it('refuses what is not compatible: a ConfigError', async () => {
    const subject = newSubject();
    await written(subject, v1, first);
    await setCompatibility(subject, 'BACKWARD');
    const incompatible = { ...v1, fields: [...v1.fields, { name: 'extra', type: 'string' }] };
    const refused = written(subject, incompatible, first);
    await expect(refused).rejects.toBeInstanceOf(ConfigError);
    await expect(refused).rejects.toThrow(`the schema is not compatible with those of subject "${subject}"`);
  });

  it('does not know every subject or id', async () => {
    await expect(written(newSubject(), v1, first, { autoRegister: false })).rejects.toThrow('register it first');
    const bytes = await written(newSubject(), v1, first);
    bytes.set([0x7f, 0xff, 0xff, 0xff], 1);
    const bad = read(ConfluentRegistryAvroDeserializationSchema.forGeneric(v1, url), bytes);
    await expect(bad).rejects.toThrow('Avro schema id 2147483647');
    await expect(bad).rejects.not.toBeInstanceOf(ConfigError);
  });

  it('says which subject has the schema of a bad record', async () => {
    const subject = newSubject();
    const bytes = await written(subject, v1, first);
    const format = ConfluentRegistryAvroDeserializationSchema.forGeneric(v1, url);
    await expect(read(format, bytes.subarray(0, 6))).rejects.toThrow(/record shop.Payment of subject payments-/);
  });

  it('a schema with references to another subject', async () => {
    const city = { type: 'record', name: 'geo.City', fields: [{ name: 'name', type: 'string' }] };
    const home = { type: 'record', name: 'geo.Home', fields: [{ name: 'city', type: 'geo.City' }] };
    const subject = newSubject();
    await written(subject, city, { name: 'Rome' });
    const references = [{ name: 'geo.City', subject, version: 1, schema: city }];
    const bytes = await written(newSubject(), home, { city: { name: 'Rome' } }, { references });
    const inline = { ...home, fields: [{ name: 'city', type: city }] };
    expect(await read(ConfluentRegistryAvroDeserializationSchema.forGeneric(inline, url), bytes)).toEqual({
      city: { name: 'Rome' },
    });
  });

  it('at another path is no registry; at a closed port it is retryable', async () => {
    const bytes = await written(newSubject(), v1, first);
    const root = ConfluentRegistryAvroDeserializationSchema.forGeneric(v1, new URL(url).origin);
    await expect(read(root, bytes)).rejects.toBeInstanceOf(ConfigError);
    const closed = ConfluentRegistryAvroDeserializationSchema.forGeneric(v1, 'http://127.0.0.1:9', { retryForMs: 0 });
    await expect(read(closed, bytes)).rejects.toBeInstanceOf(RetryableError);
  });
});
