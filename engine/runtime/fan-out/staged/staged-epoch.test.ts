/** Tasks of staged epochs that are repeated, doubled, late, or die, and coordinators that know nothing of each other. */
import { describe, expect, test } from 'vitest';
import { garbage } from '../../../checkpoint/garbage.ts';
import { manifestKey, parseItemKey, stageInputKey } from '../../../checkpoint/item-keys.ts';
import { jobObjectPrefix } from '../../../checkpoint/object-names.ts';
import type { Ack, Head } from '../../../checkpoint/records.ts';
import { attemptId, epoch, generation, runId, wallTimeMs } from '../../../model/ids.ts';
import { InjectedCrash } from '../../crash-point.ts';
import { FusedRunner } from '../../fused-runner.ts';
import { replaced } from '../../../testing/sim/mutant.ts';
import { SOURCES, type StageTask } from './stage-records.ts';
import { BUDGET, StagedWorld, type PlannedEpoch, type Row } from './staged-fixture.ts';

/** One epoch, and its meaning, with nothing in the way. */
async function undisturbed(to: number | null = 40): Promise<unknown> {
  const world = new StagedWorld();
  const runner = world.runner();
  const { ack } = await world.complete(await world.plan(to), (task) => runner.run(task, BUDGET));
  return await world.meaningOf(ack);
}

/** Rows, ranges and counts, without the slots. */
async function answerOf(world: StagedWorld, ack: Ack): Promise<unknown> {
  const { rows, ...rest } = (await world.meaningOf(ack)) as { rows: string[] };
  const { segments: _, ...more } = rest as { segments: number };
  return { ...more, rows: rows.map((row) => row.replace(/ \d+ /, ' ')).sort() };
}

test('the answer of a fused epoch', async () => {
  const world = new StagedWorld();
  const planned = await world.plan(40);
  const { ack, idle, backlog } = await world.complete(planned, (task) => world.runner().run(task, BUDGET));
  const { clock, blobs } = world;
  const fused = new FusedRunner({ job: 'j', graph: world.graph(), clock, blobs, log: null });
  const plan = { ...planned.plan, subtasks: {} };
  await fused.discover(new Map());
  const alone = await fused.run(plan, attemptId('f'), BUDGET);
  expect(await answerOf(world, ack)).toEqual(await answerOf(world, alone.ack));
  expect(idle).toBe(false);
  expect(backlog).toEqual([{ source: 'rows', splits: 0, read: 120, left: 0 }]);
});

test('stage after stage; what is next is told anew until all have answered', async () => {
  const world = new StagedWorld();
  const planned = await world.plan(40);
  const runner = world.runner();
  const asked: string[] = [];
  for (;;) {
    const next = await world.epoch(planned).next();
    if (next.kind !== 'stage') break;
    asked.push(`${next.stage} ${next.tasks.map(({ subtask }) => subtask).join()}`);
    await runner.run(next.tasks[0]!, BUDGET);
  }
  expect(asked).toEqual(['sources 0,1', 'sources 1', 'sums 0,1,2', 'sums 1,2', 'sums 2', 'again 0,1', 'again 1']);
});

describe('a task that runs again', () => {
  test('in the same process or another does nothing and says the same', async () => {
    const world = new StagedWorld();
    const first = world.runner();
    const { ack } = await world.complete(await world.plan(40), async (task) => {
      expect(await first.run(task, BUDGET)).toBe('done');
      const written = world.store.created.length;
      const objects = (await world.blobs.list('')).length;
      expect(await first.run(task, BUDGET)).toBe('done');
      expect(await world.runner().run(task, BUDGET)).toBe('done');
      expect(world.store.created).toHaveLength(written);
      expect(await world.blobs.list('')).toHaveLength(objects);
    });
    expect(await world.meaningOf(ack)).toEqual(await undisturbed());
  });

  test('at the same time: the first ack wins, and only its objects are used (E2)', async () => {
    const world = new StagedWorld();
    const [one, other] = [world.runner(), world.runner()];
    const planned = await world.plan(null);
    const { ack } = await world.complete(planned, async (task) => {
      expect(await Promise.all([one.run(task, BUDGET), other.run(task, BUDGET)])).toEqual(['done', 'done']);
    });
    expect(await world.meaningOf(ack)).toEqual(await undisturbed(null));
    const written = new Set((await world.blobs.list('')).map(({ name }) => name));
    const used = ack.segments.flatMap(({ object }) => ('blob' in object ? [object.blob] : []));
    expect(used.filter((name) => !written.has(name))).toEqual([]);
    // Twice as many were written.
    expect([...written].filter((name) => name.includes('/state-'))).toHaveLength(2 * used.length);
  });

  test('after the epoch is decided and swept writes nothing', async () => {
    const world = new StagedWorld();
    const tasks: StageTask[] = [];
    const planned = await world.plan(40);
    const runner = world.runner();
    await world.complete(planned, (task) => runner.run(task, BUDGET).finally(() => tasks.push(task)));
    for (const key of await world.store.listItems('j', '')) await world.store.deleteItem('j', key);
    const written = world.store.created.length;
    for (const task of tasks) expect(await world.runner().run(task, BUDGET)).toBe('fenced');
    expect(world.store.created).toHaveLength(written);
  });
});

