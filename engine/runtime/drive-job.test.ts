import { describe, expect, test } from 'vitest';
import type { Effect } from '../checkpoint/effects.ts';
import type { Event } from '../checkpoint/events.ts';
import { RetryableError } from '../model/errors.ts';
import { fixedDelay } from '../model/restart-strategy.ts';
import { headOf, newWorld, optionsOf, storesOf, upTo, type KitWorld } from './coordinator-kit.ts';
import { driveJob, type Carry, type DriveOptions, type Outside, type Suspended } from './drive-job.ts';
import { foldOutside } from './fold-outside.ts';
import type { JobOutcome } from './job-options.ts';

type Asked = (effect: Effect) => Event | 'suspend' | null;
const outside = (asked: Asked): Outside => ({ perform: async (effect) => asked(effect) });

/** Returns at the first effect of a kind; the next driver performs that one itself. */
const suspendsAt = (kinds: readonly Effect['kind'][], resumed: boolean): Outside => {
  let performs = resumed;
  return outside(({ kind }) => {
    if (!kinds.includes(kind)) return null;
    if (!performs) return 'suspend';
    performs = false;
    return null;
  });
};

const overTheWire = (carry: Carry): Carry => JSON.parse(JSON.stringify(carry)) as Carry;

/** Drives a job by one driver after another, and counts them. */
async function drive(
  world: KitWorld,
  kinds: readonly Effect['kind'][],
  more: Partial<DriveOptions> = {},
): Promise<{ readonly outcome: JobOutcome; readonly drivers: number; readonly epochs: number }> {
  let carry: Carry | null = null;
  let epochs = 0;
  for (let drivers = 1; ; drivers++) {
    const outcome: JobOutcome | Suspended = await driveJob({
      ...optionsOf(world),
      ...more,
      resume: carry,
      outside: suspendsAt(kinds, carry !== null),
    });
    epochs += outcome.epochs;
    if (outcome.kind !== 'suspended') return { outcome, drivers, epochs };
    carry = overTheWire(outcome.carry);
  }
}

async function suspendedAt(world: KitWorld, kind: Effect['kind'], resume: Carry | null = null): Promise<Suspended> {
  const outcome = await driveJob({ ...optionsOf(world), resume, outside: suspendsAt([kind], resume !== null) });
  if (outcome.kind !== 'suspended') throw new Error(`not suspended: ${outcome.kind}`);
  return outcome;
}

describe('a session with several drivers', () => {
  test('suspended around every attempt and publication, it publishes every record once, under one lease', async () => {
    const world = newWorld(upTo(10));
    expect(await drive(world, ['run', 'publish'])).toMatchObject({
      outcome: { kind: 'finished' },
      drivers: 9,
      epochs: 4,
    });
    expect(world.sink.out).toEqual(upTo(10));
    // As one driver does it: claim, stamp, two an epoch, and the end instead of the last publication.
    expect(world.states.casCount).toBe(4 * 2 + 3);
    const { referred, objects } = await storesOf(world);
    expect(objects).toEqual(referred);
  });

  test('what is done elsewhere is not done here', async () => {
    const world = newWorld(upTo(4));
    const published: number[] = [];
    const options = optionsOf(world);
    const elsewhere: Outside = {
      async perform(effect) {
        if (effect.kind !== 'publish') return null;
        published.push(effect.manifest.epoch);
        await optionsOf(world).runner.publish(effect.manifest);
        return { kind: 'published' };
      },
    };
    options.runner.publish = async () => expect.unreachable();
    expect(await driveJob({ ...options, outside: elsewhere })).toEqual({ kind: 'finished', epochs: 2 });
    expect(published).toEqual([1, 2]);
    expect(world.sink.out).toEqual(upTo(4));
  });

  test('a plan that is declined is made anew, recorded, and costs no restart', async () => {
    const world = newWorld(upTo(3));
    const options = optionsOf(world, { bounded: true }, { restartStrategy: fixedDelay(0, 0) });
    let declined = false;
    const asked: Asked = ({ kind }) => {
      if (kind !== 'run' || declined) return null;
      declined = true;
      return { kind: 'declined', reason: 'more subtasks' };
    };
    expect((await driveJob({ ...options, outside: outside(asked) })).kind).toBe('finished');
    expect(options.runner.plans.map((plan) => plan.replan)).toEqual(['more subtasks']);
  });

  test('the last of two drivers to write is fenced, and told that it was its own session', async () => {
    const world = newWorld(upTo(4));
    const { carry, session } = await suspendedAt(world, 'run');
    const late = optionsOf(world);
    const run = late.runner.run.bind(late.runner);
    late.runner.run = async (...args) => {
      const ran = await run(...args);
      const other = await driveJob({ ...optionsOf(world), resume: carry });
      expect(other).toMatchObject({ kind: 'finished' });
      return ran;
    };
    expect(await driveJob({ ...late, resume: carry })).toMatchObject({ kind: 'fenced', session: null });
    expect(await driveJob({ ...optionsOf(world), resume: carry })).toMatchObject({ kind: 'already' });
    expect(world.sink.out).toEqual(upTo(4));
    expect(session).toBe(carry.session);
  });

  test('a session whose lease another one has is fenced, and so is one that has released it', async () => {
    const world = newWorld(upTo(4));
    const { carry } = await suspendedAt(world, 'run');
    const other = await suspendedAt(world, 'run');
    expect(await driveJob({ ...optionsOf(world), resume: carry })).toMatchObject({
      kind: 'fenced',
      session: other.session,
    });
    const stop = AbortSignal.abort();
    expect((await driveJob({ ...optionsOf(world), resume: other.carry, stop })).kind).toBe('stopped');
    expect(await driveJob({ ...optionsOf(world), resume: other.carry })).toMatchObject({
      kind: 'fenced',
      session: null,
    });
  });

  test("a plan's compare-and-set renews the lease for the driver that made it", async () => {
    const world = newWorld(upTo(10));
    const { carry } = await suspendedAt(world, 'run');
    const first = (await headOf(world)).lease!.owner;
    await suspendedAt(world, 'run', carry);
    expect((await headOf(world)).lease).toMatchObject({ session: carry.session });
    expect((await headOf(world)).lease!.owner).not.toBe(first);
  });

  test('the restart strategy counts on, and says how long to wait', async () => {
    const world = newWorld(upTo(4));
    const settings = { restartStrategy: fixedDelay(2, 700) };
    const hooks = { bounded: true, onRun: () => fail() };
    const fail = (): never => {
      throw new RetryableError('away');
    };
    let carry: Carry | null = null;
    const waits: number[] = [];
    for (;;) {
      const outcome: JobOutcome | Suspended = await driveJob({
        ...optionsOf(world, hooks, settings),
        resume: carry,
        outside: outside(({ kind }) => (kind === 'decide' ? 'suspend' : null)),
      });
      if (outcome.kind !== 'suspended') {
        expect(outcome).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/allows 2 restarts/) });
        break;
      }
      waits.push(outcome.waitMs);
      carry = overTheWire(outcome.carry);
    }
    expect(waits).toEqual([700, 700]);
    expect((await driveJob(optionsOf(world))).kind).toBe('finished');
    expect(world.sink.out).toEqual(upTo(4));
  });

  test('a restore that was suspended before its run began begins it once', async () => {
    const world = newWorld(upTo(7));
    // Committed, and nobody has published it.
    await suspendedAt(world, 'publish');
    const { run } = await headOf(world);
    const restore = optionsOf(world, { bounded: true }, { restore: true });
    const before = await driveJob({ ...restore, outside: suspendsAt(['publish'], false) });
    if (before.kind !== 'suspended') throw new Error(before.kind);
    const after = await driveJob({ ...optionsOf(world), resume: before.carry, outside: suspendsAt(['publish'], true) });
    if (after.kind !== 'suspended') throw new Error(after.kind);
    const second = (await headOf(world)).run;
    expect(second > run).toBe(true);
    // What is carried is old: it still says that there is a run to begin.
    expect((await driveJob({ ...optionsOf(world), resume: before.carry })).kind).toBe('finished');
    expect((await headOf(world)).run).toBe(second);
    expect(world.sink.out).toEqual(upTo(7));
  });
});

