/** Slots of an epoch are published one after the other, or, where a sink says so, at the same time. */
import { expect, test } from 'vitest';
import type { Manifest } from '../checkpoint/records.ts';
import type { JobNode } from '../graph/job-graph.ts';
import { MemoryBlobStore } from '../embedded/memory-blob-store.ts';
import { RetryableError } from '../model/errors.ts';
import type { Publication, Sink, SinkContext } from '../ports/sink.ts';
import { ObjectIo } from './object-io.ts';
import { SinkTask } from './sink-task.ts';

const SLOTS = [0, 3, 5];

/** Tells when a slot begins and ends; slot 3 fails if asked to. */
function taskOf(concurrentSlots: boolean, failing = false): { task: SinkTask; told: string[] } {
  const told: string[] = [];
  const sink: Sink<never> = {
    description: 'told',
    guarantee: 'EXACTLY_ONCE',
    concurrentSlots,
    validate: async () => undefined,
    writer: () => {
      throw new Error('not asked for');
    },
    publisher: async () => ({
      publish: async ({ slot }: Publication) => {
        told.push(`begin ${slot}`);
        for (let i = 0; i < (slot === 5 ? 5 : 2); i++) await Promise.resolve();
        if (failing && slot === 3) throw new RetryableError('no answer');
        told.push(`end ${slot}`);
        return 'published' as const;
      },
      stamp: async () => undefined,
      close: async () => undefined,
    }),
  };
  const node = { uid: 'out', name: 'out' } as JobNode;
  return { task: new SinkTask(node, sink, { job: 'job', sink: 'out' } as SinkContext), told };
}

const manifest = {
  run: 'r1',
  epoch: 1,
  staged: SLOTS.map((slot) => ({ sink: 'out', slot, records: 1, objects: [] })),
} as unknown as Manifest;
const io = new ObjectIo(new MemoryBlobStore(), null);

test('one after the other', async () => {
  const { task, told } = taskOf(false);
  await task.publish(manifest, io, () => told.push('published'));
  expect(told).toEqual(SLOTS.flatMap((slot) => [`begin ${slot}`, `end ${slot}`, 'published']));
});

test('at the same time', async () => {
  const { task, told } = taskOf(true);
  await task.publish(manifest, io, () => undefined);
  expect(told.slice(0, 3)).toEqual(SLOTS.map((slot) => `begin ${slot}`));
  expect(told).toHaveLength(6);
});

test('a slot that fails lets the others end first', async () => {
  const { task, told } = taskOf(true, true);
  await expect(task.publish(manifest, io, () => undefined)).rejects.toThrow('no answer');
  expect(told).toContain('end 5');
});
