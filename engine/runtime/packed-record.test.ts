import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { CorruptionError } from '../model/errors.ts';
import { packRecord, unpackRecord } from './packed-record.ts';

const record = (n: number) => ({ format: 1 as const, splits: Array.from({ length: n }, (_, i) => `orders/part-${i}`) });

test('records are packed where that saves a KB, and JSON where it does not; both are read back', () => {
  for (const n of [0, 10, 1000, 50_000]) expect(unpackRecord(packRecord(record(n)), 'it')).toEqual(record(n));
  expect(JSON.parse(Buffer.from(packRecord(record(10))).toString())).toEqual(record(10));
  // 0.9 KB, 1.9 KB.
  expect(packRecord(record(45)).length).toBe(JSON.stringify(record(45)).length);
  expect(packRecord(record(100)).length).toBeLessThan(500);
  const noise = { format: 1 as const, text: randomBytes(3000).toString('base64url') };
  expect(unpackRecord(packRecord(noise), 'it')).toEqual(noise);
  const { length } = JSON.stringify(record(50_000));
  expect(packRecord(record(50_000)).length).toBeLessThan(length / 5);
});

test('a packed record that is cut or damaged is refused', () => {
  const whole = packRecord(record(5000));
  for (const at of [0, 1, 3, 4, 30, whole.length - 1]) {
    const damaged = Uint8Array.from(whole);
    damaged[at]! ^= 0x55;
    expect(() => unpackRecord(damaged, 'the plan'), `byte ${at}`).toThrow(CorruptionError);
    expect(() => unpackRecord(whole.subarray(0, at), 'the plan'), `cut at ${at}`).toThrow(CorruptionError);
  }
});
