import { expect, it } from 'vitest';
import { wallTimeMs } from '../../model/ids.ts';
import type { SourceContext, SplitReader } from '../../ports/source.ts';
import { DataGeneratorSource } from './data-generator-source.ts';

let nowMs = 0;
const clock = {
  nowMs: () => wallTimeMs(nowMs),
  monotonicMs: () => nowMs,
  sleep: async (ms: number) => void (nowMs += ms),
  after: () => () => undefined,
};
const ctx: SourceContext = { job: 'job', operator: 'gen', clock, log: null, blobs: null };

async function drain(reader: SplitReader, maxRows: number, to: number | null = null): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let b = await reader.fill(maxRows, to); b !== 'end'; b = await reader.fill(maxRows, to)) {
    if (b === 'empty') continue;
    for (let i = 0; i < b.n; i++) expect(b.values![i]).toBe(b.positionOf(i));
    values.push(...b.values!);
  }
  return values;
}

it('generates each index once, from any position, with any cut', async () => {
  for (const splits of [1, 3, 12]) {
    const source = new DataGeneratorSource({ generator: (i) => i, count: 50, splits });
    const all: number[] = [];
    for (const split of await source.discover()) {
      const whole = (await drain(await source.open(split, split.startPosition, ctx), 4)) as number[];
      all.push(...whole);
      for (let cut = 0; cut <= 50; cut++) {
        const parts = [
          ...(await drain(await source.open(split, 0, ctx), 3, cut)),
          ...(await drain(await source.open(split, cut, ctx), 3)),
        ];
        expect(parts).toEqual(whole);
      }
    }
    expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  }
});

it('keeps to rows per second', async () => {
  const source = new DataGeneratorSource({ generator: (i) => i, count: 200, rowsPerSecond: 50 });
  const [split] = await source.discover();
  expect((await drain(await source.open(split!, 0, ctx), 100)).length).toBe(200);
  expect(nowMs).toBeGreaterThanOrEqual(3800);
  expect(nowMs).toBeLessThan(4500);
});

it('names the index when the generator throws', async () => {
  const source = new DataGeneratorSource({
    generator: (i) => {
      if (i === 3) throw new Error('no');
      return i;
    },
    count: Infinity,
  });
  const [split] = await source.discover();
  const reader = await source.open(split!, 0, ctx);
  expect(() => reader.fill(10, null)).toThrow('The generator threw at index 3: no');
});
