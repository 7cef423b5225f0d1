import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ExclusiveLock } from './exclusive-lock.ts';
import { leaseOwner } from './lease-owner.ts';

describe('ExclusiveLock', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is taken again and again, keeps few files, and is free after an error', async () => {
    const lock = new ExclusiveLock(folder);
    for (let i = 0; i < 20; i++) expect(await lock.run((afterDeath) => [i, afterDeath])).toEqual([i, false]);
    await expect(
      lock.run(() => {
        throw new Error('work failed');
      }),
    ).rejects.toThrow('work failed');
    expect(await new ExclusiveLock(folder).run(() => 'free')).toBe('free');
    expect(readdirSync(folder).filter((name) => name.startsWith('lock.')).length).toBeLessThan(4);
  });

  it('replaces a dead holder at once, and says so', async () => {
    const parts = leaseOwner().split('/');
    writeFileSync(join(folder, 'lock.7'), [parts[0], 'earlier-boot', ...parts.slice(2)].join('/'));
    const lock = new ExclusiveLock(folder);
    const start = performance.now();
    expect(await lock.run((afterDeath) => afterDeath)).toBe(true);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(await lock.run((afterDeath) => afterDeath)).toBe(false);
  });

  it('waits for a living holder', async () => {
    writeFileSync(join(folder, 'lock.7'), leaseOwner());
    let taken = false;
    const waiting = new ExclusiveLock(folder).run(() => (taken = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(taken).toBe(false);
    writeFileSync(join(folder, 'lock.8'), 'free');
    await waiting;
    expect(taken).toBe(true);
  });

  it('goes to who waits before it goes again to who had it', async () => {
    const greedy = new ExclusiveLock(folder);
    await greedy.run(() => undefined);
    writeFileSync(join(folder, 'waiting-other'), leaseOwner());
    const start = performance.now();
    await greedy.run(() => undefined);
    expect(performance.now() - start).toBeGreaterThan(15);
    writeFileSync(join(folder, 'waiting-other'), leaseOwner().replace(/[^/]*$/, '1'));
    await greedy.run(() => undefined);
    expect(readdirSync(folder).filter((name) => name.startsWith('waiting-'))).toEqual([]);
  });
});
