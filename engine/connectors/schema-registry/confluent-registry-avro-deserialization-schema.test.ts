/** Reading: what is fetched when, and what makes a bad record, a retry, a refusal. */
import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import { avroEncoder } from '../../formats/avro/avro-codec.ts';
import { parseAvroSchema, type AvroSchema } from '../../formats/avro/parse-schema.ts';
import { schema, t } from '../../formats/schema.ts';
import type { ValueFormat } from '../../formats/value-format.ts';
import { ConfigError, RetryableError } from '../../model/errors.ts';
import { ConfluentRegistryAvroDeserializationSchema } from './confluent-registry-avro-deserialization-schema.ts';
import { FAKE_URL, fakeRegistry, type FakeRegistry } from './registry-fixture.ts';
import { headerOf } from './wire-format.ts';

const v1 = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'int' },
  ],
} as const;
const v2 = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'n', type: 'long' },
    { name: 'note', type: ['null', 'string'], default: null },
  ],
} as const;

function message(id: number, written: AvroSchema, value: unknown): Uint8Array {
  return avroEncoder(parseAvroSchema(written))(value, headerOf(id));
}

async function read<T>(format: ValueFormat<T>, bytes: Uint8Array): Promise<T> {
  for (let ready = format.prepare?.(bytes); ready !== null && ready !== undefined; ready = format.prepare?.(bytes))
    await ready;
  return format.decodeRecord(bytes);
}

function orders(registry: FakeRegistry, more: object = {}): ConfluentRegistryAvroDeserializationSchema<unknown> {
  registry.put(1, v1);
  registry.put(2, v2);
  return ConfluentRegistryAvroDeserializationSchema.forGeneric<unknown>(v2, FAKE_URL, {
    fetch: registry.fetch,
    retryForMs: 0,
    ...more,
  });
}

describe('values', () => {
  it('of several writers read as one schema, each fetched once', async () => {
    const registry = fakeRegistry();
    const format = orders(registry);
    expect(await read(format, message(1, v1, { id: 'a', n: 1 }))).toEqual({ id: 'a', n: 1, note: null });
    expect(await read(format, message(2, v2, { id: 'b', n: 2, note: 'x' }))).toEqual({ id: 'b', n: 2, note: 'x' });
    expect(format.prepare(message(1, v1, { id: 'c', n: 3 }))).toBe(null);
    expect(await read(format, message(1, v1, { id: 'c', n: 3 }))).toEqual({ id: 'c', n: 3, note: null });
    expect(registry.requests).toEqual(['GET /schemas/ids/1', 'GET /schemas/ids/2']);
  });

  it('that wait for the same schema share one request', async () => {
    const registry = fakeRegistry();
    const format = orders(registry);
    const bytes = message(1, v1, { id: 'a', n: 1 });
    expect(await Promise.all([1, 2, 3].map(() => read(format, bytes)))).toHaveLength(3);
    expect(registry.requests).toEqual(['GET /schemas/ids/1']);
  });

  it('of more writers than are kept are fetched again', async () => {
    const registry = fakeRegistry();
    const format = orders(registry, { identityMapCapacity: 1 });
    for (const id of [1, 2, 1]) await read(format, message(id, id === 1 ? v1 : v2, { id: 'a', n: 1 }));
    expect(registry.requests).toEqual(['GET /schemas/ids/1', 'GET /schemas/ids/2', 'GET /schemas/ids/1']);
  });

  it('read as rows of a schema, projected', async () => {
    const registry = fakeRegistry();
    orders(registry);
    const rows = schema({ n: t.int(), note: t.string().nullable() });
    const format = ConfluentRegistryAvroDeserializationSchema.forSpecific(rows, FAKE_URL, { fetch: registry.fetch });
    expectTypeOf(format).toExtend<ValueFormat<{ readonly n: number; readonly note: string | null }>>();
    expect(await read(format, message(1, v1, { id: 'a', n: 1 }))).toEqual({ n: 1, note: null });
    expect(await read(format, message(2, v2, { id: 'a', n: 1, note: 'x' }))).toEqual({ n: 1, note: 'x' });
  });

  it('of a schema with references', async () => {
    const registry = fakeRegistry();
    const address = { type: 'record', name: 'geo.Address', fields: [{ name: 'city', type: 'geo.City' }] };
    const city = { type: 'enum', name: 'geo.City', symbols: ['ROME'] };
    const person = {
      type: 'record',
      name: 'P',
      fields: [
        { name: 'at', type: 'geo.Address' },
        { name: 'from', type: 'geo.City' },
      ],
    };
    registry.put(7, person, {
      references: [
        { name: 'geo.Address', subject: 'address', version: 3 },
        { name: 'geo.City', subject: 'geo/city', version: 1 },
      ],
    });
    registry.subject('/subjects/address/versions/3', {
      schema: JSON.stringify(address),
      references: [{ name: 'geo.City', subject: 'geo/city', version: 1 }],
    });
    registry.subject('/subjects/geo%2Fcity/versions/1', { schema: JSON.stringify(city) });
    const inline = {
      type: 'record',
      name: 'P',
      fields: [
        { name: 'at', type: { ...address, fields: [{ name: 'city', type: city }] } },
        { name: 'from', type: 'geo.City' },
      ],
    };
    const format = ConfluentRegistryAvroDeserializationSchema.forGeneric<unknown>(inline, FAKE_URL, {
      fetch: registry.fetch,
    });
    const value = { at: { city: 'ROME' }, from: 'ROME' };
    expect(await read(format, message(7, inline, value))).toEqual(value);
    expect(registry.requests).toHaveLength(3);
  });
});

