/** A slot of the committed epoch: published once, whoever asks for it and however late. */
import { expect, test } from 'vitest';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { defineJob } from '../../index.ts';
import type { Publication, SinkPublisher } from '../../ports/sink.ts';
import { TestSink, TestSource } from '../../testing/index.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { coordinatorOf } from './coordinator-host.ts';
import { SILENT, WorkClock } from './coordinator-world-fixture.ts';
import { FannedOutWorld } from './fanned-out-world-fixture.ts';
import { publisherOf } from './publisher-host.ts';
import { subtaskOf } from './subtask-host.ts';
import type { PublishTask } from './tasks.ts';
import type { JobHost } from './warm-job.ts';

const CONTEXT = { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 };

test('published, published again, and past', async () => {
  const world = new FannedOutWorld('fanned-out').filled(300);
  world.source.end();
  const order = await world.walk({ mostStatus: 'publish' });
  const tasks = order!.tasks as readonly PublishTask[];
  expect(tasks).toHaveLength(3);
  const publisher = publisherOf(world.job, world.host);
  const event = { execution: 'mine', input: {}, task: tasks[1]! };
  expect(await publisher(event, CONTEXT)).toEqual({ outcome: 'published' });
  const some = world.results.length;
  expect(some).toBeGreaterThan(0);
  expect(await publisher(event, CONTEXT)).toEqual({ outcome: 'published' });
  expect(world.results).toHaveLength(some);
  // Another process does the same.
  expect(await publisherOf(world.job, world.host)(event, CONTEXT)).toEqual({ outcome: 'published' });
  expect(world.results).toHaveLength(some);
  expect(await world.walk({ carry: order!.carry })).toMatchObject({ status: 'finished' });
  const all = world.results.length;
  expect(all).toBeGreaterThan(some);
  for (const task of tasks) expect(await publisher({ ...event, task }, CONTEXT)).toEqual({ outcome: 'past' });
  expect(world.results).toHaveLength(all);
});

test('a task that names nothing is refused', async () => {
  const world = new FannedOutWorld('fanned-out');
  const publisher = publisherOf(world.job, world.host);
  await expect(publisher({ input: {}, task: { sink: 'sink', slot: 0 } }, CONTEXT)).rejects.toThrow('no manifest');
  await expect(publisher({ input: {} }, CONTEXT)).rejects.toThrow('task is a JSON object');
});

/** Says in `said` what is published, and when it is told that all is. */
class FollowingSink extends TestSink<number> {
  readonly followsWatermark = true;
  readonly said: string[] = [];
  override async publish(publication: Publication): Promise<'published' | 'already'> {
    this.said.push('slot');
    return await super.publish(publication);
  }
  override async publisher(): Promise<SinkPublisher> {
    return Object.assign(await super.publisher(), { committed: async () => void this.said.push('all') });
  }
}

test("a slot's publisher tells no other sink that its epoch is published", async () => {
  const source = new TestSource<number>({ splits: 3 });
  for (let n = 0; n < 60; n++) source.pushTo(n % 3, n);
  source.end();
  const [plain, following] = [new TestSink<number>(), new FollowingSink()];
  const job = defineJob({
    name: 'two-sinks',
    config: {},
    build: (env) => {
      env.setParallelism(3).setEpochMode('fanned-out');
      const rows = env.fromSource(source, WatermarkStrategy.noWatermarks(), 'rows').uid('rows');
      rows.sinkTo(plain).uid('plain');
      rows.sinkTo(following).uid('following');
    },
  });
  const [store, blobs, clock] = [new MemoryStateStore(), new MemoryBlobStore(), new WorkClock()];
  const host: JobHost = {
    clock,
    env: { MILLRACE_TABLE: 't', MILLRACE_BUCKET: 'b' },
    log: SILENT,
    openPorts: () => ({ store, blobs, quiesce: () => undefined }),
  };
  const [coordinator, subtask, publisher] = [coordinatorOf(job, host), subtaskOf(job, host), publisherOf(job, host)];
  const staged = await coordinator({ execution: 'mine' }, CONTEXT);
  const all = async (of: typeof subtask | typeof publisher, { tasks }: CoordinatorAnswer): Promise<void> => {
    for (const task of tasks) await of({ execution: 'mine', input: {}, task }, CONTEXT);
  };
  await all(subtask, staged);
  const done = { kind: 'stage', error: null };
  const committed = await coordinator({ execution: 'mine', carry: staged.carry, done }, CONTEXT);
  expect(committed).toMatchObject({ status: 'publish' });
  await all(publisher, committed);
  expect([plain.values.length, following.said]).toEqual([60, []]);
  const published = { kind: 'publish', error: null };
  const last = await coordinator({ execution: 'mine', carry: committed.carry, done: published }, CONTEXT);
  expect(last).toMatchObject({ status: 'finished' });
  expect(following.said).toEqual(['slot', 'slot', 'slot', 'all']);
});
