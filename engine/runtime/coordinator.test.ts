import { describe, expect, test } from 'vitest';
import { manifestKey } from '../checkpoint/item-keys.ts';
import type { Manifest } from '../checkpoint/records.ts';
import { RetryableError } from '../model/errors.ts';
import { headOf, newWorld, optionsOf, storesOf, upTo, type KitWorld } from './coordinator-kit.ts';
import { runJob } from './coordinator.ts';
import { InjectedCrash, type CrashPoint } from './crash-point.ts';
import { readReachable } from './job-records.ts';
import { readJobState } from './job-state-reader.ts';

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Everything that is referred to is there, and nothing else is. */
async function expectClean(world: KitWorld): Promise<void> {
  const { referred, objects, items } = await storesOf(world);
  expect(objects).toEqual(referred);
  for (const key of items) expect(key).toMatch(/^(manifest|fold)\//);
}

describe('a job from start to end', () => {
  test('publishes every record once, in order, and finishes', async () => {
    const world = newWorld(upTo(10));
    const epochs: Manifest[] = [];
    const options = optionsOf(world, { bounded: true }, {}, { onEpoch: (m) => epochs.push(m) });
    expect(await runJob(options)).toEqual({ kind: 'finished', epochs: 4 });
    expect(world.sink.out).toEqual(upTo(10));
    expect(epochs.map((m) => m.ranges[0]!.to)).toEqual([3, 6, 9, 10]);
    expect(epochs.at(-1)!.totals['recordsIn']).toBe(10);
    expect(options.runner.committedManifests).toBe(4);
    await expectClean(world);
    expect(await runJob(optionsOf(world))).toEqual({ kind: 'already', phase: 'finished', epochs: 0 });
  });

  test('writes two heads and three items an epoch', async () => {
    const world = newWorld(upTo(300));
    await runJob(optionsOf(world, { bounded: true }, { maxRows: 10 }));
    // Besides: claim, stamp, and the end, which is also the last publication.
    expect(world.states.casCount).toBe(30 * 2 + 3);
    expect(world.states.creates).toBe(30 * 3);
  });

  test('an empty epoch costs well under 5 ms', async () => {
    const world = newWorld(upTo(500));
    const from = process.cpuUsage();
    await runJob(optionsOf(world, { bounded: true }, { maxRows: 1 }));
    const { user, system } = process.cpuUsage(from);
    expect((user + system) / 1000 / 500).toBeLessThan(5);
  });

  test('two splits, one of them late', async () => {
    const world = newWorld(upTo(4));
    const options = optionsOf(world, {
      bounded: true,
      onPublish: () => world.splits.length < 2 && world.splits.push([100, 101]),
    });
    expect((await runJob(options)).kind).toBe('finished');
    expect([...world.sink.out].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 100, 101]);
  });

  test('state can be read for people', async () => {
    const world = newWorld(upTo(10));
    await runJob(optionsOf(world));
    const state = (await readJobState(world.states, world.blobs, 'j'))!;
    expect(state).toMatchObject({
      phase: 'finished',
      epoch: 4,
      splits: [{ id: 's/0', position: 10, ended: true }],
      keys: { sum: 1 },
      totals: { recordsIn: 10 },
    });
    expect(state.epochs.map((e) => e.epoch)).toEqual([4, 3, 2, 1]);
    expect(state.state.logSegments).toBe(4);
    expect(await readJobState(newWorld().states, world.blobs, 'j')).toBeNull();
  });
});

