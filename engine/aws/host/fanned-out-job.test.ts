/** Fanned-out epochs over the job's functions: whatever happens to invocations, the results are those of fused epochs. */
import { beforeAll, describe, expect, test } from 'vitest';
import { decodeHead } from '../../checkpoint/head-moves.ts';
import type { EpochMode } from '../../index.ts';
import type { Head } from '../../checkpoint/records.ts';
import { giveCommand, type CommandKind } from '../../runtime/job-commands.ts';
import { NO_CARRY } from './carry.ts';
import {
  FannedOutWorld,
  type Fate,
  type Invoked,
  type WalkOptions,
  type WorldOptions,
} from './fanned-out-world-fixture.ts';
import type { SubtaskTask } from './tasks.ts';

const ROWS = 300;
let expected: readonly string[] = [];

beforeAll(async () => {
  const fused = new FannedOutWorld('fused').filled(ROWS);
  fused.source.end();
  await fused.walk();
  expected = fused.results;
});

const headOf = async (world: FannedOutWorld): Promise<Head> =>
  decodeHead('sums', (await world.store.readHead('sums'))!.bytes);

/** Until the job has finished: executions one after another, as ticks start them. */
async function ran(options: WalkOptions = {}, world = new FannedOutWorld('fanned-out')): Promise<FannedOutWorld> {
  world.filled(ROWS / 2);
  for (let execution = 1, ended = false; !ended; execution++) {
    if (execution > 40) throw new Error(`no end: ${world.path.slice(-20).join(', ')}`);
    const last = await world.walk({ ...options, execution: `execution ${execution}` });
    if (last?.status === 'failed') throw new Error(last.error!.message);
    ended = last?.status === 'finished';
    if (world.sink.values.length > 0 && world.source.positions.reduce((a, b) => a + b) < ROWS) {
      world.filled(ROWS / 2, ROWS / 2);
      world.source.end();
    }
    world.clock.advance(61_000);
  }
  return world;
}

test('is what the fused epochs answer', async () => {
  expect(expected.length).toBeGreaterThan(150);
  const world = await ran();
  expect(world.results).toEqual(expected);
  expect(world.path).toEqual([
    'stage 3',
    'stage 3',
    'publish 3',
    'continue',
    'stage 3',
    'stage 3',
    'idle',
    'stage 3',
    'stage 3',
    'publish 3',
    'finished',
  ]);
  expect(await headOf(world)).toMatchObject({ phase: { kind: 'finished' }, lease: null, epoch: 2 });
});

test('everything twice', async () => {
  const world = await ran({ fate: () => 'twice' });
  expect(world.results).toEqual(expected);
});

describe('one invocation', () => {
  const fates: readonly Fate[] = ['never', 'answer lost', 'twice', 'the end'];
  // Of the coordinator, of a subtask of each stage, of a publisher.
  const cases = fates.flatMap((fate) => [1, 2, 5, 6, 9, 10, 13].map((at) => [at, fate] as const));
  test.each(cases)('the %dth: %s', async (at, fate) => {
    const world = await ran({ fate: ({ number }) => (number === at ? fate : undefined) });
    expect(world.results).toEqual(expected);
  });
});

test('every third invocation fails, before or after its work', async () => {
  const world = await ran({
    fate: ({ number }) => (number % 3 === 0 ? (number % 2 === 0 ? 'never' : 'answer lost') : undefined),
  });
  expect(world.results).toEqual(expected);
});

test.each([['text'], [{ format: 2 }], [{ ...NO_CARRY, drive: { session: 7 } }], [[]], [{ ...NO_CARRY, speeds: null }]])(
  'a carry that is %j is a fresh start',
  async (carry) => {
    const world = finite();
    expect(await world.walk({ carry })).toMatchObject({ status: 'finished' });
    expect(world.results).toEqual(expected);
  },
);

function finite(mode: EpochMode = 'fanned-out', options: WorldOptions = {}): FannedOutWorld {
  const world = new FannedOutWorld(mode, options).filled(ROWS);
  world.source.end();
  return world;
}

