/** A slot of the committed epoch: published once, whoever asks for it and however late. */
import { expect, test } from 'vitest';
import { FannedOutWorld } from './fanned-out-world-fixture.ts';
import { publisherOf } from './publisher-host.ts';
import type { PublishTask } from './tasks.ts';

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
