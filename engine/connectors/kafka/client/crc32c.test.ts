/** Both implementations are the same function. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c, crc32cByTables } from './crc32c.ts';

test('large and small ranges have the same checksum, whichever way it is made', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 3000, size: 'max' });
  fc.assert(
    fc.property(bytes, fc.nat(3000), fc.nat(3000), (all, a, b) => {
      const [from, to] = [Math.min(a, b, all.length), Math.min(Math.max(a, b), all.length)];
      expect(crc32c(all, from, to)).toBe(crc32cByTables(all, from, to));
    }),
  );
});
