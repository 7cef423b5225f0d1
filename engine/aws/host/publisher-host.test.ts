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
import type { DeployedJob, JobHost } from './warm-job.ts';

const MINE = { execution: 'mine', input: {} };
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
  followsWatermark = true;
  readonly said: string[] = [];
  override async publish(publication: Publication): Promise<'published' | 'already'> {
    this.said.push('slot');
    return await super.publish(publication);
  }
  override async publisher(): Promise<SinkPublisher> {
    return Object.assign(await super.publisher(), { committed: async () => void this.said.push('all') });
  }
}

/** A job with two sinks, whose epoch has been committed and handed out to publishers. */
class TwoSinks {
  readonly plain = new TestSink<number>();
  readonly following = new FollowingSink();
  readonly #source = new TestSource<number>({ splits: 3 });
  readonly #host: JobHost;
  #committed: CoordinatorAnswer | null = null;

  constructor() {
    const [store, blobs] = [new MemoryStateStore(), new MemoryBlobStore()];
    this.#host = {
      clock: new WorkClock(),
      env: { MILLRACE_TABLE: 't', MILLRACE_BUCKET: 'b' },
      log: SILENT,
      openPorts: () => ({ store, blobs, quiesce: () => undefined }),
    };
    for (let n = 0; n < 60; n++) this.#source.pushTo(n % 3, n);
    this.#source.end();
  }

  async published(): Promise<void> {
    const job = this.#job('first');
    const [coordinator, subtask] = [coordinatorOf(job, this.#host), subtaskOf(job, this.#host)];
    const { tasks, carry } = await coordinator(MINE, CONTEXT);
    for (const task of tasks) await subtask({ ...MINE, task }, CONTEXT);
    const committed = await coordinator({ ...MINE, carry, done: { kind: 'stage', error: null } }, CONTEXT);
    if (committed.status !== 'publish') throw new Error(committed.error?.message ?? committed.status);
    for (const task of committed.tasks) await publisherOf(job, this.#host)({ ...MINE, task }, CONTEXT);
    this.#committed = committed;
  }

  async finish(version: string): Promise<CoordinatorAnswer> {
    const { carry } = this.#committed!;
    const done = { kind: 'publish', error: null };
    return await coordinatorOf(this.#job(version), this.#host)({ ...MINE, carry, done }, CONTEXT);
  }

  #job(version: string): DeployedJob {
    return defineJob({
      name: 'two-sinks',
      config: {},
      build: (env) => {
        env.setParallelism(3).setEpochMode('fanned-out');
        const rows = env
          .fromSource(this.#source, WatermarkStrategy.noWatermarks(), 'rows')
          .uid('rows')
          .map((n) => n)
          .uid(version);
        rows.sinkTo(this.plain).uid('plain');
        rows.sinkTo(this.following).uid('following');
      },
    });
  }
}

test("a slot's publisher tells no other sink that its epoch is published", async () => {
  const job = new TwoSinks();
  await job.published();
  expect([job.plain.values.length, job.following.said]).toEqual([60, []]);
  expect(await job.finish('first')).toMatchObject({ status: 'finished' });
  expect(job.following.said).toEqual(['slot', 'slot', 'slot', 'all']);
});

test('what another version of the job has handed out is not taken for all of its output', async () => {
  const job = new TwoSinks();
  await job.published();
  // Its slots would have been handed out as well.
  job.following.followsWatermark = false;
  expect(await job.finish('second')).toMatchObject({ status: 'finished' });
  expect([job.plain.values.length, job.following.values.length]).toEqual([60, 60]);
});
