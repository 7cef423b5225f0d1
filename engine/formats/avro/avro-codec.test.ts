/** What is written is read back, as avsc has it too; what is corrupt is refused, quickly. */
import avsc from 'avsc';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { avroDecoder, avroEncoder } from './avro-codec.ts';
import { parseAvroSchema, type AvroSchema } from './parse-schema.ts';
import { samples, schemas } from './random-schemas-fixture.ts';

const decode = (schema: AvroSchema, bytes: Uint8Array): unknown => {
  const type = parseAvroSchema(schema);
  return avroDecoder(type, type, 'number')(bytes, 0);
};
const encode = (schema: AvroSchema, value: unknown): Uint8Array => avroEncoder(parseAvroSchema(schema))(value, null);

describe('values', () => {
  it('of random schemas come back as they were', () => {
    fc.assert(
      fc.property(samples(3, true), ({ schema, values }) => {
        for (const value of values) expect(decode(schema, encode(schema, value))).toStrictEqual(value);
      }),
      { numRuns: 400 },
    );
  });

  it('have the bytes that avsc gives them', () => {
    fc.assert(
      fc.property(samples(3, false), ({ schema, values }) => {
        const type = avsc.Type.forSchema(schema as avsc.Schema);
        for (const value of values) {
          if (hasProtoKey(value)) continue;
          expect(Buffer.from(encode(schema, value)).equals(type.toBuffer(forAvsc(value)))).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('that take no bytes are bounded in number, read or passed over, in however many blocks', () => {
    const blocks = (n: number): Uint8Array => {
      const block = encode('long', 100_000);
      return Buffer.concat([...Array.from({ length: n }, () => block), Buffer.of(0)]);
    };
    const nulls = { type: 'array', items: 'null' } as const;
    const record = (fields: object[]) => parseAvroSchema({ type: 'record', name: 'R', fields });
    const skip = avroDecoder(record([{ name: 'a', type: nulls }]), record([]), 'number');
    for (const read of [(bytes: Uint8Array) => decode(nulls, bytes), (bytes: Uint8Array) => skip(bytes, 0)]) {
      read(blocks(1));
      expect(() => read(blocks(50_000))).toThrow(/cannot be in/);
    }
  });

  it('of types that are used twice in each of many types are compiled at once', () => {
    let items: object = { type: 'record', name: 'R0', fields: [{ name: 'n', type: 'int' }] };
    for (let i = 1; i < 60; i++)
      items = {
        type: 'record',
        name: `R${i}`,
        fields: [
          { name: 'a', type: items },
          { name: 'b', type: `R${i - 1}` },
        ],
      };
    const type = parseAvroSchema({ type: 'array', items });
    expect(avroDecoder(type, type, 'number')(Uint8Array.of(0), 0)).toEqual([]);
  });

  it('are read from the middle of a chunk, one after the other, and keep nothing of it', () => {
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 's', type: 'string' },
        { name: 'b', type: 'bytes' },
        { name: 'd', type: 'double' },
      ],
    } as const;
    const type = parseAvroSchema(schema);
    const read = avroDecoder(type, type, 'number');
    const rows = [0, 1, 2].map((i) => ({ s: `text ${i}`, b: Uint8Array.of(i, i), d: i / 3 }));
    const pieces = rows.map((row) => encode(schema, row));
    const chunk = Buffer.concat([Buffer.alloc(7, 0xff), ...pieces, Buffer.alloc(7, 0xff)]);
    let at = 7;
    const decoded = pieces.map((piece) => read(chunk.subarray(at, (at += piece.length)), 0));
    chunk.fill(0);
    expect(decoded).toEqual(rows);
  });

  it('of a field named __proto__, and of a map key, are own properties', () => {
    const record = { type: 'record', name: 'R', fields: [{ name: '__proto__', type: 'int' }] } as const;
    const value = JSON.parse('{"__proto__":5}') as unknown;
    for (const schema of [record, { type: 'map', values: 'int' } as const]) {
      expect(Object.entries(decode(schema, encode(schema, value)) as object)).toEqual([['__proto__', 5]]);
    }
  });

  it('beyond 2^53 − 1 are refused as numbers, and read as bigints', () => {
    const type = parseAvroSchema('long');
    for (const value of [2 ** 53 - 1, 1 - 2 ** 53]) expect(decode('long', encode('long', value))).toBe(value);
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
      const bytes = encode('long', value);
      expect(avroDecoder(type, type, 'bigint')(bytes, 0)).toBe(value);
      expect(() => decode('long', bytes)).toThrow(`${value} is beyond 2^53 − 1: read it with longs: 'bigint'`);
    }
  });

  it('of longs are zigzag varints, whatever their size', () => {
    const type = parseAvroSchema('long');
    const asBigint = avroDecoder(type, type, 'bigint');
    const sized = fc
      .tuple(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.nat({ max: 62 }))
      .map(([value, shift]) => value >> BigInt(shift));
    fc.assert(
      fc.property(sized, (value) => {
        const bytes = encode('long', value);
        expect([...bytes]).toEqual(zigzag(value));
        expect(asBigint(bytes, 0)).toBe(value);
        if (!Number.isSafeInteger(Number(value))) return;
        expect([...encode('long', Number(value))]).toEqual(zigzag(value));
        expect(decode('long', bytes)).toBe(Number(value));
      }),
      { numRuns: 1000 },
    );
  });

  it('of decimals may be text with fewer digits or zeros behind, or unscaled bigints', () => {
    for (const precision of [9, 20]) {
      const schema = ['null', { type: 'bytes', logicalType: 'decimal', precision, scale: 2 }] as const;
      const texts = ['1.2', '-0.5', '7', '1.2300', '-0', -7n].map((value) => decode(schema, encode(schema, value)));
      expect(texts).toEqual(['1.20', '-0.50', '7.00', '1.23', '0.00', '-0.07']);
      for (const bad of ['1.234', '1.', '.5', '', '-', '1e3', ' 1', '1,5'])
        expect(() => encode(schema, bad)).toThrow(/./);
    }
  });

  it('that are missing are the default, or null', () => {
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'int', default: 7 },
        { name: 'b', type: ['null', 'string'] },
        { name: 'c', type: ['string', 'null'], default: 'x' },
      ],
    } as const;
    expect(decode(schema, encode(schema, {}))).toEqual({ a: 7, b: null, c: 'x' });
  });
});