describe('two coordinators', () => {
  test('a live owner is refused by name; a dead one is replaced at once and fenced', async () => {
    const world = newWorld(upTo(9));
    let second: Promise<unknown> = Promise.resolve();
    let refused: unknown;
    const first = optionsOf(world, {
      bounded: true,
      onRun: (plan) => {
        if (plan.epoch !== 2) return;
        second = runJob(optionsOf(world, undefined, {}, { lease: { owner: 'b', isAlive: () => 'alive' } })).then(
          async (outcome) => {
            refused = outcome;
            return runJob(optionsOf(world));
          },
        );
      },
    });
    const run = first.runner.run.bind(first.runner);
    first.runner.run = async (plan, attempt, budget) => {
      const answer = await run(plan, attempt, budget);
      await second;
      return answer;
    };
    const outcome = await runJob(first);
    expect(refused).toEqual({ kind: 'refused', owner: first.lease.owner, epochs: 0 });
    expect(await second).toMatchObject({ kind: 'finished' });
    expect(outcome.kind).toBe('fenced');
    expect(world.sink.out).toEqual(upTo(9));
  });

  test('an unknown owner is waited for by the waiter’s own clock since the head last changed', async () => {
    const world = newWorld(upTo(9));
    const crashPoint = (name: CrashPoint): void => {
      if (name === 'commit-cas') throw new InjectedCrash('killed');
    };
    await runJob(optionsOf(world, { bounded: true, crashPoint }, { leaseTtlMs: 5000 })).catch(() => {});
    const before = world.clock.ms;
    world.clock.ms = before + 3_600_000; // the waiter has not seen that time pass
    const from = world.clock.ms;
    const outcome = await runJob(optionsOf(world, undefined, {}, { lease: { owner: 'b', isAlive: () => 'unknown' } }));
    expect(outcome.kind).toBe('finished');
    expect(world.clock.ms - from).toBe(5000);
    expect(world.sink.out).toEqual(upTo(9));
  });
});

describe('stop, cancel, restore', () => {
  const stopAt = (controller: AbortController, at: number) => (plan: { epoch: number }) => {
    if (plan.epoch === at) controller.abort();
  };

  test('a graceful stop finishes the epoch and releases the lease; the next start continues', async () => {
    const world = newWorld(upTo(20));
    const controller = new AbortController();
    const outcome = await runJob(
      optionsOf(world, { bounded: true, onRun: stopAt(controller, 2) }, {}, { stop: controller.signal }),
    );
    expect(outcome).toEqual({ kind: 'stopped', epochs: 2 });
    expect(world.sink.out).toEqual(upTo(6));
    expect(await headOf(world)).toMatchObject({ phase: { kind: 'published' }, lease: null });
    await expectClean(world);
    await runJob(optionsOf(world));
    expect(world.sink.out).toEqual(upTo(20));
  });

  test('an idle job writes nothing but its lease’s renewal, keeps its idleness, and can be stopped', async () => {
    const world = newWorld(upTo(2));
    const controller = new AbortController();
    let idles = 0;
    const onIdle = () => {
      if (++idles === 20) world.splits[0]!.push(2);
      if (idles === 200) controller.abort();
    };
    const options = optionsOf(world, { onIdle }, { leaseTtlMs: 60_000 }, { stop: controller.signal });
    expect((await runJob(options)).kind).toBe('stopped');
    expect(world.sink.out).toEqual(upTo(3));
    expect(world.states.creates).toBe(3 * 2 + 1);
    expect(new Set(options.runner.plans.slice(-100).map((plan) => plan.splits[0]!.state!.idleSince)).size).toBe(1);
    expect(options.runner.plans.at(-1)!.clock).toBeGreaterThan(options.runner.plans.at(-2)!.clock);
    await expectClean(world);
  });

  test('cancel drops the epoch in work and retains the checkpoint; restore begins a new run on it', async () => {
    const world = newWorld(upTo(20));
    const controller = new AbortController();
    const outcome = await runJob(
      optionsOf(world, { bounded: true, onRun: stopAt(controller, 3) }, {}, { cancel: controller.signal }),
    );
    expect(outcome).toEqual({ kind: 'cancelled', epochs: 2 });
    expect(world.sink.out).toEqual(upTo(6));
    await expectClean(world);
    expect(await runJob(optionsOf(world))).toEqual({ kind: 'already', phase: 'cancelled', epochs: 0 });
    const { run } = await headOf(world);
    const epochs: Manifest[] = [];
    await runJob(optionsOf(world, undefined, { restore: true }, { onEpoch: (m) => epochs.push(m) }));
    expect(world.sink.out).toEqual(upTo(20));
    expect(epochs[0]!.epoch).toBe(3);
    expect(epochs[0]!.run > run).toBe(true);
    expect((await headOf(world)).run > run).toBe(true);
    const { base } = await readReachable(world.states, await headOf(world));
    expect(base.manifest!.state.log).toHaveLength(7);
  });

  test('a job that does not run can be cancelled; a publication that fails during a stop is tried after its delays', async () => {
    const world = newWorld(upTo(20));
    const controller = new AbortController();
    let failures = 3;
    const onPublish = (manifest: Manifest) => {
      if (manifest.epoch === 2 && failures-- > 0) throw new RetryableError('timeout');
    };
    await runJob(
      optionsOf(world, { bounded: true, onRun: stopAt(controller, 2), onPublish }, {}, { stop: controller.signal }),
    );
    expect(world.clock.slept).toEqual([10, 10, 10]);
    expect(await runJob(optionsOf(world, undefined, {}, { cancel: AbortSignal.abort() }))).toEqual({
      kind: 'cancelled',
      epochs: 0,
    });
    expect(await headOf(world)).toMatchObject({ phase: { kind: 'cancelled' }, epoch: 2, lease: null });
    expect(world.sink.out).toEqual(upTo(6));
  });

  test('cancel and delete leaves nothing to restore', async () => {
    const world = newWorld(upTo(20));
    const controller = new AbortController();
    await runJob(
      optionsOf(
        world,
        { bounded: true, onRun: stopAt(controller, 3) },
        { onCancel: 'delete' },
        { cancel: controller.signal },
      ),
    );
    expect(world.states.items.size + world.blobs.objects.size).toBe(0);
    expect(await runJob(optionsOf(world, undefined, { restore: true }))).toEqual({
      kind: 'nothing-to-restore',
      epochs: 0,
    });
  });

  test('a restore while the old coordinator lives: what was committed is published, and the old one is fenced', async () => {
    const world = newWorld(upTo(9));
    let second: Promise<unknown> = Promise.resolve();
    const first = optionsOf(world);
    const publish = first.runner.publish.bind(first.runner);
    first.runner.publish = async (manifest) => {
      if (manifest.epoch === 2) {
        second = runJob(optionsOf(world, undefined, { restore: true }));
        await second;
      }
      await publish(manifest);
    };
    const outcome = await runJob(first);
    expect(outcome.kind).toBe('fenced');
    expect(await second).toMatchObject({ kind: 'finished' });
    expect(world.sink.out).toEqual(upTo(9));
    expect(await runJob(optionsOf(newWorld(), undefined, { restore: true }))).toEqual({
      kind: 'nothing-to-restore',
      epochs: 0,
    });
  });
});

