/** Invocations of the coordinator over ports in memory. */
import { describe, expect, test } from 'vitest';
import { decodeHead, encodeHead } from '../../checkpoint/head-moves.ts';
import { RetryableError } from '../../model/errors.ts';
import { giveCommand } from '../../runtime/job-commands.ts';
import { NO_CARRY } from './carry.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { coordinatorOf } from './coordinator-host.ts';
import { ROWS, SILENT, World } from './coordinator-world-fixture.ts';
import { invocationLease } from './invocation-lease.ts';

describe('time', () => {
  test('epochs are cut so that each invocation answers before its deadline', async () => {
    const world = new World().filled();
    world.source.end();
    const answers: CoordinatorAnswer[] = [];
    while (answers.at(-1)?.status !== 'finished') {
      const beganMs = world.clock.monotonicMs();
      answers.push(await world.invoke(30));
      expect(world.clock.monotonicMs() - beganMs).toBeLessThan(30_000);
    }
    expect(answers.map(({ status, epochs }) => `${status} ${epochs}`)).toEqual([
      'continue 2',
      'continue 2',
      'finished 2',
    ]);
    expect(answers.at(-1)).toMatchObject({ job: 'worked', epoch: 6, waitSeconds: 0, error: null });
    expect(world.sink.values).toEqual(Array.from({ length: ROWS }, (_, n) => n));
  });

  test('a job so slow that no epoch ends gets smaller epochs until one does', async () => {
    const world = new World().filled(300);
    world.source.end();
    world.rowMs = 100;
    const answers = [await world.invoke(8)];
    while (answers.at(-1)!.status === 'continue') {
      const { carry } = answers.at(-1)!;
      answers.push(await world.invoke(8, { carry }));
    }
    expect(answers.slice(0, 4).map(({ carry, epochs }) => [carry.rowLimit, epochs > 0])).toEqual([
      [1_000, false],
      [100, false],
      [10, false],
      [20, true],
    ]);
    expect(answers.at(-1)).toMatchObject({ status: 'finished' });
    expect(world.sink.values).toHaveLength(300);
  });

  test('a single record that takes too long fails the job with a remedy', async () => {
    const world = new World().filled(1);
    world.rowMs = 20_000;
    const answer = await world.invoke(8, { carry: { ...NO_CARRY, rowLimit: 1 } });
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'config' } });
  });
});

test('a target that is away is waited for, from invocation to invocation', async () => {
  const world = new World().filled(100);
  world.source.end();
  world.sink.away = true;
  for (let i = 0; i < 3; i++) {
    const beganMs = world.clock.monotonicMs();
    const answer = await world.invoke(30);
    expect(answer).toMatchObject({ status: 'continue', epochs: 0, waitSeconds: 5, error: { code: 'retryable' } });
    expect(answer.error!.message).toContain('the target is away');
    expect(world.clock.monotonicMs() - beganMs).toBeLessThan(30_000);
    const head = decodeHead('worked', (await world.store.readHead('worked'))!.bytes);
    expect(head).toMatchObject({ phase: { kind: 'committed' }, lease: null });
  }
  world.sink.away = false;
  expect(await world.invoke(30)).toMatchObject({ status: 'finished' });
  expect(world.sink.values).toHaveLength(100);
});

describe('idle', () => {
  test('after a while without input, until the next tick', async () => {
    const world = new World().filled(10);
    const limits = { lingerMs: 500, tickMs: 30_000 };
    const first = await world.invoke(60, { input: { limits } });
    expect(first).toMatchObject({ status: 'idle', epochs: 1, nextWakeMs: 30_000, waitSeconds: 30 });
    const beforeMs = world.clock.monotonicMs();
    expect(await world.invoke(60, { input: { limits } })).toMatchObject({ status: 'idle', epochs: 0 });
    expect(world.clock.monotonicMs() - beforeMs).toBeLessThan(2_000);
    world.source.push(10);
    expect(await world.invoke(60, { input: { limits } })).toMatchObject({ status: 'idle', epochs: 1, epoch: 2 });
    expect(world.sink.values).toHaveLength(11);
  });
});

describe('a process that is used again', () => {
  test('goes on with the job that it has; other settings build another', async () => {
    const world = new World().filled(3);
    await world.invoke(60);
    world.source.push(3);
    await world.invoke(60);
    expect([world.built, world.quiesced]).toEqual([1, 2]);
    world.source.push(4);
    await world.invoke(60, { input: { settings: { double: 'true' } } });
    expect(world.built).toBe(2);
    expect(world.sink.values).toEqual([0, 1, 2, 3, 8]);
  });

  test('settings by reference are read with each invocation', async () => {
    const world = new World().filled(2);
    await world.blobs.create('settings.json', [Buffer.from('{"double":"true"}')]);
    await world.invoke(60, { input: { settingsObject: 'settings.json' } });
    expect(world.sink.values).toEqual([0, 2]);
    const missing = await world.invoke(60, { input: { settingsObject: 'none.json' } });
    expect(missing).toMatchObject({ status: 'failed', error: { code: 'config' } });
    expect(missing.error!.message).toContain('none.json');
  });
});