describe('refused when written', () => {
  it.each<[AvroSchema, unknown, string]>([
    ['int', 2 ** 31, 'expected a whole number of 32 bits, got number 2147483648'],
    ['int', '5', 'expected a whole number of 32 bits, got string "5"'],
    ['long', 1.5, 'or a bigint of 64 bits, got number 1.5'],
    ['long', 2n ** 63n, 'or a bigint of 64 bits'],
    ['long', 2 ** 53, 'expected a whole number of at most 2^53 − 1'],
    ['string', 'a\ud800', 'half a surrogate pair'],
    ['string', `a\ud800${'x'.repeat(100)}`, 'half a surrogate pair'],
    ['boolean', 1, 'expected true or false'],
    ['bytes', 'ab', 'expected a Uint8Array'],
    ['null', 0, 'expected null'],
    [['null', 'int'], 'x', 'expected [null, int], got string "x"'],
    [['int', 'long'], 5, "expected { 'branch': value } with a branch of int, long, got number 5"],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, 'constructor', 'expected one of A, got string "constructor"'],
    [{ type: 'fixed', name: 'F', size: 2 }, Uint8Array.of(1), 'a Uint8Array of 2 bytes'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 }, 12.5, 'expected decimal text'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 }, '123.45', 'more than 4 digits'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 }, '1.234', 'more than 2 digits after the point'],
    [{ type: 'string', logicalType: 'uuid' }, 'x', 'expected a UUID'],
  ])('%j: %s', (schema, value, message) => {
    expect(() => encode(schema, value)).toThrow(message);
  });

  it('with the path of the field', () => {
    const inner = { type: 'record', name: 'I', fields: [{ name: 'n', type: 'int' }] } as const;
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'int' },
        { name: 'in', type: inner },
      ],
    } as const;
    expect(() => encode(schema, { a: 1, in: {} })).toThrow(
      'field "in.n": expected a whole number of 32 bits, got nothing',
    );
    expect(() => encode(schema, { a: 1 })).toThrow('field "in": expected an object for record I, got nothing');
  });
});

