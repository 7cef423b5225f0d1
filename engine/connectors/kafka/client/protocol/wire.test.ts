import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

interface Thing {
  readonly flag: boolean;
  readonly name: string | null;
  readonly small: number;
  readonly large: bigint;
  readonly bytes: Uint8Array;
  readonly numbers: readonly number[];
}

const thing: fc.Arbitrary<Thing> = fc.record({
  flag: fc.boolean(),
  name: fc.option(fc.string({ unit: 'grapheme', maxLength: 300 })),
  small: fc.integer({ min: -32_768, max: 32_767 }),
  large: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  bytes: fc.uint8Array({ maxLength: 40_000 }),
  numbers: fc.array(fc.integer(), { maxLength: 200 }),
});

function write(things: readonly Thing[]): Buffer {
  const w = new WireWriter(1);
  w.appendArray(things, (_, each) => {
    w.appendBoolean(each.flag).appendString(each.name).appendInt16(each.small).appendInt64(each.large);
    w.appendBytes(each.bytes).appendArray(each.numbers, (__, n) => w.appendInt32(n), false);
  });
  return w.appendTaggedFields().bytes;
}

function read(bytes: Buffer): readonly Thing[] {
  const r = new WireReader(bytes);
  const things = r.readArray(() => ({
    flag: r.readBoolean(),
    name: r.readNullableString(),
    small: r.readInt16(),
    large: r.readInt64(),
    bytes: new Uint8Array(r.readBytes()),
    numbers: r.readArray(() => r.readInt32(), false),
  }));
  expect(r.readTaggedFields().size).toBe(0);
  return things;
}

test('what is written is read', () => {
  fc.assert(
    fc.property(fc.array(thing, { maxLength: 5 }), (things) => {
      expect(read(write(things))).toEqual(things);
    }),
  );
});

test('an answer that ends early is an error, wherever it ends', () => {
  const bytes = write([{ flag: true, name: 'orders', small: 1, large: 2n, bytes: new Uint8Array(3), numbers: [4, 5] }]);
  for (let length = 0; length < bytes.length; length++)
    expect(() => read(bytes.subarray(0, length))).toThrow(RangeError);
});

test('bytes as the protocol lays them down', () => {
  const w = new WireWriter();
  w.appendString('ab')
    .appendString(null)
    .appendInt8(-1)
    .appendArray(null, () => {})
    .appendNoUuid();
  expect(w.bytes.toString('hex')).toBe(`03616200ff00${'00'.repeat(16)}`);
  expect(new WireWriter().appendBytes(new Uint8Array(200)).bytes.subarray(0, 3).toString('hex')).toBe('c90100');
});

test('tagged fields that are not known are passed over, known ones found', () => {
  const r = new WireReader(Buffer.from('02' + '0002' + '0007' + '8001' + '01' + '2a' + 'ff', 'hex'));
  const fields = r.readTaggedFields();
  expect([...fields.keys()]).toEqual([0, 128]);
  expect(fields.get(0)?.readInt16()).toBe(7);
  expect(fields.get(128)?.readInt8()).toBe(42);
  expect(r.readInt8()).toBe(-1);
});
