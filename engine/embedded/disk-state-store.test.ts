/** The contracts on disk; races and kills of real processes; damage. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { describeBlobStore } from '../testing/contracts/blob-store-contract.ts';
import { describeStateStore } from '../testing/contracts/state-store-contract.ts';
import { runChild } from './crash-children/run-child.ts';
import { DiskBlobStore } from './disk-blob-store.ts';
import { DiskStateStore } from './disk-state-store.ts';
import { objectHeader } from './stored-object.ts';

const roots: string[] = [];
function temporary(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-state-'));
  roots.push(root);
  return root;
}
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});
const bytes = (text: string): Buffer => Buffer.from(text);

describeStateStore('disk', async () => new DiskStateStore(temporary()));
describeBlobStore('disk', async () => new DiskBlobStore(temporary()));

describe('DiskStateStore among processes', { timeout: 60_000 }, () => {
  it('has one winner per version when three processes race, and loses no win', async () => {
    const root = temporary();
    const children = ['a', 'b', 'c'].map((name) => ({ name, child: runChild('cas-racer.ts', root, name, '400') }));
    expect(await Promise.all(children.map(({ child }) => child.done))).toEqual([0, 0, 0]);
    const winner = new Map<number, string>();
    const maybe = new Map<number, string[]>();
    const read: [number, string][] = [];
    for (const { name, child } of children)
      for (const line of child.lines) {
        const [what, version, writer] = line.split(' ');
        const v = Number(version);
        if (what === 'won') {
          expect(winner.get(v), `version ${v} won twice`).toBeUndefined();
          winner.set(v, name);
        } else if (what === 'unknown') maybe.set(v, [...(maybe.get(v) ?? []), name]);
        else read.push([v, writer!]);
      }
    for (let v = 1; v <= 400; v++) expect(winner.has(v) || maybe.has(v), `version ${v} has a writer`).toBe(true);
    for (const [v, writer] of read)
      expect([winner.get(v) ?? maybe.get(v)?.find((name) => name === writer), v]).toEqual([writer, v]);
    expect(new Set(winner.values()).size).toBeGreaterThan(1);
    expect((await new DiskStateStore(root).readHead('job'))?.version).toBeGreaterThanOrEqual(400);
    expect(readdirSync(join(root, 'jobs/job/head')).length).toBeLessThan(12);
  }, 30_000);

  it('leaves nothing partial and loses nothing acknowledged when killed at any moment', async () => {
    const root = temporary();
    const state = new DiskStateStore(root);
    const blobs = new DiskBlobStore(root);
    let acknowledged = 0;
    for (let round = 0; round < 10; round++) {
      const child = runChild('store-writer.ts', root, `w${round}`);
      await child.started;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      child.kill();
      await child.done;
      let head = 0;
      for (const line of child.lines) {
        const [what, name] = line.split(' ');
        if (what === 'item') expect(await state.readItem('job', name!), name).not.toBeNull();
        else if (what === 'blob') expect((await blobs.read(name!))?.length, name).toBeGreaterThan(300_000);
        else head = Number(name);
        acknowledged++;
      }
      const now = await state.readHead('job');
      expect(now?.version ?? 0).toBeGreaterThanOrEqual(head);
      if (now !== null) expect(Buffer.from(now.bytes).toString()).toBe(`${now.version}`);
    }
    for (const key of await state.listItems('job', '')) {
      const value = Buffer.from((await state.readItem('job', key))!);
      const [, name, i] = key.split('/');
      expect(value.equals(Buffer.alloc(200 + 37 * (Number(i) % 50), `${name}-${i} `)), key).toBe(true);
    }
    for (const { name, size } of await blobs.list('')) {
      const i = Number(name.split('/')[2]);
      expect(size).toBe(200 + 37 * (i % 50) + 300_000);
      expect((await blobs.read(name))?.[size - 1]).toBe(i % 256);
    }
    expect(acknowledged).toBeGreaterThan(30);
  }, 60_000);

  it('does not take the late link of a process that slept for a win', async () => {
    const root = temporary();
    const store = new DiskStateStore(root);
    for (let version = 0; version < 20; version++) await store.casHead('job', version, bytes(`${version + 1}`));
    const folder = join(root, 'jobs/job/head');
    // What a process would do that listed the folder at version 4 and went on now.
    const stale = bytes('stale');
    writeFileSync(join(folder, 'head.5'), Buffer.concat([objectHeader('head', 'head.5', [stale]), stale]));
    expect((await store.readHead('job'))?.version).toBe(20);
    expect(await store.casHead('job', 4, bytes('x'))).toBe('lost');
    expect(await store.casHead('job', 20, bytes('21'))).toBe('won');
  });
});

describe('damage', { timeout: 60_000 }, () => {
  it('of any byte, or a cut at any byte, is found and named', async () => {
    const root = temporary();
    const state = new DiskStateStore(root);
    const blobs = new DiskBlobStore(root);
    await state.casHead('job', 0, bytes('the head'));
    await state.createItem('job', 'plan/1', bytes('the plan'));
    await blobs.create('seg/1', [bytes('the '), bytes('segment')]);
    const objects: readonly [string, () => Promise<unknown>][] = [
      ['jobs/job/head/head.1', () => state.readHead('job')],
      ['jobs/job/items/plan/1', () => state.readItem('job', 'plan/1')],
      ['blobs/seg/1', () => blobs.read('seg/1')],
    ];
    for (const [name, read] of objects) {
      const file = join(root, name);
      const good = readFileSync(file);
      const refused = { code: 'corruption', message: expect.stringContaining(file) };
      for (let i = 0; i < good.length; i++) {
        const bad = Buffer.from(good);
        bad[i]! ^= 1 << (i % 8);
        writeFileSync(file, bad);
        await expect(read(), `byte ${i} of ${name}`).rejects.toMatchObject(refused);
        writeFileSync(file, good);
        truncateSync(file, i);
        await expect(read(), `cut at ${i} of ${name}`).rejects.toMatchObject(refused);
      }
      writeFileSync(file, Buffer.concat([good, Buffer.alloc(1)]));
      await expect(read()).rejects.toMatchObject(refused);
      writeFileSync(file, good);
      await read();
    }
    writeFileSync(join(root, 'jobs/job/items/plan/2'), readFileSync(join(root, 'jobs/job/items/plan/1')));
    await expect(state.readItem('job', 'plan/2'), 'a file under another name').rejects.toMatchObject({
      code: 'corruption',
    });
    truncateSync(join(root, 'blobs/seg/1'), 25);
    await expect(blobs.read('seg/1', 0, 2), 'a range of a cut object').rejects.toMatchObject({ code: 'corruption' });
  });
});
