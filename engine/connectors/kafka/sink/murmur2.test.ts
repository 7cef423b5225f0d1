import { expect, test } from 'vitest';
import { murmur2, partitionOfKey } from './murmur2.ts';

/** Kafka's own vectors (org.apache.kafka.common.utils.UtilsTest.testMurmur2). */
test.for([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
] as const)('murmur2 of "%s" is Java\'s', ([text, hash]) => {
  expect(murmur2(Buffer.from(text))).toBe(hash);
});

test('a negative hash loses its sign as in Java, by a mask', () => {
  expect(partitionOfKey(Buffer.from('foobar'), 12)).toBe((-790332482 & 0x7fffffff) % 12);
});