describe('bad records', () => {
  it.each<[string, Uint8Array, string]>([
    ['no header', Buffer.from('{"id":"a"}'), 'wire format: it begins with byte 0x7b instead of 0x00'],
    ['too short', Uint8Array.of(0, 0), 'wire format: it has 2 bytes'],
    ['empty', new Uint8Array(), 'wire format: it has 0 bytes'],
    [
      'negative id',
      Uint8Array.of(0, 0xff, 0xff, 0xff, 0xfe, 0),
      'id 4294967294 of http://registry:8081 is none that a registry gives',
    ],
    ['unknown id', message(9, v1, { id: 'a', n: 1 }), `Avro schema id 9 of ${FAKE_URL} is not in the registry`],
    [
      'truncated',
      message(1, v1, { id: 'a', n: 1 }).subarray(0, 7),
      `Avro schema id 1 (record Order) of ${FAKE_URL}: field "n": the bytes end`,
    ],
    ['another schema', message(1, v2, { id: 'a', n: 1, note: 'x' }), 'are left after the record'],
    [
      'no Avro',
      message(3, v1, { id: 'a', n: 1 }),
      'Avro schema id 3 of http://registry:8081 is a "PROTOBUF" schema, not Avro',
    ],
    [
      'schema that cannot be read',
      message(4, 'string', 'x'),
      'cannot be read: string was written, which cannot be read as record Order',
    ],
    [
      'schema that is none',
      message(5, 'string', 'x'),
      'cannot be read: the type "Nowhere" is used, but defined nowhere before',
    ],
  ])('%s', async (_, bytes, error) => {
    const registry = fakeRegistry();
    registry.put(3, 'syntax', { schemaType: 'PROTOBUF' });
    registry.put(4, 'string');
    registry.put(5, ['Nowhere']);
    const format = orders(registry);
    const failed = read(format, bytes);
    await expect(failed).rejects.toThrow(error);
    await expect(failed).rejects.not.toBeInstanceOf(ConfigError);
    expect(await read(format, message(1, v1, { id: 'a', n: 1 }))).toEqual({ id: 'a', n: 1, note: null });
  });

  it('with an id that is registered later are read after a while', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const registry = fakeRegistry();
      const format = orders(registry);
      const bytes = message(9, v1, { id: 'a', n: 1 });
      await expect(read(format, bytes)).rejects.toThrow('is not in the registry');
      registry.put(9, v1);
      await expect(read(format, bytes)).rejects.toThrow('is not in the registry');
      vi.advanceTimersByTime(10_001);
      expect(await read(format, bytes)).toEqual({ id: 'a', n: 1, note: null });
    } finally {
      vi.useRealTimers();
    }
  });

  it('name the subjects that have the schema', async () => {
    const registry = fakeRegistry();
    const format = orders(registry);
    registry.put(4, 'string');
    for (const id of [1, 4]) registry.subject(`/schemas/ids/${id}/versions`, [{ subject: 'orders-value', version: 1 }]);
    await expect(read(format, message(1, v1, { id: 'a', n: 1 }).subarray(0, 7))).rejects.toThrow(
      `Avro schema id 1 (record Order of subject orders-value) of ${FAKE_URL}: field "n"`,
    );
    await expect(read(format, message(4, 'string', 'x'))).rejects.toThrow(
      `Avro schema id 4 (of subject orders-value) of ${FAKE_URL} cannot be read`,
    );
  });

  it('with an unknown id are not asked for one by one', async () => {
    const registry = fakeRegistry();
    const format = orders(registry);
    for (let i = 0; i < 5; i++)
      await expect(read(format, message(9, v1, { id: 'a', n: i }))).rejects.toThrow('is not in the registry');
    expect(registry.requests).toEqual(['GET /schemas/ids/9']);
  });
});

