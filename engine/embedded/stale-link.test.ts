/** A compare-and-set that sleeps between its look at the head and its link, while others go on (E3). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type * as durableFiles from './durable-files.ts';
import { DiskStateStore } from './disk-state-store.ts';

const { pause } = vi.hoisted(() => ({ pause: { beforeLink: null as (() => void) | null } }));
vi.mock('./durable-files.ts', async (original) => {
  const real = await original<typeof durableFiles>();
  return {
    ...real,
    linkNew: (temporary: string, target: string): boolean => {
      const meanwhile = pause.beforeLink;
      pause.beforeLink = null;
      meanwhile?.();
      return real.linkNew(temporary, target);
    },
  };
});

const root = mkdtempSync(join(tmpdir(), 'millrace-stale-'));
afterEach(() => rmSync(root, { recursive: true, force: true }));

it.each([
  [1, 'lost'],
  [4, 'lost'],
  [30, 'unknown-outcome'],
])('with %i commits in between, the outcome is %s', async (commits, outcome) => {
  const store = new DiskStateStore(root);
  await store.casHead('job', 0, Buffer.from('1'));
  pause.beforeLink = () => {
    // casHead is synchronous up to its return: all of these are done when the link is made.
    for (let i = 0; i < commits; i++) void store.casHead('job', 1 + i, Buffer.from(`${2 + i}`));
  };
  const result = await store.casHead('job', 1, Buffer.from('late')).catch((thrown: { code: string }) => thrown.code);
  expect(result).toBe(outcome);
  const head = await store.readHead('job');
  expect([head?.version, Buffer.from(head!.bytes).toString()]).toEqual([1 + commits, `${1 + commits}`]);
});