describe('folding and sweeping', () => {
  test('the log is folded, and the state stays what it was', async () => {
    const world = newWorld(upTo(200));
    await runJob(optionsOf(world, { bounded: true }, { maxRows: 1 }));
    const { base } = await readReachable(world.states, await headOf(world));
    expect(base.manifest!.state.base).not.toBeNull();
    expect(base.manifest!.state.log.length).toBeLessThanOrEqual(65);
    const last = base.manifest!.state.log.at(-1)!.object;
    const bytes = await world.blobs.read('blob' in last ? last.blob : '');
    expect(JSON.parse(Buffer.from(bytes!).toString())).toEqual({ sum: sum(upTo(200)) });
    await expectClean(world);
  });

  test('a fold that fails is noted and repeated; planning waits for it once the log is too long', async () => {
    const world = newWorld(upTo(300));
    const options = optionsOf(world, { bounded: true }, { maxRows: 1 });
    const notices: string[] = [];
    options.onNotice = (text) => notices.push(text);
    options.runner.fold = async () => {
      throw new RetryableError('no space');
    };
    const outcome = await runJob(options);
    expect(outcome).toMatchObject({ kind: 'failed', epochs: 256 });
    expect(notices.filter((text) => text.startsWith('folding failed')).length).toBe(256 - 65);
    expect((await runJob(optionsOf(world, undefined, { maxRows: 1 }))).kind).toBe('finished');
    expect(world.sink.out).toEqual(upTo(300));
    await expectClean(world);
  });

  test('sweeps keep the stores small while the job runs', async () => {
    const world = newWorld(upTo(400));
    let most = 0;
    await runJob(
      optionsOf(
        world,
        { bounded: true },
        { maxRows: 1 },
        { onEpoch: () => (most = Math.max(most, world.states.items.size + world.blobs.objects.size)) },
      ),
    );
    expect(most).toBeLessThan(65 + 17 * 5 + 20);
    expect([...world.states.items.keys()]).toContain(manifestKey(400 as never, (await headOf(world)).generation));
  });
});