describe('the registry', () => {
  const bytes = message(1, v1, { id: 'a', n: 1 });

  it('is asked again after what is transient', async () => {
    const registry = fakeRegistry();
    registry.next.push(
      new TypeError('fetch failed', { cause: new Error('ECONNREFUSED') }),
      { status: 503, body: 'busy' },
      { status: 429, body: '' },
    );
    const format = orders(registry, { retryForMs: 5000 });
    expect(await read(format, bytes)).toEqual({ id: 'a', n: 1, note: null });
    expect(registry.requests).toHaveLength(4);
  });

  it('that stays away is retryable, and is asked anew by the next attempt', async () => {
    const registry = fakeRegistry();
    registry.next.push(new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') }));
    const format = orders(registry);
    const failed = read(format, bytes);
    await expect(failed).rejects.toBeInstanceOf(RetryableError);
    await expect(failed).rejects.toThrow(
      /GET \/schemas\/ids\/1 failed 1 times .* fetch failed \(connect ECONNREFUSED\)/,
    );
    expect(await read(format, bytes)).toEqual({ id: 'a', n: 1, note: null });
  });

  it.each<[number, string, string]>([
    [401, '{}', 'refused the credentials (401)'],
    [403, '{}', 'refused the credentials (403)'],
    [
      404,
      '<html>',
      "is not a registry's. The URL must be that of the Confluent API; Apicurio has it at …/apis/ccompat/v7.",
    ],
    [404, '{"error":"Not Found"}', "is not a registry's"],
    [200, 'hello', "is not a registry's"],
  ])('that answers %i %s is a matter of configuration', async (status, body, error) => {
    const registry = fakeRegistry();
    registry.next.push({ status, body });
    const failed = read(orders(registry), bytes);
    await expect(failed).rejects.toBeInstanceOf(ConfigError);
    await expect(failed).rejects.toThrow(error);
  });

  it('with several addresses is tried at the next', async () => {
    const registry = fakeRegistry();
    registry.put(1, v1);
    registry.next.push(new Error('down'));
    const format = ConfluentRegistryAvroDeserializationSchema.forGeneric<unknown>(v1, 'http://one:1/, https://two:2', {
      fetch: registry.fetch,
    });
    await read(format, bytes);
    expect(registry.requests).toEqual(['GET http://one:1/schemas/ids/1', 'GET https://two:2/schemas/ids/1']);
  });

  it('is given credentials', async () => {
    const registry = fakeRegistry();
    let n = 0;
    for (const auth of [{ username: 'ü', password: 'p' }, { token: 't' }, { token: async () => `t${++n}` }])
      await read(orders(registry, { auth, headers: { 'x-tenant': 'a' } }), bytes);
    expect(registry.headers.map((h) => h['authorization'])).toEqual([
      `Basic ${Buffer.from('ü:p').toString('base64')}`,
      'Bearer t',
      'Bearer t1',
    ]);
    expect(registry.headers[0]).toMatchObject({ 'x-tenant': 'a' });
  });

  it.each(['registry:8081', 'ftp://registry', '', 'http://user:secret@registry'])(
    '%s is refused as its address',
    (url) => {
      expect(() => ConfluentRegistryAvroDeserializationSchema.forGeneric(v1, url)).toThrow(ConfigError);
    },
  );
});

it('a source that does not prepare is told', () => {
  expect(() => orders(fakeRegistry()).decodeRecord(message(1, v1, { id: 'a', n: 1 }))).toThrow(
    /must await the format's prepare\(\)/,
  );
});

it('a schema that is none is refused at once', () => {
  expect(() => ConfluentRegistryAvroDeserializationSchema.forGeneric('{"type":"rec"}', FAKE_URL)).toThrow(ConfigError);
});