describe('whose job it is', () => {
  /** The head as an invocation leaves it that was killed. */
  async function killed(world: World, execution: string, leftMs: number): Promise<void> {
    await world.invoke(60);
    const { version, bytes } = (await world.store.readHead('worked'))!;
    const deadlineMs = world.clock.nowMs() + leftMs;
    const { owner } = invocationLease({ execution, request: 'r', deadlineMs }, () => world.clock.nowMs());
    const head = { ...decodeHead('worked', bytes), lease: { owner, ttlMs: 4_000, session: 's' } };
    await world.store.casHead('worked', version, encodeHead(head));
    world.source.push(99);
  }

  test('of another execution, until its deadline: busy', async () => {
    const world = new World().filled(3);
    await killed(world, 'other', 20_000);
    const answer = await world.invoke(60);
    expect(answer).toMatchObject({ status: 'busy', epochs: 0, epoch: 1, nextWakeMs: 20_000, waitSeconds: 20 });
    world.clock.advance(30_000);
    expect(await world.invoke(60)).toMatchObject({ status: 'idle', epochs: 1 });
  });

  test('of an earlier invocation of the same execution: its session goes on', async () => {
    const world = new World().filled(3);
    await killed(world, 'mine', 20_000);
    const beforeMs = world.clock.monotonicMs();
    expect(await world.invoke(60)).toMatchObject({ status: 'idle', epochs: 1 });
    // An epoch and the linger.
    expect(world.clock.monotonicMs() - beforeMs).toBeLessThan(4_000);
  });
});

describe('commands', () => {
  test('stop holds until start; cancel is for good', async () => {
    const world = new World().filled(3);
    await giveCommand(world.store, 'worked', 'stop', 1);
    expect(await world.invoke(60)).toMatchObject({ status: 'stopped', epochs: 0 });
    await giveCommand(world.store, 'worked', 'start', 2);
    expect(await world.invoke(60)).toMatchObject({ status: 'idle', epochs: 1 });
    await giveCommand(world.store, 'worked', 'cancel', 3);
    expect(await world.invoke(60)).toMatchObject({ status: 'cancelled' });
    await giveCommand(world.store, 'worked', 'start', 4);
    expect(await world.invoke(60)).toMatchObject({ status: 'cancelled' });
  });

  test('a stop that comes while an epoch runs lets it be published first', async () => {
    const world = new World().filled();
    let given: Promise<unknown> = Promise.resolve();
    world.onRow = (n) => {
      if (n === 1_500) given = giveCommand(world.store, 'worked', 'stop', 1);
    };
    expect(await world.invoke(600)).toMatchObject({ status: 'stopped', epoch: 2 });
    await given;
    expect(world.sink.values).toHaveLength(2_048);
    expect(decodeHead('worked', (await world.store.readHead('worked'))!.bytes)).toMatchObject({
      phase: { kind: 'published' },
      lease: null,
    });
  });
});

describe('what cannot run', () => {
  test.each([
    [{ input: { settings: { double: 'perhaps' } } }, 'setting "double" is true or false'],
    [{ input: { settings: { double: true } } }, 'settings are texts'],
    [{ input: { limits: { tickMs: 'soon' } } }, 'tickMs is a number'],
    [{ input: [] }, 'input is a JSON object'],
  ])('%j is refused with the reason', async (event, reason) => {
    const answer = await new World().invoke(60, event);
    expect(answer).toMatchObject({ status: 'failed', job: 'worked', error: { code: 'config' } });
    expect(answer.error!.message).toContain(reason);
  });

  test('what may be mended is thrown, by a name that the state machine retries', async () => {
    const world = new World();
    world.away = new RetryableError('the table is away');
    await expect(world.invoke(60)).rejects.toMatchObject({ name: 'Millrace.Retryable', message: 'the table is away' });
    world.away = null;
    expect(await world.invoke(60)).toMatchObject({ status: 'idle' });
  });

  test('a function without a table says which variable is missing', async () => {
    const world = new World();
    const handler = coordinatorOf(world.job, { clock: world.clock, env: {}, log: SILENT });
    const answer = await handler({}, { awsRequestId: 'r', getRemainingTimeInMillis: () => 1_000 });
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'config' } });
    expect(answer.error!.message).toContain('MILLRACE_TABLE');
  });
});
