/** Epochs of some seconds: an invocation reads what there is, and the state machine waits. */
import { describe, expect, test } from 'vitest';
import { giveCommand } from '../../runtime/job-commands.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { World } from './coordinator-world-fixture.ts';

const INPUT = { input: { settings: { epochMs: '10000' } } };

describe('a paced job', () => {
  test('reads what there is and answers with the rest of the interval', async () => {
    const world = new World().filled(100);
    const beganMs = world.clock.monotonicMs();
    const first = await world.invoke(60, INPUT);
    expect(world.clock.monotonicMs() - beganMs).toBe(100 * world.rowMs);
    expect(first).toMatchObject({ status: 'continue', epochs: 1, waitSeconds: 9, nextWakeMs: 9_000, error: null });
    world.clock.advance(9_000);
    for (let n = 0; n < 50; n++) world.source.push(n);
    const { carry } = first;
    const second = await world.invoke(60, { ...INPUT, carry });
    expect(second).toMatchObject({ status: 'continue', epochs: 1, epoch: 2, nextWakeMs: 9_500 });
    expect(world.sink.values).toHaveLength(150);
  });

  test('sleeps when an epoch had nothing', async () => {
    const world = new World().filled(1);
    const { carry } = await world.invoke(60, INPUT);
    const beganMs = world.clock.monotonicMs();
    expect(await world.invoke(60, { ...INPUT, carry })).toMatchObject({ status: 'idle', epochs: 0, waitSeconds: 60 });
    expect(world.clock.monotonicMs()).toBe(beganMs);
    // Nobody waits for it now: who is called because something came runs an epoch.
    world.source.push(2);
    world.clock.advance(500);
    expect(await world.invoke(60, INPUT)).toMatchObject({ status: 'continue', epochs: 1 });
  });

  test('goes on at once while there is more, and is cut by its interval', async () => {
    const world = new World().filled(5_000);
    const answer = await world.invoke(300, INPUT);
    // 50 s of work: five full epochs, cut between two batches.
    expect(answer).toMatchObject({ status: 'continue', epochs: 5, carry: { dueMs: expect.any(Number) as number } });
    expect(world.sink.values).toHaveLength(5_000);
  });

  test('a time that ends the invocation first is no wait', async () => {
    const world = new World().filled(20_000);
    world.rowMs = 2;
    expect(await world.invoke(30, INPUT)).toMatchObject({ status: 'continue', waitSeconds: 0, error: null });
  });

  test('ends with its input', async () => {
    const world = new World().filled(100);
    world.source.end();
    expect(await world.invoke(60, INPUT)).toMatchObject({ status: 'finished', epochs: 1 });
  });

  test('is any job that sets no interval: 10 s', async () => {
    const world = new World().filled(100);
    const input = { settings: { epochMs: '0' } };
    expect(await world.invoke(60, { input })).toMatchObject({ status: 'continue', epochs: 1, waitSeconds: 9 });
  });

  test('keeps its pace on average, whatever an epoch takes', async () => {
    const world = new World();
    const began: number[] = [];
    let last: CoordinatorAnswer | null = null;
    for (let i = 0; i < 30; i++) {
      began.push(world.clock.monotonicMs());
      for (let n = 0; n < 37 + 10 * (i % 3); n++) world.source.push(n);
      last = await world.invoke(60, { ...INPUT, ...(last === null ? {} : { carry: last.carry }) });
      world.clock.advance(last.waitSeconds * 1000 + 130);
    }
    expect(Math.abs((began.at(-1)! - began[0]!) / 29 - 10_000)).toBeLessThan(50);
  });

  test('whose next epoch nobody holds the lease for is left alone until it is due', async () => {
    const world = new World().filled(100);
    const long = { secondsLeft: 120, input: { settings: { epochMs: '70000' } } };
    expect(await world.invoke(60, long)).toMatchObject({ status: 'idle', epochs: 1 });
    world.clock.advance(3_000);
    world.source.push(1);
    const head = (await world.store.readHead('worked'))!.version;
    const tick = { ...long, execution: 'a tick' };
    expect(await world.invoke(60, tick)).toMatchObject({ status: 'idle', epochs: 0, waitSeconds: 66, error: null });
    expect((await world.store.readHead('worked'))!.version).toBe(head);
    world.clock.advance(66_000);
    expect(await world.invoke(60, tick)).toMatchObject({ status: 'idle', epochs: 1 });
  });

  test('that is started again does not wait for the epoch that was due', async () => {
    const world = new World().filled(100);
    const long = { secondsLeft: 120, input: { settings: { epochMs: '600000' } } };
    await world.invoke(60, long);
    world.clock.advance(1_000);
    world.source.push(1);
    await giveCommand(world.store, 'worked', 'start', world.clock.nowMs());
    expect(await world.invoke(60, long)).toMatchObject({ epochs: 1 });
  });

  test('whose interval is longer than its execution sleeps, and is not woken too early', async () => {
    const world = new World().filled(100);
    const long = { secondsLeft: 120, input: { settings: { epochMs: '600000' } } };
    const first = await world.invoke(60, long);
    expect(first).toMatchObject({ status: 'idle', epochs: 1, nextWakeMs: 599_000 });
    // The machine looks once more after work.
    expect(await world.invoke(60, { ...long, carry: first.carry })).toMatchObject({ status: 'idle', epochs: 0 });
    world.clock.advance(300_000);
    expect(await world.invoke(60, long)).toMatchObject({ status: 'idle', epochs: 0 });
    world.source.push(1);
    world.clock.advance(300_000);
    expect(await world.invoke(60, long)).toMatchObject({ epochs: 1 });
  });

  test('whose first record fails is not asleep: it fails as its restart strategy says', async () => {
    const world = new World().filled(3);
    let thrown = 0;
    world.onRow = (n) => {
      if (n === 0 && thrown++ < 2) throw new Error('not yet');
    };
    expect(await world.invoke(300, INPUT)).toMatchObject({ status: 'continue', epochs: 1 });
    expect([thrown, world.sink.values.length]).toEqual([3, 3]);
  });

  test('does not take a question that is not answered yet for nothing', async () => {
    const world = new World().filled(7);
    const open = world.source.open.bind(world.source);
    world.source.open = async (...of) => {
      const reader = await open(...of);
      let asked = 0;
      return {
        get asking() {
          return asked <= 3;
        },
        fill: (rows, to) => (asked++ < 3 ? 'empty' : reader.fill(rows, to)),
        release: (batch) => reader.release(batch),
        endPosition: () => reader.endPosition(),
        close: async () => await reader.close(),
      };
    };
    expect(await world.invoke(60, INPUT)).toMatchObject({ status: 'continue', epochs: 1 });
    expect(world.sink.values).toHaveLength(7);
  });
});
