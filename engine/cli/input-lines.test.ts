import { expect, it } from 'vitest';
import { linesOf } from './input-lines.ts';

async function lines(...pieces: readonly (string | Uint8Array)[]): Promise<string[]> {
  async function* input(): AsyncGenerator<string | Uint8Array> {
    yield* pieces;
  }
  const found: string[] = [];
  for await (const line of linesOf(input())) found.push(line);
  return found;
}

it('finds lines across pieces, and characters across bytes', async () => {
  expect(await lines('a\nb', 'c\r\n', '\nd')).toEqual(['a', 'bc', '', 'd']);
  const bytes = new TextEncoder().encode('ä€\nx\n');
  expect(await lines(...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(['ä€', 'x']);
  expect(await lines()).toEqual([]);
});
