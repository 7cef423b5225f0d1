import { afterEach, expect, test, vi } from 'vitest';
import { TokenCache } from './token-cache.ts';

afterEach(() => {
  vi.useRealTimers();
});

function counted(lifeMs: number): { cache: TokenCache; asked: () => number } {
  let asked = 0;
  const cache = new TokenCache(async () => ({ token: `t${++asked}`, expiresAtMs: Date.now() + lifeMs }));
  return { cache, asked: () => asked };
}

test('those who ask at once share a request; the token lives for four fifths of its life', async () => {
  vi.useFakeTimers();
  const { cache } = counted(1000);
  const both = await Promise.all([cache.get(), cache.get()]);
  expect(both.map((each) => each.token)).toEqual(['t1', 't1']);
  vi.advanceTimersByTime(799);
  expect((await cache.get()).token).toBe('t1');
  vi.advanceTimersByTime(1);
  expect((await cache.get()).token).toBe('t2');
});

test('a refused token is not used again', async () => {
  const { cache } = counted(60_000);
  await cache.get();
  cache.refused();
  expect((await cache.get()).token).toBe('t2');
});

test('a request that failed is not remembered', async () => {
  let asked = 0;
  const cache = new TokenCache(async () => {
    asked++;
    if (asked === 1) throw new Error('down');
    return { token: 'late', expiresAtMs: Date.now() + 1000 };
  });
  await expect(cache.get()).rejects.toThrow('down');
  expect((await cache.get()).token).toBe('late');
});