describe('what is wrong with the job', () => {
  test('is counted from invocation to invocation, and ends it as its restart strategy says', async () => {
    const world = finite();
    let thrown = 0;
    world.onRow = ({ n }) => {
      if (n !== 77) return;
      thrown += 1;
      throw new Error('seventy-seven');
    };
    const answer = await world.walk();
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'user-code' } });
    expect(answer!.error!.message).toContain('seventy-seven');
    expect(answer!.error!.message).toContain('fixedDelay allows 3 restarts');
    expect(thrown).toBe(4);
  });

  test('is counted where an attempt takes most of an invocation', async () => {
    const world = finite('fused', { epochMs: 60_000 });
    world.rowMs = 100;
    let thrown = 0;
    world.onRow = ({ n }) => {
      if (n !== 299) return;
      thrown += 1;
      throw new Error('the last one');
    };
    const answer = await world.walk({ coordinatorSeconds: 50 });
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'user-code' } });
    expect(answer!.error!.message).toContain('fixedDelay allows 3 restarts');
    expect(thrown).toBe(4);
    expect(world.path.filter((status) => status === 'continue').length).toBeGreaterThan(2);
  });

  test('is counted where a restart is delayed for longer than an invocation', async () => {
    const world = finite('fanned-out', { restartMs: 120_000 });
    let thrown = 0;
    world.onRow = ({ n }) => {
      if (n !== 77) return;
      thrown += 1;
      throw new Error('seventy-seven');
    };
    const beganMs = world.clock.monotonicMs();
    const answer = await world.walk({ mostRounds: 40 });
    expect(answer).toMatchObject({ status: 'failed', error: { code: 'user-code' } });
    expect(thrown).toBe(4);
    expect(world.clock.monotonicMs() - beganMs).toBeGreaterThan(360_000);
    // A machine takes a wait without an error for an epoch that is not due, and ends.
    const waits = world.answers.filter(({ waitSeconds }) => waitSeconds === 120);
    expect(waits.map(({ error }) => error?.code)).toEqual(['retryable', 'retryable', 'retryable']);
  });

  test('that goes by itself costs a restart', async () => {
    const world = finite();
    let thrown = 0;
    world.onRow = ({ n }) => {
      if (n === 77 && thrown++ < 2) throw new Error('not yet');
    };
    expect(await world.walk()).toMatchObject({ status: 'finished' });
    expect(world.results).toEqual(expected);
  });

  test('a function that never answers fails the attempt, not the job', async () => {
    const world = finite();
    let failures = 0;
    const fate = ({ function: name, event }: Invoked): Fate | void => {
      const { task } = event as { task?: SubtaskTask };
      if (name === 'subtask' && task?.stage === 'sums' && task.subtask === 1 && failures++ < 2) return 'never';
    };
    expect(await world.walk({ fate })).toMatchObject({ status: 'finished' });
    expect(world.results).toEqual(expected);
  });
});

test('what does not fit the time of a subtask is cut smaller, without a restart', async () => {
  const world = finite();
  world.rowMs = 100;
  // A hundred rows of each subtask take 10 s; so does the interval.
  const answer = await world.walk({ taskSeconds: 4, mostRounds: 400 });
  expect(answer, answer?.error?.message).toMatchObject({ status: 'finished' });
  expect(world.results).toEqual(expected);
  const slow = finite();
  slow.rowMs = 20_000;
  const failed = await slow.walk({ taskSeconds: 4 });
  expect(failed).toMatchObject({ status: 'failed', error: { code: 'config' } });
  expect(failed!.error!.message).toContain('timeoutSeconds');
});

describe('commands in the middle of an epoch', () => {
  const during = (world: FannedOutWorld, kind: CommandKind) => (invoked: Invoked) => {
    if (invoked.number === 6) void giveCommand(world.store, 'sums', kind, world.clock.nowMs());
  };

  test('stop: it is published first', async () => {
    const world = finite();
    expect(await world.walk({ fate: during(world, 'stop') })).toMatchObject({ status: 'finished', epoch: 1 });
    expect(world.results.length).toBeGreaterThan(0);
    expect((await headOf(world)).lease).toBeNull();
  });

  test('cancel: it is dropped', async () => {
    const world = finite();
    expect(await world.walk({ fate: during(world, 'cancel') })).toMatchObject({ status: 'cancelled', epoch: 0 });
    expect(world.results).toEqual([]);
    expect(await headOf(world)).toMatchObject({ phase: { kind: 'cancelled' }, lease: null });
  });
});

test('while it waits for its functions, another execution is refused; when it has ended in the middle, the next one plans anew', async () => {
  const world = finite();
  const express = { secondsLeft: 120 };
  expect(await world.walk({ express, fate: ({ number }) => (number === 7 ? 'the end' : undefined) })).toBeNull();
  const other = await world.walk({ express, execution: 'other' });
  expect(other).toMatchObject({ status: 'busy', epochs: 0 });
  expect(other!.waitSeconds).toBeLessThanOrEqual(60);
  world.clock.advance(306_000);
  expect(await world.walk({ express, execution: 'third' })).toMatchObject({ status: 'finished' });
  expect(world.results).toEqual(expected);
});

test('an execution that is renewed in the middle hands its session on', async () => {
  const world = finite();
  const stage = await world.walk({ mostStatus: 'stage' });
  expect(await world.walk({ execution: 'next', carry: stage!.carry })).toMatchObject({ status: 'finished' });
  expect(world.answers.every(({ status }) => status !== 'busy')).toBe(true);
  expect(world.results).toEqual(expected);
});

test('above 40 subtasks there are groups, one for each dispatcher', async () => {
  const world = finite('fanned-out', { parallelism: 90 });
  expect(await world.walk()).toMatchObject({ status: 'finished' });
  const wide = world.answers.find(({ tree }) => tree)!;
  expect(wide.status).toBe('stage');
  expect(wide.tasks).toHaveLength(40);
  expect(world.results).toEqual(expected);
});

test("publishers that are away leave it to the coordinator; a slot's own failure is the target's", async () => {
  const world = finite();
  const fate = ({ function: name }: Invoked): Fate | void => (name === 'publisher' ? 'never' : undefined);
  expect(await world.walk({ fate })).toMatchObject({ status: 'finished' });
  expect(world.results).toEqual(expected);
});

test('an event that comes once more, long after, changes nothing', async () => {
  const world = finite();
  await world.walk();
  const { length } = world.results;
  for (const { function: name, event } of [...world.invoked]) await world.again(name, event);
  expect(world.results).toHaveLength(length);
  expect(await headOf(world)).toMatchObject({ phase: { kind: 'finished' }, epoch: 1, lease: null });
});