describe('folding outside', () => {
  const fold = { due: 2, overdue: 5, where: 'outside' } as const;
  const sums = (world: KitWorld) => optionsOf(world).runner;
  const folds = (world: KitWorld, word: string) =>
    foldOutside({
      job: 'j',
      store: world.states,
      blobs: world.blobs,
      maxParallelism: 128,
      limits: fold,
      word,
      fold: async ({ base, log }, run, tag) => await sums(world).fold(base, log, run, tag),
    });

  test('the next plan adopts what somebody has folded, and its log goes on behind it', async () => {
    const world = newWorld(upTo(8));
    const kinds: string[] = [];
    const adopted: number[] = [];
    let folding: Promise<void> = Promise.resolve();
    const options = optionsOf(world, { bounded: true }, { maxRows: 1, fold });
    const outcome = await driveJob({
      ...options,
      onEpoch: ({ epoch }) => {
        folding = folds(world, `w${epoch}`).then(({ kind }) => void kinds.push(kind));
      },
      outside: {
        perform: async ({ kind }) => {
          if (kind === 'prepare') await folding;
          expect(kind).not.toBe('fold');
          return null;
        },
      },
    });
    for (const { state } of options.runner.plans) adopted.push(state.base?.epoch ?? 0);
    expect(outcome.kind).toBe('finished');
    expect(kinds.filter((kind) => kind === 'folded')).toHaveLength(2);
    expect(adopted).toEqual([0, 0, 0, 3, 3, 3, 6, 6]);
    expect(options.runner.plans.map(({ state }) => state.log.length)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    const { referred, objects } = await storesOf(world);
    expect(objects).toEqual(referred);
  });

  test('where nobody folds, planning waits for the coordinator once the log is overdue', async () => {
    const world = newWorld(upTo(12));
    const options = optionsOf(world, { bounded: true }, { maxRows: 1, fold });
    expect((await driveJob(options)).kind).toBe('finished');
    expect(Math.max(...options.runner.plans.map(({ state }) => state.log.length))).toBe(4);
  });

  test('a fold that comes too late leaves nothing', async () => {
    const world = newWorld(upTo(6));
    const { carry } = await suspendedAt(world, 'run');
    let slow: Promise<{ readonly kind: string }> | null = null;
    let goOn: () => void = () => {};
    const waits = new Promise<void>((resolve) => (goOn = resolve));
    const options = optionsOf(world, { bounded: true }, { maxRows: 1, fold });
    await driveJob({
      ...options,
      resume: carry,
      onEpoch: ({ epoch }) => {
        if (epoch !== 3) return;
        slow = foldOutside({
          ...{ job: 'j', store: world.states, blobs: world.blobs, maxParallelism: 128, limits: fold },
          fold: async ({ base, log }, run, tag) => {
            const folded = await sums(world).fold(base, log, run, tag);
            await waits;
            return folded;
          },
        });
      },
    });
    goOn();
    expect(await slow!).toEqual({ kind: 'too-late' });
    const { referred, objects, items } = await storesOf(world);
    expect(objects).toEqual(referred);
    expect(items.filter((key) => key.startsWith('fold/'))).toEqual([]);
  });
});
