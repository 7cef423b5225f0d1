/** The lease between two paced epochs: what is saved by keeping it, and what may go wrong in between. */
import { describe, expect, test } from 'vitest';
import { giveCommand } from '../../runtime/job-commands.ts';
import { readHead } from '../../runtime/job-records.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { World } from './coordinator-world-fixture.ts';

const INPUT = { input: { settings: { epochMs: '10000' } } };
const headOf = async (world: World) => (await readHead(world.store, 'worked'))!;
const from = (n: number, to: number): number[] => Array.from({ length: to - n }, (_, i) => n + i);

/** An epoch of ten rows, and the wait behind it. */
async function epoch(world: World, carry: unknown = null): Promise<CoordinatorAnswer> {
  const begin = world.sink.values.length;
  for (const n of from(begin, begin + 10)) world.source.push(n);
  const answer = await world.invoke(60, { ...INPUT, carry });
  world.clock.advance(answer.waitSeconds * 1000);
  return answer;
}

describe('between two paced epochs', () => {
  test('the lease stays: an epoch moves the head twice, and is published once', async () => {
    const world = new World();
    let { carry } = await epoch(world);
    for (const number of [2, 3, 4]) {
      const before = await headOf(world);
      expect(before.head).toMatchObject({ epoch: number - 1, phase: { kind: 'committed' } });
      const answer = await epoch(world, carry);
      expect(answer).toMatchObject({ status: 'continue', epoch: number, epochs: 1, error: null });
      const after = await headOf(world);
      expect(after.version).toBe(before.version + 2);
      expect(after.head.lease?.session).toBe(before.head.lease?.session);
      ({ carry } = answer);
    }
    expect(world.sink.values).toEqual(from(0, 40));
  });

  test('another execution is refused, until the one that waits must be dead', async () => {
    const world = new World();
    await epoch(world);
    const { version } = await headOf(world);
    world.source.push(10);
    const tick = { ...INPUT, execution: 'a tick' };
    expect(await world.invoke(60, tick)).toMatchObject({ status: 'busy', epochs: 0 });
    expect((await headOf(world)).version).toBe(version);
    world.clock.advance(96_000);
    // What the dead one had committed is published again: nobody knows that it was.
    expect(await world.invoke(60, tick)).toMatchObject({ status: 'continue', epoch: 2 });
    expect(world.sink.values).toEqual(from(0, 11));
  });

  test('an answer that is lost, and the same invocation once more, change nothing', async () => {
    const world = new World();
    const first = await epoch(world);
    expect((await epoch(world)).epoch).toBe(2);
    expect((await epoch(world, first.carry)).epoch).toBe(3);
    expect((await epoch(world, first.carry)).epoch).toBe(4);
    expect(world.sink.values).toEqual(from(0, 40));
  });

  test('two invocations at once are two drivers of one session', async () => {
    const world = new World();
    const { carry } = await epoch(world);
    for (const n of from(10, 20)) world.source.push(n);
    // The other one comes when the first has planned.
    let other: Promise<CoordinatorAnswer> | null = null;
    const [one, twin] = [world.another(), world.another()];
    world.onRow = (n) => {
      if (n === 12) other ??= twin({ ...INPUT, carry });
    };
    const answers = [await one({ ...INPUT, carry }), await other!];
    for (const answer of answers) expect(answer).toMatchObject({ status: 'continue', epoch: 2, error: null });
    expect(world.sink.values).toEqual(from(0, 20));
  });

  test('an invocation that is killed leaves its session to the next one', async () => {
    const world = new World();
    const { carry } = await epoch(world);
    for (const n of from(10, 20)) world.source.push(n);
    const cas = world.store.casHead.bind(world.store);
    let writes = 0;
    world.store.casHead = async (...of) => {
      if (++writes === 2) throw new Error('killed');
      return await cas(...of);
    };
    const readHeadOfStore = world.store.readHead.bind(world.store);
    world.store.readHead = async (job) => {
      if (writes === 2) throw new Error('killed');
      return await readHeadOfStore(job);
    };
    await world.invoke(60, { ...INPUT, carry }).catch(() => undefined);
    world.store.casHead = cas;
    world.store.readHead = readHeadOfStore;
    expect((await headOf(world)).head).toMatchObject({ epoch: 1, phase: { kind: 'running' } });
    expect(await world.invoke(60, { ...INPUT, carry })).toMatchObject({ status: 'continue', epoch: 2 });
    expect(world.sink.values).toEqual(from(0, 20));
  });

  test.each([
    ['stop', 'stopped', 'published'],
    ['cancel', 'cancelled', 'cancelled'],
  ] as const)('%s is obeyed at once', async (command, status, phase) => {
    const world = new World();
    const { carry } = await epoch(world);
    world.source.push(10);
    await giveCommand(world.store, 'worked', command, world.clock.nowMs());
    expect(await world.invoke(60, { ...INPUT, carry })).toMatchObject({ status, epoch: 1, epochs: 0 });
    expect((await headOf(world)).head).toMatchObject({ phase: { kind: phase }, lease: null });
    expect(world.sink.values).toEqual(from(0, 10));
  });

  test('a job with nothing to read lets its lease go', async () => {
    const world = new World();
    const { carry } = await epoch(world);
    expect(await world.invoke(60, { ...INPUT, carry })).toMatchObject({ status: 'idle', epochs: 0 });
    expect((await headOf(world)).head).toMatchObject({ phase: { kind: 'published' }, lease: null });
    world.source.push(10);
    expect(await world.invoke(60, { ...INPUT, execution: 'a tick' })).toMatchObject({ epochs: 1 });
  });

  test('the next execution goes on with the session of the last one', async () => {
    const world = new World();
    const { carry } = await epoch(world);
    world.source.push(10);
    const before = await headOf(world);
    expect(await world.invoke(60, { ...INPUT, carry, execution: 'renewed' })).toMatchObject({ epoch: 2, epochs: 1 });
    const { head } = await headOf(world);
    expect(head.lease?.session).toBe(before.head.lease?.session);
    expect(head.lease?.owner).toContain('/renewed/');
  });

  test('what is swept is swept all the same: by a long session, and by many short ones', async () => {
    for (const long of [true, false]) {
      const world = new World();
      let carry: unknown = null;
      for (let n = 0; n < 40; n++) {
        ({ carry } = await epoch(world, carry));
        if (long || n % 5 !== 4) continue;
        expect((await world.invoke(60, { ...INPUT, carry })).status).toBe('idle');
        carry = null;
        world.clock.advance(10_000);
      }
      const acks = (await world.store.listItems('worked', 'ack/')).length;
      expect(acks, `${long}`).toBeLessThanOrEqual(20);
    }
  });
});
