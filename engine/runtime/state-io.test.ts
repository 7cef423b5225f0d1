import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BaseRef, SegmentRef } from '../checkpoint/records.ts';
import { MemoryBlobs } from './coordinator-kit.ts';
import { CorruptionError } from '../model/errors.ts';
import { epoch } from '../model/ids.ts';
import { keyHash, keyText } from '../state/key-bytes.ts';
import { readSegment, SegmentWriter } from '../state/segment.ts';
import { ObjectIo } from './object-io.ts';
import { foldState } from './state-io.ts';

const MAX_PARALLELISM = 32;
type Change = { stage: string; key: unknown; name: string; sub: unknown; value: unknown };

class Job {
  readonly blobs = new MemoryBlobs();
  log: SegmentRef[] = [];
  base: BaseRef | null = null;
  epochs = 0;

  async commit(changes: readonly Change[]): Promise<void> {
    this.epochs++;
    for (const stage of ['s1', 's2']) {
      const writer = new SegmentWriter();
      for (const { key, name, sub, value } of changes.filter((c) => c.stage === stage)) {
        const group = keyHash(key) % MAX_PARALLELISM;
        if (value === null) writer.remove(group, key, name, sub);
        else writer.put(group, key, name, sub, value);
      }
      const bytes = writer.finish();
      if (bytes === null) continue;
      const blob = `segment-${this.epochs}-${stage}`;
      await this.blobs.create(blob, [bytes]);
      this.log.push({
        object: { blob, bytes: bytes.length },
        epoch: epoch(this.epochs),
        stage,
        keyGroups: [0, MAX_PARALLELISM],
      });
    }
  }

  async fold(): Promise<void> {
    this.base = await foldState(
      this.blobs,
      'job',
      this.base,
      this.log,
      'run',
      `fold${this.epochs}`,
      MAX_PARALLELISM,
      async () => undefined,
    );
    this.log = [];
  }

  /** Every entry, in the order in which a restore ends up with them. */
  async entries(): Promise<[string, unknown][]> {
    const io = new ObjectIo(this.blobs, null);
    const live = new Map<string, unknown>();
    for (const { stage, object } of [...(this.base?.snapshots ?? []), ...this.log]) {
      const at = (key: unknown, name: string, sub: unknown): string =>
        JSON.stringify([stage, keyText(key), name, sub === null ? null : keyText(sub)]);
      readSegment(await io.read(object), 0, Infinity, 'it', {
        restore: (key, name, sub, value) => live.set(at(key, name, sub), value),
        restoreRemoved: (key, name, sub) => live.delete(at(key, name, sub)),
      });
    }
    return [...live];
  }
}

const byAddress = (entries: readonly [string, unknown][]): [string, unknown][] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

describe('folding', () => {
  test('changes nothing: base and log hold what the log held', async () => {
    const change = fc.record({
      stage: fc.constantFrom('s1', 's2'),
      key: fc.constantFrom<unknown>('a', 'b', 'c', 1, 2, [1, 'x'], 'a\0n\0sb'),
      name: fc.constantFrom('n', 'm'),
      sub: fc.constantFrom<unknown>(null, 0, 60_000, 'k', 'b\0m\0'),
      value: fc.constantFrom<unknown>(null, 1, 'x', { deep: [1] }),
    });
    const epochs = fc.array(fc.record({ changes: fc.array(change, { maxLength: 12 }), fold: fc.boolean() }), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(epochs, async (given) => {
        const [folded, plain] = [new Job(), new Job()];
        for (const { changes, fold } of given) {
          await folded.commit(changes);
          await plain.commit(changes);
          if (fold) await folded.fold();
        }
        await folded.fold();
        expect(byAddress(await folded.entries())).toEqual(byAddress(await plain.entries()));
        expect(folded.log).toEqual([]);
      }),
    );
  });

  test('keeps the entries of one key in their order', async () => {
    const job = new Job();
    const entry = (sub: string, value: unknown): Change => ({ stage: 's1', key: 'a', name: 'map:m', sub, value });
    await job.commit([entry('x', 1), entry('y', 2)]);
    await job.commit([entry('x', null), entry('x', 3)]);
    const before = (await job.entries()).map(([, value]) => value);
    await job.fold();
    expect((await job.entries()).map(([, value]) => value)).toEqual(before);
    expect(before).toEqual([2, 3]);
  });

  test('a segment that is gone or has another length is corruption, not an empty state', async () => {
    const job = new Job();
    await job.commit([{ stage: 's1', key: 'a', name: 'n', sub: null, value: 1 }]);
    const { object } = job.log[0]!;
    job.log = [{ ...job.log[0]!, object: { blob: 'nowhere', bytes: object.bytes } }];
    await expect(job.fold()).rejects.toThrow(CorruptionError);
    job.log = [{ ...job.log[0]!, object: { ...object, bytes: object.bytes + 1 } }];
    await expect(job.fold()).rejects.toThrow(CorruptionError);
  });
});