describe('corrupt bytes', () => {
  it('cut short anywhere, or with more behind, are refused', () => {
    fc.assert(
      fc.property(samples(2, true), ({ schema, values }) => {
        const bytes = encode(schema, values[0]);
        for (let length = 0; length < bytes.length; length++)
          expect(() => decode(schema, bytes.subarray(0, length))).toThrow(/./);
        expect(() => decode(schema, Buffer.concat([bytes, Buffer.of(0)]))).toThrow('1 bytes are left after the record');
      }),
      { numRuns: 150 },
    );
  });

  it('of any kind give an error or a value that can be written, and take little', () => {
    fc.assert(
      fc.property(schemas(3, true), fc.uint8Array({ maxLength: 40 }), (schema, bytes) => {
        let value: unknown;
        try {
          value = decode(schema, bytes);
        } catch {
          return;
        }
        expect(
          JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `${v}` : v))?.length ?? 0,
        ).toBeLessThan(3_000_000);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[AvroSchema, string]>([
    [{ type: 'array', items: 'string' }, 'fe ff ff ff 0f'],
    [{ type: 'array', items: 'null' }, 'fe ff ff ff 0f'],
    [{ type: 'map', values: 'null' }, 'fe ff ff ff 0f'],
    [{ type: 'array', items: 'int' }, 'ff ff ff ff 0f 02 02'],
    ['string', 'fe ff ff ff 0f 61'],
    ['bytes', 'fe ff ff ff ff ff ff ff 7f 61'],
    ['int', 'ff ff ff ff 1f'],
    ['int', '80 80 80 80 80 00'],
    ['long', 'ff ff ff ff ff ff ff ff ff 02'],
    ['long', '80 80 80 80 80 80 80 80 80 80 00'],
    ['boolean', '02'],
    [['null', 'int'], '04'],
    [['null', 'int'], '01'],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, '02'],
  ])('%j: %s', (schema, hex) => {
    const began = performance.now();
    expect(() => decode(schema, Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toThrow(/./);
    expect(performance.now() - began).toBeLessThan(100);
  });

  it('say which field', () => {
    const schema = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'a', type: 'int' },
        { name: 'b', type: 'string' },
      ],
    } as const;
    expect(() => decode(schema, Uint8Array.of(2, 8, 0x61))).toThrow(
      'field "b": the bytes end in the middle of the record',
    );
  });
});

function zigzag(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value < 0n ? -2n * value - 1n : 2n * value;
  for (; rest > 127n; rest /= 128n) bytes.push(Number(rest % 128n) + 128);
  return [...bytes, Number(rest)];
}

/** avsc takes Buffers for bytes. */
function forAvsc(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(forAvsc);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, forAvsc(v)]));
}

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  return Object.entries(value).some(([key, v]) => key === '__proto__' || hasProtoKey(v));
}

it('a decimal of a million digits is refused at once, in few words', () => {
  const decimal = (scale: number): AvroSchema => ({ type: 'bytes', logicalType: 'decimal', precision: 9, scale });
  const bytes = encode('bytes', new Uint8Array(1_000_000).fill(0x64));
  for (const scale of [0, 2, 4])
    for (const read of [0, 2])
      expect(() =>
        avroDecoder(parseAvroSchema(decimal(scale)), parseAvroSchema(decimal(read)), 'number')(bytes, 0),
      ).toThrow(/^the unscaled value 0x[0-9a-f]{60}… \(200000\d digits\) has more than \d+ digits$/);
});

it('a number becomes no infinity by being written as a float', () => {
  const largest = 3.4028234663852886e38;
  for (const value of [largest, -largest, Infinity, -Infinity, NaN, 1e-60])
    expect(decode('float', encode('float', value))).toBe(Math.fround(value));
  for (const value of [1e300, -4e38, (2 - 2 ** -24) * 2 ** 127])
    expect(() => encode('float', value)).toThrow(/a float of 4 bytes can hold/);
});
