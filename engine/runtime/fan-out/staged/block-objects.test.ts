/** Blocks through the store: one object per sender and stage, and of it each receiver reads its own range. */
import { expect, test } from 'vitest';
import { attemptId, epoch, generation, runId } from '../../../model/ids.ts';
import { MemoryBlobStore } from '../../../embedded/memory-blob-store.ts';
import { ObjectIo } from '../../object-io.ts';
import type { Block } from '../subtask-peer.ts';
import { gatherBlocks, readBlocks, sendBlocks } from './block-objects.ts';

class CountingBlobs extends MemoryBlobStore {
  readonly reads: (readonly [from: number | undefined, to: number | undefined])[] = [];
  override async read(...[name, from, to]: Parameters<MemoryBlobStore['read']>): Promise<Uint8Array | null> {
    this.reads.push([from, to]);
    return await super.read(name, from, to);
  }
}

const io = (blobs: MemoryBlobStore, subtask: number): ObjectIo =>
  new ObjectIo(blobs, {
    job: 'j',
    run: runId('r1'),
    epoch: epoch(1),
    generation: generation(1),
    stage: 'sources',
    subtask,
    attempt: attemptId('a'),
  });
const bytes = (n: number, value: number): Uint8Array => new Uint8Array(n).fill(value);
const block = (stage: string, receiver: number, n: number, value: number): Block => ({
  stage,
  receiver,
  bytes: bytes(n, value),
});

test('a receiver gets its blocks, sender by sender in order, with one read an object', async () => {
  const blobs = new CountingBlobs();
  const first = await sendBlocks(
    [block('sums', 1, 4000, 1), block('sums', 0, 800, 2), block('sums', 1, 1600, 3), block('max', 0, 8, 4)],
    io(blobs, 0),
  );
  const second = await sendBlocks([block('sums', 1, 3000, 5)], io(blobs, 1));
  expect((await blobs.list('')).map(({ size }) => size)).toEqual([8, 6400, 3000]);
  const { objects, receivers } = gatherBlocks('sums', 3, [first, second]);
  const all = await Promise.all(receivers.map((parts) => readBlocks(objects, parts, io(blobs, 0))));
  expect(all).toEqual([[bytes(800, 2)], [bytes(4000, 1), bytes(1600, 3), bytes(3000, 5)], []]);
  expect(blobs.reads).toEqual([
    [0, 800],
    [800, 6400],
    [0, 3000],
  ]);
});

test('few bytes travel in the ack', async () => {
  const blobs = new CountingBlobs();
  const sent = await sendBlocks([block('sums', 0, 1000, 1), block('max', 1, 1048, 2)], io(blobs, 0));
  expect(await blobs.list('')).toEqual([]);
  const { objects, receivers } = gatherBlocks('max', 2, [sent]);
  expect(await readBlocks(objects, receivers[1]!, io(blobs, 0))).toEqual([bytes(1048, 2)]);
  await sendBlocks([block('sums', 0, 1000, 1), block('max', 1, 1049, 2)], io(blobs, 1));
  expect(await blobs.list('')).toHaveLength(2);
});

test('an object that is gone or cut short is never used', async () => {
  const blobs = new MemoryBlobStore();
  const sent = await sendBlocks([block('sums', 0, 4000, 1)], io(blobs, 0));
  const { objects, receivers } = gatherBlocks('sums', 1, [sent]);
  const { name } = (await blobs.list(''))[0]!;
  await blobs.delete(name);
  await expect(readBlocks(objects, receivers[0]!, io(blobs, 0))).rejects.toMatchObject({ code: 'corruption' });
  await blobs.create(name, [bytes(3999, 1)]);
  await expect(readBlocks(objects, receivers[0]!, io(blobs, 0))).rejects.toThrow('cut short');
});
