/** Crashes at every named point, lost answers, failing attempts. */
import { describe, expect, test } from 'vitest';
import { exponentialDelay, failureRate, fixedDelay, none } from '../model/restart-strategy.ts';
import { ConfigError, RetryableError, UserCodeError } from '../model/errors.ts';
import { headOf, newWorld, optionsOf, storesOf, upTo, type KitWorld, type RunnerHooks } from './coordinator-kit.ts';
import { runJob } from './coordinator.ts';
import { CRASH_POINTS, InjectedCrash, type CrashPoint } from './crash-point.ts';
import { AttemptFailure } from './epoch-runner.ts';
import { readJobState } from './job-state-reader.ts';

/** Everything that is referred to is there, and nothing else is. */
async function expectClean(world: KitWorld): Promise<void> {
  const { referred, objects, items } = await storesOf(world);
  expect(objects).toEqual(referred);
  for (const key of items) expect(key).toMatch(/^(manifest|fold)\//);
}

describe('crashes and lost answers', () => {
  for (const point of CRASH_POINTS) {
    for (const nth of [1, 2, 3]) {
      test(`killed at ${point}:${nth}, the job goes on exactly once`, async () => {
        const world = newWorld(upTo(100));
        let passed = 0;
        const crashPoint = (name: CrashPoint): void => {
          if (name === point && ++passed === nth) throw new InjectedCrash(`killed at ${name}`);
        };
        // A fold is due after 65 epochs: one record an epoch.
        const died = await runJob(optionsOf(world, { bounded: true, crashPoint }, { maxRows: 1 })).then(
          () => 'no',
          (error: unknown) => String(error),
        );
        const once = ['claim-cas', 'stamped', 'stamp-cas', 'fold-written', 'fold-cas', 'end-cas'].includes(point);
        expect(died).toBe(once && nth > 1 ? 'no' : `InjectedCrash: killed at ${point}`);
        const outcome = await runJob(optionsOf(world, { bounded: true }, { maxRows: 1 }));
        expect(['finished', 'already']).toContain(outcome.kind);
        expect(world.sink.out).toEqual(upTo(100));
        if (outcome.kind === 'finished') await expectClean(world);
      });
    }
  }

  for (const landed of [true, false]) {
    test(`a compare-and-set whose answer is lost, ${landed ? 'landed' : 'not landed'}, at any place`, async () => {
      for (let at = 1; at <= 11; at++) {
        const world = newWorld(upTo(10));
        world.states.unknown = { at, landed };
        expect((await runJob(optionsOf(world))).kind, `at ${at}`).toBe('finished');
        expect(world.sink.out).toEqual(upTo(10));
        await expectClean(world);
      }
    });
  }

  test('a store that never answers a compare-and-set is given up by the restart strategy', async () => {
    const world = newWorld(upTo(3));
    world.states.casHead = async () => {
      throw new RetryableError('disk full');
    };
    const outcome = await runJob(optionsOf(world));
    expect(outcome).toMatchObject({ kind: 'failed' });
    expect(outcome.kind === 'failed' && outcome.error).toBeInstanceOf(RetryableError);
  });

  test('a publication that times out is repeated, never believed', async () => {
    const world = newWorld(upTo(6));
    let failures = 2;
    const onPublish = () => {
      if (failures-- > 0) throw new RetryableError('timeout');
    };
    expect((await runJob(optionsOf(world, { bounded: true, onPublish }))).kind).toBe('finished');
    expect(world.sink.out).toEqual(upTo(6));
  });

  const away = (times: number, failure: () => Error, during?: () => void) => () => {
    if (times-- <= 0) return;
    during?.();
    throw failure();
  };
  const timeout = () => new RetryableError('no broker answers');

  test('a target that is away for longer than the restart budget makes the job pause, say so, and lose nothing', async () => {
    const world = newWorld(upTo(6));
    const notices: string[] = [];
    const options = optionsOf(
      world,
      { bounded: true, onPublish: away(20, timeout) },
      { restartStrategy: fixedDelay(1, 5) },
    );
    const outcome = await runJob({ ...options, onNotice: (text) => notices.push(text) });
    expect(outcome.kind).toBe('finished');
    expect(world.sink.out).toEqual(upTo(6));
    expect(
      notices.filter((text) => text.startsWith('a committed epoch could not be published; the job pauses')),
    ).toHaveLength(20);
  });

  test.for([
    ['the strategy is "none"', none(), timeout],
    ['the failure is not one of a target that is away', fixedDelay(1, 5), () => new TypeError('a bug')],
  ] as const)(
    'a publication that fails is given up where %s; a later run publishes',
    async ([, restartStrategy, failure]) => {
      const world = newWorld(upTo(6));
      const onPublish = away(20, failure);
      expect(await runJob(optionsOf(world, { bounded: true, onPublish }, { restartStrategy }))).toMatchObject({
        kind: 'failed',
        epochs: 0,
      });
      expect(await headOf(world)).toMatchObject({ lease: null, phase: { kind: 'committed' } });
      expect((await runJob(optionsOf(world))).kind).toBe('finished');
      expect(world.sink.out).toEqual(upTo(6));
    },
  );

  test('a job that goes on tells its sinks what is published; first it publishes what is still to be', async () => {
    const told: number[] = [];
    const run = async (world: ReturnType<typeof newWorld>, hooks: Parameters<typeof optionsOf>[1]): Promise<string> => {
      const options = optionsOf(world, { bounded: true, ...hooks }, { restartStrategy: none() });
      Object.assign(options.runner, { resume: async (_: string, epoch: number) => told.push(epoch) });
      return (await runJob(options)).kind;
    };
    const unpublished = newWorld(upTo(6));
    expect(await run(unpublished, { onPublish: away(1, timeout) })).toBe('failed');
    expect(await headOf(unpublished)).toMatchObject({ epoch: 1, phase: { kind: 'committed' } });
    expect(told).toEqual([0]);
    expect(await run(unpublished, { onPublish: away(1, timeout) })).toBe('failed');
    expect(told).toEqual([0]);
    expect(await run(unpublished, {})).toBe('finished');
    expect(told).toEqual([0, 1]);

    const published = newWorld(upTo(8));
    const onRun = (plan: { epoch: number }) => {
      if (plan.epoch === 2) throw new RetryableError('no memory');
    };
    expect(await run(published, { onRun })).toBe('failed');
    expect(await headOf(published)).toMatchObject({ epoch: 1, phase: { kind: 'running' } });
    expect(await run(published, {})).toBe('finished');
    expect(told).toEqual([0, 1, 0, 1]);
  });

  test.for([
    ['stop', exponentialDelay()],
    ['stop', failureRate(1, 10, 100_000)],
    ['cancel', fixedDelay(1_000_000, 7)],
  ] as const)(
    'a %s is not kept waiting for ever by a strategy without an end: %o',
    async ([request, restartStrategy]) => {
      const world = newWorld(upTo(6));
      const asked = new AbortController();
      let tries = 0;
      let sinceMs = 0;
      const onPublish = away(1e6, timeout, () => {
        if (++tries !== 10) return;
        asked.abort();
        sinceMs = world.clock.ms;
      });
      const options = optionsOf(world, { bounded: true, onPublish }, { restartStrategy });
      const outcome = await runJob({ ...options, [request]: asked.signal });
      expect(outcome).toMatchObject({ kind: 'failed', epochs: 0 });
      expect(outcome.kind === 'failed' && outcome.reason).toMatch(
        /no broker answers.*asked to end.*failed for 30 s.*next run publishes it/,
      );
      expect(world.clock.ms - sinceMs).toBe(30_000);
      expect(await headOf(world)).toMatchObject({ lease: null, phase: { kind: 'committed' } });
      expect((await runJob(optionsOf(world))).kind).toBe('finished');
      expect(world.sink.out).toEqual(upTo(6));
    },
  );

  test('a stop ends the waiting for a target that is away', async () => {
    const world = newWorld(upTo(6));
    const stop = new AbortController();
    let asked = 0;
    const onPublish = away(1000, timeout, () => {
      if (++asked === 10) stop.abort();
    });
    const options = optionsOf(world, { bounded: true, onPublish }, { restartStrategy: fixedDelay(2, 5) });
    expect(await runJob({ ...options, stop: stop.signal })).toMatchObject({ kind: 'failed', epochs: 0 });
    expect(asked).toBe(12);
    expect((await runJob(optionsOf(world))).kind).toBe('finished');
    expect(world.sink.out).toEqual(upTo(6));
  });
});

describe('failures of attempts', () => {
  const failing = (times: number, failure: () => AttemptFailure) => {
    let left = times;
    return () => {
      if (left-- > 0) throw failure();
    };
  };
  const rangesTo = (to: number) => [
    { id: 's/0', from: 0, to, state: { generators: {}, watermark: 0, idleSince: null, ended: false } },
  ];

  test('a retry runs the same ranges at the same clock under a new generation', async () => {
    const world = newWorld(upTo(5));
    const onRun = failing(
      1,
      () => new AttemptFailure(new RetryableError('x'), { ranges: rangesTo(2), poison: null, retryable: true }),
    );
    const options = optionsOf(world, { bounded: true, onRun });
    await runJob(options);
    const [first, second] = options.runner.plans;
    expect(second!.splits[0]).toMatchObject({ from: 0, to: 2 });
    expect(second!.clock).toBe(first!.clock);
    expect(second!.generation).toBe(first!.generation + 1);
    expect(second!.replan).toBeNull();
    expect(world.sink.out).toEqual(upTo(5));
    expect(world.clock.slept).toEqual([10]);
  });

  test('a source is told the splits of a first epoch that is read again, also by another process', async () => {
    const world = newWorld(upTo(5));
    const told: string[][] = [];
    const run = async (hooks: RunnerHooks): Promise<unknown> => {
      const options = optionsOf(world, { bounded: true, ...hooks });
      const { runner } = options;
      const discover = runner.discover.bind(runner);
      Object.assign(runner, {
        discover: async (known: ReadonlyMap<string, unknown>) => {
          told.push([...known.keys()]);
          return await discover();
        },
      });
      return await runJob(options).catch((thrown: unknown) => thrown);
    };
    const onRun = failing(
      1,
      () => new AttemptFailure(new RetryableError('x'), { ranges: rangesTo(2), poison: null, retryable: true }),
    );
    let runs = 0;
    const dies = (name: CrashPoint): void => {
      if (name === 'run-started' && ++runs === 2) throw new InjectedCrash(name);
    };
    expect(await run({ onRun, crashPoint: dies })).toBeInstanceOf(InjectedCrash);
    await run({});
    expect(told.slice(0, 4)).toEqual([[], ['s/0'], ['s/0'], ['s/0']]);
    expect(world.sink.out).toEqual(upTo(5));
  });

  test('after three failures with the same ranges the epoch is cut smaller, and it is recorded', async () => {
    const world = newWorld(upTo(5));
    const limits: number[] = [];
    let left = 4;
    const onRun = (_plan: unknown, budget: { maxRows: number }) => {
      limits.push(budget.maxRows);
      if (left-- > 0)
        throw new AttemptFailure(new RetryableError('x'), { ranges: rangesTo(5), poison: null, retryable: true });
    };
    const options = optionsOf(world, { bounded: true, onRun }, { maxRows: 5000 });
    await runJob(options);
    expect(limits.slice(0, 5)).toEqual([5000, 5000, 5000, 1000, 100]);
    expect(options.runner.plans[3]!.replan).toMatch(/cut smaller/);
    const manifest = (await readJobState(world.states, world.blobs, 'j'))!.epochs.at(-1)!;
    expect(manifest).toMatchObject({ attempts: 5, counts: { replans: 2 } });
    expect(world.sink.out).toEqual(upTo(5));
  });

  test('poison records are skipped by recorded re-plans that cost no restart', async () => {
    const world = newWorld(upTo(8));
    const onRun = (plan: { skip: readonly { position: number }[]; epoch: number }) => {
      for (const bad of [1, 2]) {
        if (plan.epoch === 1 && !plan.skip.some((s) => s.position === bad))
          throw new AttemptFailure(new UserCodeError('bad record'), {
            ranges: rangesTo(3),
            poison: { split: 's/0', position: bad, operator: 'map', error: 'bad' },
            retryable: true,
          });
      }
    };
    const options = optionsOf(world, { bounded: true, onRun }, { hasDeadLetters: true, restartStrategy: none() });
    expect((await runJob(options)).kind).toBe('finished');
    expect(world.sink.out).toEqual([0, 3, 4, 5, 6, 7]);
    expect(options.runner.plans[2]!.replan).toMatch(/s\/0:2.*"map"/);
    const first = (await readJobState(world.states, world.blobs, 'j'))!.epochs.at(-1)!;
    expect(first.counts).toMatchObject({ replans: 2, skipped: 2 });
  });

  test('without a dead-letter output, and past the restart strategy, the job fails with its cause; a later run continues', async () => {
    const world = newWorld(upTo(8));
    const onRun = (plan: { epoch: number }) => {
      if (plan.epoch === 2)
        throw new AttemptFailure(new UserCodeError('bad record'), {
          ranges: null,
          poison: { split: 's/0', position: 4, operator: 'map', error: 'bad' },
          retryable: true,
        });
    };
    const outcome = await runJob(optionsOf(world, { bounded: true, onRun }, { restartStrategy: fixedDelay(2, 5) }));
    expect(outcome).toMatchObject({ kind: 'failed', epochs: 1 });
    expect(outcome.kind === 'failed' && outcome.error).toBeInstanceOf(UserCodeError);
    expect(await headOf(world)).toMatchObject({ lease: null, phase: { kind: 'running' }, epoch: 1 });
    expect(
      (await runJob(optionsOf(world, undefined, {}, { lease: { owner: 'x', isAlive: () => 'alive' } }))).kind,
    ).toBe('finished');
    expect(world.sink.out).toEqual(upTo(8));
  });

  test('what cannot get better is not tried again', async () => {
    const world = newWorld(upTo(8));
    const onRun = () => {
      throw new AttemptFailure(new ConfigError('no such file'), { ranges: null, poison: null, retryable: false });
    };
    const outcome = await runJob(optionsOf(world, { bounded: true, onRun }, { restartStrategy: exponentialDelay() }));
    expect(outcome.kind === 'failed' && outcome.error).toBeInstanceOf(ConfigError);
    expect(world.clock.slept).toEqual([]);
  });

  test('an ack that does not fit its plan fails the job and releases the lease', async () => {
    const world = newWorld(upTo(8));
    const options = optionsOf(world);
    const run = options.runner.run.bind(options.runner);
    options.runner.run = async (plan, attempt, budget) => {
      const answer = await run(plan, attempt, budget);
      return { ...answer, ack: { ...answer.ack, ranges: [{ ...answer.ack.ranges[0]!, from: 1 }] } };
    };
    expect(await runJob(options)).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/E1/) });
    expect((await headOf(world)).lease).toBeNull();
  });
});
