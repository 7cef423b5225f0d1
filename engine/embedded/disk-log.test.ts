/** The contract on disk; races and kills of real processes; power failures and damage. */
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Log } from '../ports/log.ts';
import { describeLog } from '../testing/contracts/log-contract.ts';
import { runChild } from './crash-children/run-child.ts';
import { openDiskLog, type DiskLog } from './disk-log.ts';

const roots: string[] = [];
function temporary(): string {
  const root = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  roots.push(root);
  return root;
}
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true, force: true });
});
const ALL = Number.MAX_SAFE_INTEGER;

describeLog('disk', () => openDiskLog(temporary(), { segmentBytes: 3000, journalBytes: 4000 }));
describeLog('disk, one journal', () => openDiskLog(temporary(), { segmentBytes: 3000 }));

/** Texts of a partition's values up to ';', in order; checks that offsets are dense. */
async function valuesOf(log: Log, partition: number): Promise<string[]> {
  const values: string[] = [];
  const { latest } = await log.offsets('t', partition);
  while (values.length < latest)
    for (const record of await log.fetch('t', partition, values.length, latest, 1_000_000)) {
      expect(record.offset).toBe(values.length);
      values.push(Buffer.from(record.value!).toString('latin1').split(';')[0]!);
    }
  return values;
}

/** A log with a short history: `epochs` appends to two partitions. */
async function withHistory(root: string, epochs: number): Promise<DiskLog> {
  const log = await openDiskLog(root, { segmentBytes: 600 });
  await log.createTopic('t', 2);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const records = [0, 1, 2].map((i) => ({
      timestamp: epoch,
      key: null,
      value: Buffer.from(`${epoch}:${i};`.padEnd(50)),
    }));
    await log.append(
      [0, 1].map((partition) => ({ topic: 't', partition, records })),
      { producer: 'p', run: 'r', epoch },
    );
  }
  return log;
}
const history = (epochs: number): string[] =>
  Array.from({ length: 3 * epochs }, (_, i) => `${1 + Math.floor(i / 3)}:${i % 3}`);
const filesOf = (root: string, ending: string): string[] =>
  (readdirSync(root, { recursive: true }) as string[])
    .filter((name) => name.endsWith(ending))
    .map((name) => join(root, name))
    .sort();