describe.each([SOURCES, 'sums', 'again'])('a process that dies in a task of %s', (stage) => {
  test.each(['before', 'after'])('%s any write: the task runs again, and the answer is the same', async (when) => {
    let died = true;
    for (let at = 1; died; at++) {
      died = false;
      const world = new StagedWorld();
      const { ack } = await world.complete(await world.plan(null), async (task) => {
        const dying =
          task.stage === stage && task.subtask === 1 ? dyingAt(world, at, when === 'before') : world.runner();
        await dying.run(task, BUDGET).catch(async (thrown: unknown) => {
          expect(thrown).toBeInstanceOf(InjectedCrash);
          died = true;
          expect(await world.runner().run(task, BUDGET)).toBe('done');
        });
      });
      expect(await world.meaningOf(ack)).toEqual(await undisturbed(null));
      expect(at).toBeLessThan(20);
    }
  });
});

/** A process whose `at`-th write is its last. */
function dyingAt(world: StagedWorld, at: number, before: boolean): ReturnType<StagedWorld['runner']> {
  let writes = 0;
  const write = async <R>(work: () => Promise<R>): Promise<R> => {
    if (++writes < at) return await work();
    if (!before && writes === at) await work();
    throw new InjectedCrash('died');
  };
  const { store, blobs } = world;
  return world.runner({
    store: replaced(store, { createItem: (...args) => write(() => store.createItem(...args)) }),
    blobs: replaced(blobs, { create: (...args) => write(() => blobs.create(...args)) }),
  });
}

test('two coordinators write the same input, in any order of the subtasks', async () => {
  const inputs = await Promise.all(
    [false, true].map(async (backwards) => {
      const world = new StagedWorld();
      const planned = await world.plan(40);
      const next = await world.epoch(planned).next();
      const tasks = next.kind === 'stage' ? [...next.tasks] : [];
      // The attempts have the same names, whichever runs first.
      for (const task of backwards ? tasks.reverse() : tasks)
        await world.runner({ newAttempt: () => `a${task.subtask}` }).run(task, BUDGET);
      await Promise.all([world.epoch(planned).next(), world.epoch(planned).next()]);
      return await world.store.readItem('j', stageInputKey(planned.key, 'sums'));
    }),
  );
  expect(inputs[0]).not.toBeNull();
  expect(inputs[1]).toEqual(inputs[0]);
});

test('a stage reports of itself only', async () => {
  const world = new StagedWorld();
  const planned = await world.plan(40);
  const runner = world.runner();
  const said: Record<string, unknown> = {};
  await world.complete(planned, async (task) => {
    await runner.run(task, BUDGET);
    const { records } = runner as unknown as { records: { answer(task: StageTask): Promise<{ ack: Ack }> } };
    const { ack } = await records.answer(task);
    const stages = new Set(ack.segments.map((segment) => segment.stage));
    said[task.stage] = [Object.keys(ack.watermarks), Object.keys(ack.keys), [...stages], ack.ranges.length > 0];
  });
  expect(said).toEqual({
    [SOURCES]: [[], [], [], true],
    sums: [['sums'], ['sums'], ['sums'], false],
    again: [['again'], ['again'], ['again'], false],
  });
});

