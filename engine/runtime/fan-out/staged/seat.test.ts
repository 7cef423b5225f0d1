/** What a warm process keeps between two epochs, and when it must not use it. */
import { expect, test } from 'vitest';
import { generation, runId } from '../../../model/ids.ts';
import { foldState } from '../../state-io.ts';
import type { StageTaskRunner } from './stage-task-runner.ts';
import { BUDGET, StagedWorld, type Done, type PlannedEpoch } from './staged-fixture.ts';

/** Reads of state in the epoch, and its answer. */
async function run(
  world: StagedWorld,
  planned: PlannedEpoch,
  runner: StageTaskRunner,
): Promise<{ done: Done; reads: number; meaning: unknown }> {
  const before = world.blobs.stateReads;
  const done = await world.complete(planned, (task) => runner.run(task, BUDGET));
  return { done, reads: world.blobs.stateReads - before, meaning: await world.meaningOf(done.ack) };
}

/** One subtask each: the same process gets them all again. */
const ONE = { subtasks: { rows: 1, sums: 1, again: 1 } };

test('a process that runs the same subtasks again reads no state, and answers as a new one does', async () => {
  const world = new StagedWorld();
  const first = await world.plan(20, ONE);
  const warm = world.runner();
  const { done } = await run(world, first, warm);
  await warm.quiesce();
  const kept = await run(world, await world.planAfter(first, done.ack, 40), warm);
  expect(kept.reads).toBe(0);
  const cold = new StagedWorld();
  const again = await cold.plan(20, ONE);
  const before = await run(cold, again, cold.runner());
  const read = await run(cold, await cold.planAfter(again, before.done.ack, 40), cold.runner());
  expect(read.reads).toBe(2);
  expect(kept.meaning).toEqual(read.meaning);
});

/** The next epoch, after the log of the first was folded. */
async function planFolded(world: StagedWorld, first: PlannedEpoch, done: Done, run: string): Promise<PlannedEpoch> {
  const { segments } = done.ack;
  const base = await foldState(world.blobs, 'j', null, segments, run, 'tag', 128, async () => undefined);
  return await world.planAfter(first, done.ack, 40, { state: { base, log: [] }, run: runId(run) });
}

test.each([
  ['nor does it when the log was folded after its epoch', 'r1', 0],
  ['but it does for another run, which may have an epoch of that number, too', 'r2', 2],
])('%s', async (_, of, stages) => {
  const world = new StagedWorld();
  const first = await world.plan(20, ONE);
  const warm = world.runner();
  const { done } = await run(world, first, warm);
  const folded = await planFolded(world, first, done, of);
  const before = world.blobs.reads.length;
  await run(world, folded, warm);
  const read = world.blobs.reads.slice(before).filter((name) => name.includes('/fold-'));
  expect(new Set(read.map((name) => name.split('/').at(-1)!.split('-')[0])).size).toBe(stages);
});

test('an epoch that was run and did not commit is forgotten', async () => {
  const world = new StagedWorld();
  const first = await world.plan(20, ONE);
  const warm = world.runner();
  const { done } = await run(world, first, warm);
  const lost = await world.planAfter(first, done.ack, 30);
  await run(world, lost, warm);
  const retried = await run(world, await world.planAfter(first, done.ack, 40, { generation: generation(3) }), warm);
  expect(retried.reads).toBe(2);

  const calm = new StagedWorld();
  const again = await calm.plan(20, ONE);
  const before = await run(calm, again, calm.runner());
  const fresh = await run(calm, await calm.planAfter(again, before.done.ack, 40), calm.runner());
  expect(retried.meaning).toEqual(fresh.meaning);
});

test('a subtask that lost to another process reads the winner’s state', async () => {
  const world = new StagedWorld();
  const [one, other] = [world.runner(), world.runner()];
  const first = await world.plan(20, ONE);
  const { ack } = await world.complete(first, (task) => Promise.all([one.run(task, BUDGET), other.run(task, BUDGET)]));
  const second = await world.planAfter(first, ack, 40);
  const before = world.blobs.stateReads;
  await world.complete(second, (task) => Promise.all([one.run(task, BUDGET), other.run(task, BUDGET)]));
  // Of each stage one of the two won.
  expect(world.blobs.stateReads - before).toBe(2);
});

test('a process takes any subtask of any stage, and other numbers of them', async () => {
  const world = new StagedWorld();
  const first = await world.plan(20);
  const warm = world.runner();
  const { done } = await run(world, first, warm);
  const subtasks = { rows: 3, sums: 2, again: 4 };
  const wider = await run(world, await world.planAfter(first, done.ack, 40, { subtasks }), warm);

  const cold = new StagedWorld();
  const again = await cold.plan(20);
  const before = await cold.complete(again, (task) => cold.runner().run(task, BUDGET));
  const next = await cold.planAfter(again, before.ack, 40, { subtasks });
  const alone = await cold.complete(next, (task) => cold.runner().run(task, BUDGET));
  expect(wider.meaning).toEqual(await cold.meaningOf(alone.ack));
});