describe('DiskLog among processes', { timeout: 60_000 }, () => {
  it.each([
    ['small appends', 100, 5],
    ['appends of a megabyte', 20_000, 20],
  ])(
    'is all or nothing when killed at any moment: %s',
    async (_, size, count) => {
      const root = temporary();
      let finished = 0;
      let epoch = 0;
      for (let round = 0; round < 8; round++) {
        const child = runChild('log-writer.ts', root, String(size), String(count));
        await child.started;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
        child.kill();
        await child.done;
        const log = await openDiskLog(root);
        const marker = (await log.lastMarker('p'))!;
        const last = child.lines[child.lines.length - 1];
        if (last !== undefined) expect(marker.epoch).toBeGreaterThanOrEqual(Number(last.split(' ')[1]));
        expect(marker.epoch).toBeGreaterThanOrEqual(epoch);
        epoch = marker.epoch;
        const all = Array.from({ length: epoch * count }, (__, i) => `${1 + Math.floor(i / count)}:${i % count}`);
        for (const partition of [0, 1, 2]) expect(await valuesOf(log, partition)).toEqual(all);
        finished += log.recovered.finishedAppends + (log.recovered.cutBytes > 0 ? 1 : 0);
        await log.close();
      }
      expect(epoch).toBeGreaterThan(8);
      if (process.env['VERBOSE']) console.log({ size, epoch, repaired: finished });
    },
    60_000,
  );

  it('lets several processes append, each in its order, while another reads', async () => {
    const root = temporary();
    const log = await openDiskLog(root);
    await log.createTopic('t', 1);
    const children = ['a', 'b', 'c'].map((name) => runChild('log-racer.ts', root, name, '200'));
    let running = true;
    const exits = Promise.all(children.map((child) => child.done)).finally(() => (running = false));
    const seen: string[] = [];
    while (running || seen.length < (await log.offsets('t', 0)).latest) {
      const records = await log.fetch('t', 0, seen.length, ALL, 5000);
      for (const record of records) seen.push(Buffer.from(record.value!).toString());
      if (records.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await exits).toEqual([0, 0, 0]);
    expect(seen).toHaveLength(1200);
    for (const name of ['a', 'b', 'c']) {
      expect(seen.filter((value) => value.startsWith(name))).toEqual(
        Array.from({ length: 400 }, (_, i) => `${name}:${i}`),
      );
      expect((await log.lastMarker(name))?.epoch).toBe(200);
    }
    expect(await valuesOf(log, 0)).toEqual(seen);
    expect(log.recovered).toEqual({ deadWriters: 0, cutBytes: 0, finishedAppends: 0 });
    await log.close();
  }, 30_000);

  it('sees what another instance did to topics and segments', async () => {
    const root = temporary();
    const one = await withHistory(root, 10);
    const two = await openDiskLog(root);
    expect(await valuesOf(two, 0)).toEqual(history(10));
    await two.retain('t', { retainMs: 1 }, 1e9);
    expect(await one.offsets('t', 0)).toEqual({ earliest: 30, latest: 30 });
    await one.append([{ topic: 't', partition: 0, records: [{ timestamp: 1, key: null, value: null }] }]);
    expect(await two.offsets('t', 0)).toEqual({ earliest: 30, latest: 31 });
    await two.deleteTopic('t');
    await two.createTopic('t', 1);
    await one.append([{ topic: 't', partition: 0, records: [{ timestamp: 2, key: null, value: null }] }]);
    expect(await two.offsets('t', 0)).toEqual({ earliest: 0, latest: 1 });
    const three = await openDiskLog(root);
    expect(await three.offsets('t', 0)).toEqual({ earliest: 0, latest: 1 });
  });
});

describe('DiskLog after a power failure', { timeout: 60_000 }, () => {
  it('finishes what the journal has, whatever the segments lost', async () => {
    const good = temporary();
    await (await withHistory(good, 10)).close();
    for (const loss of ['cut', 'zeros', 'none', 'removed'] as const) {
      const root = temporary();
      cpSync(good, root, { recursive: true });
      for (const file of filesOf(join(root, 'topics'), '.log')) {
        const size = statSync(file).size;
        if (loss === 'removed' && !file.endsWith('/0000000000000000.log')) rmSync(file);
        if (loss === 'cut') truncateSync(file, Math.floor(size / 2));
        if (loss === 'zeros') writeFileSync(file, Buffer.alloc(size));
      }
      const log = await openDiskLog(root);
      for (const partition of [0, 1]) expect(await valuesOf(log, partition), loss).toEqual(history(10));
      expect((await log.lastMarker('p'))?.epoch).toBe(10);
      await log.close();
    }
  });

  it('cuts an append that was never decided, reports it, and goes on', async () => {
    const good = temporary();
    await (await withHistory(good, 2)).close();
    const before = statSync(join(good, 'journal/1.wal')).size;
    await (
      await openDiskLog(good).then(async (log) => {
        await log.append(
          [{ topic: 't', partition: 1, records: [{ timestamp: 9, key: null, value: Buffer.from('9:9;') }] }],
          { producer: 'p', run: 'r', epoch: 3 },
        );
        return log;
      })
    ).close();
    const after = statSync(join(good, 'journal/1.wal')).size;
    for (let cut = before; cut < after; cut += 9) {
      const root = temporary();
      cpSync(good, root, { recursive: true });
      truncateSync(join(root, 'journal/1.wal'), cut);
      // The segments never saw it either.
      for (const file of filesOf(join(root, 'topics/'), '.log')
        .filter((name) => name.includes('/1/'))
        .slice(-1))
        truncateSync(file, statSync(file).size - (32 + 20 + 4));
      const log = await openDiskLog(root);
      expect(log.recovered.cutBytes).toBe(cut - before);
      expect(await valuesOf(log, 1)).toEqual(history(2));
      expect((await log.lastMarker('p'))?.epoch).toBe(2);
      await log.append(
        [{ topic: 't', partition: 1, records: [{ timestamp: 9, key: null, value: Buffer.from('again;') }] }],
        { producer: 'p', run: 'r', epoch: 3 },
      );
      expect(await valuesOf(log, 1)).toEqual([...history(2), 'again']);
      await log.close();
      const again = await openDiskLog(root);
      expect(again.recovered).toEqual({ deadWriters: 0, cutBytes: 0, finishedAppends: 0 });
      await again.close();
    }
  });
});

describe('damage', { timeout: 60_000 }, () => {
  it('of a segment that the journal no longer has is found and named', async () => {
    const root = temporary();
    const log = await withHistory(root, 3);
    await log.close();
    // A new journal: the old one would heal the segments.
    const renewed = await openDiskLog(root, { journalBytes: 1, segmentBytes: 600 });
    await renewed.append([
      { topic: 't', partition: 0, records: [{ timestamp: 4, key: null, value: Buffer.from('4:0;') }] },
    ]);
    await renewed.append([
      { topic: 't', partition: 0, records: [{ timestamp: 5, key: null, value: Buffer.from('5:0;') }] },
    ]);
    await renewed.close();
    const [file] = filesOf(join(root, 'topics'), '.log').filter((name) => name.includes('/1/'));
    const good = readFileSync(file!);
    // Every byte: log-segment.test.ts.
    for (let i = 0; i < good.length; i += 7) {
      const bad = Buffer.from(good);
      bad[i]! ^= 1 << (i % 8);
      writeFileSync(file!, bad);
      const reader = await openDiskLog(root);
      await expect(valuesOf(reader, 1), `byte ${i}`).rejects.toMatchObject({ code: 'corruption' });
      await reader.close();
    }
    writeFileSync(file!, good);
    const reader = await openDiskLog(root);
    expect(await valuesOf(reader, 1)).toEqual(history(3));
    expect(await valuesOf(reader, 0)).toEqual([...history(3), '4:0', '5:0']);
    // Once seen, then damaged.
    const bad = Buffer.from(good);
    bad[100]! ^= 4;
    writeFileSync(file!, bad);
    await expect(reader.fetch('t', 1, 0, ALL, 1_000_000)).rejects.toMatchObject({
      code: 'corruption',
      message: expect.stringContaining(file!),
    });
    await reader.close();
  });

  it('in the middle of the journal is refused, not cut', async () => {
    const root = temporary();
    await (await withHistory(root, 5)).close();
    const file = join(root, 'journal/1.wal');
    const good = readFileSync(file);
    for (const i of [0, 5, 9, 13, 40, 300, Math.floor(good.length / 2)]) {
      const bad = Buffer.from(good);
      bad[i]! ^= 16;
      writeFileSync(file, bad);
      await expect(openDiskLog(root), `byte ${i}`).rejects.toMatchObject({ code: 'corruption' });
    }
    writeFileSync(file, good);
    await (await openDiskLog(root)).close();
  });
});