describe('failures', () => {
  const poisoned = (row: Row): void => {
    if (row.v === 17) throw new Error('no seventeen');
  };

  test('of user code are an ack: the epoch fails, and says how far the sources had read (E1)', async () => {
    const world = new StagedWorld({ onKeyed: poisoned });
    const planned = await world.plan(null);
    const next = await runUntilFailed(world, planned);
    expect(next).toMatchObject({ kind: 'failed', stage: 'sums', retryable: true, code: 'user-code', rows: 150 });
    expect(next.kind === 'failed' && next.ranges?.map(({ to }) => to)).toEqual([50, 50, 50]);
    expect(next.kind === 'failed' && next.reason).toContain('no seventeen');
  });

  test('of tasks that never answer fail the epoch when the platform gives up', async () => {
    const world = new StagedWorld();
    const planned = await world.plan(40);
    const next = await world.epoch(planned).next();
    const [first] = next.kind === 'stage' ? next.tasks : [];
    await world.runner().run(first!, BUDGET);
    const failed = await world.epoch(planned).next({ stage: SOURCES, error: 'Lambda.Timeout' });
    expect(failed).toMatchObject({ kind: 'failed', ranges: null, retryable: true, poison: null });
    expect(failed.kind === 'failed' && failed.reason).toContain('subtask 1: Lambda.Timeout');
  });

  test.each([
    ['of the sources', { onRow: true }, SOURCES],
    ['of a keyed stage', { onKeyed: true }, 'sums'],
  ] as const)('of a task %s that takes too long say so', async (_, slow, stage) => {
    const world: StagedWorld = new StagedWorld({
      ...('onRow' in slow ? { onRow: () => world.clock.advance(100) } : {}),
      ...('onKeyed' in slow ? { onKeyed: () => world.clock.advance(100) } : {}),
    });
    const next = await runUntilFailed(world, await world.plan(40), 2000);
    expect(next).toMatchObject({ kind: 'failed', stage, outOfTime: true, retryable: true, poison: null });
  });

  test('of another version of the job leave no ack: the epoch was planned for a version that may still run', async () => {
    const world = new StagedWorld();
    const planned = await world.plan(40, { graphHash: 'older' });
    const next = await world.epoch(planned).next();
    const [task] = next.kind === 'stage' ? next.tasks : [];
    await expect(world.runner().run(task!, BUDGET)).rejects.toMatchObject({ code: 'retryable' });
    expect(world.store.created).toEqual([planned.key]);
  });
});

async function runUntilFailed(world: StagedWorld, planned: PlannedEpoch, timeoutMs = 60_000) {
  const runner = world.runner();
  for (;;) {
    const next = await world.epoch(planned).next();
    if (next.kind !== 'stage') return next;
    for (const task of next.tasks) await runner.run(task, { ...BUDGET, timeoutMs });
  }
}

describe('E6: a sweep', () => {
  const headOf = (phase: Head['phase'], at: number, g: number): Head => ({
    format: 1,
    job: 'j',
    run: runId('r1'),
    generation: generation(g),
    epoch: epoch(at),
    manifest: at === 0 ? null : manifestKey(epoch(at), generation(g)),
    folded: null,
    clock: wallTimeMs(0),
    phase,
    lease: { owner: 'o', ttlMs: 1, session: 's' },
  });

  test('takes acks, inputs and blocks of a staged epoch once it is decided, and not before', async () => {
    const world = new StagedWorld();
    const planned = await world.plan(null);
    const runner = world.runner();
    const { ack } = await world.complete(planned, (task) => runner.run(task, BUDGET));
    const items = await world.store.listItems('j', '');
    const blobs = (await world.blobs.list(jobObjectPrefix('j'))).map(({ name }) => name);
    expect(items.filter((key) => parseItemKey(key)?.kind === 'ack')).toHaveLength(2 + 3 + 2 + 2);
    expect(blobs.filter((name) => name.includes('/rows-'))).not.toEqual([]);
    const sweep = (head: Head, manifest: unknown = null) =>
      garbage({ head, manifest: manifest as never, folded: null, plan: planned.plan }, items, blobs);

    expect(sweep(headOf({ kind: 'running', plan: planned.key }, 0, 1))).toEqual({ items: [], blobs: [] });

    const manifest = { state: { base: null, log: ack.segments }, staged: ack.staged };
    const after = garbage(
      { head: headOf({ kind: 'committed' }, 1, 1), manifest: manifest as never, folded: null, plan: null },
      items,
      blobs,
    );
    expect(after.items).toEqual(items);
    const kept = [...ack.segments, ...ack.staged.flatMap(({ objects }) => objects.map((object) => ({ object })))];
    expect(blobs.filter((name) => !after.blobs.includes(name)).sort()).toEqual(
      kept.flatMap(({ object }) => ('blob' in object ? [object.blob] : [])).sort(),
    );
    // The attempt failed, and was planned again.
    expect(sweep(headOf({ kind: 'running', plan: 'plan/x' }, 0, 2))).toEqual({ items, blobs });
  });
});
