/** Time in fanned-out epochs: how long a stage may take, and clocks that differ. */
import { expect, test } from 'vitest';
import { decodeHead } from '../../checkpoint/head-moves.ts';
import { FannedOutWorld } from './fanned-out-world-fixture.ts';
import { subtaskOf } from './subtask-host.ts';
import type { SubtaskTask } from './tasks.ts';

const express = { secondsLeft: 120 };

test('a stage ends within its execution: its tasks say by when', async () => {
  const forEver = await new FannedOutWorld('fanned-out').filled(300).walk({ mostStatus: 'stage' });
  expect(forEver!.tasks).toMatchObject([{ maxMs: null }, { maxMs: null }, { maxMs: null }]);
  const world = new FannedOutWorld('fanned-out').filled(300);
  const stage = await world.walk({ express, mostStatus: 'stage' });
  expect(stage!.tasks).toMatchObject([{ maxMs: 150_000 }, { maxMs: 150_000 }, { maxMs: 150_000 }]);
  // The function may take longer.
  const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 900_000 };
  const subtask = subtaskOf(world.job, world.host);
  const [first, second] = stage!.tasks as readonly SubtaskTask[];
  world.rowMs = 100;
  const event = { execution: 'mine', input: {} };
  expect(await subtask({ ...event, task: { ...first, maxMs: 5_000 } }, context)).toMatchObject({ outcome: 'failed' });
  expect(await subtask({ ...event, task: second }, context)).toMatchObject({ outcome: 'done' });
});

test('a head from a clock that was ahead keeps no epoch waiting', async () => {
  const world = new FannedOutWorld('fanned-out').filled(100);
  const epochOf = async (): Promise<number> => decodeHead('sums', (await world.store.readHead('sums'))!.bytes).epoch;
  const HOUR_MS = 3_600_000;
  world.clock.advance(HOUR_MS);
  expect(await world.walk({ express })).toMatchObject({ status: 'idle' });
  const before = await epochOf();
  world.clock.advance(-HOUR_MS);
  for (const tick of [1, 2, 3]) {
    world.filled(100, tick * 100);
    await world.walk({ express, execution: `tick ${tick}` });
    expect(await epochOf()).toBe(before + tick);
    world.clock.advance(60_000);
  }
});
