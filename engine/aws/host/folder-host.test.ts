/** The folder beside the coordinator: started when the log has grown, once in a while; what it leaves is in the next plan. */
import { expect, test } from 'vitest';
import { readHead, readManifest } from '../../runtime/job-records.ts';
import { MemoryInvoker } from '../../testing/memory-invoker.ts';
import { coordinatorOf } from './coordinator-host.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { FannedOutWorld } from './fanned-out-world-fixture.ts';
import { folderOf } from './folder-host.ts';

const CONTEXT = { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 };

test('is started when the log has grown, and not again while it may still be at it', async () => {
  const world = new FannedOutWorld('fused', { epochMs: 4_000 });
  const folder = folderOf(world.job, world.host);
  const outcomes: string[] = [];
  const invoker = new MemoryInvoker({
    folder: async (event) => {
      const answer = await folder(event, CONTEXT);
      outcomes.push(answer.outcome);
      return answer;
    },
  });
  let starts = 0;
  const start = invoker.start.bind(invoker);
  invoker.start = async (name, event) => {
    starts += 1;
    await start(name, event);
  };
  const host = {
    ...world.host,
    env: { ...world.host.env, MILLRACE_FOLDER: 'folder' },
    openInvoker: () => Object.assign(invoker, { quiesce: () => undefined }),
  };
  const coordinator = coordinatorOf(world.job, host);
  const input = { settings: { mode: 'fused', epochMs: '4000' } };
  let last: CoordinatorAnswer | null = null;
  const lengths: number[] = [];
  for (let epoch = 0; epoch < 45; epoch++) {
    world.filled(8, epoch * 8);
    last = await coordinator({ execution: 'mine', input, carry: last?.carry ?? null }, CONTEXT);
    expect(last).toMatchObject({ status: 'continue', epochs: 1, error: null });
    const head = (await readHead(world.store, 'sums'))!.head;
    lengths.push((await readManifest(world.store, 'sums', head.manifest!)).state.log.length);
    // It takes a while.
    if (epoch % 5 === 4) await invoker.runStarted();
    world.clock.advance(last.waitSeconds * 1000);
  }
  expect(outcomes[0]).toBe('folded');
  expect(starts).toBeLessThanOrEqual(3);
  expect(Math.max(...lengths)).toBeLessThan(40);
  expect(lengths.at(-1)).toBeLessThan(Math.max(...lengths));
  world.source.end();
  expect(await coordinator({ execution: 'mine', input, carry: last!.carry }, CONTEXT)).toMatchObject({
    status: 'finished',
  });
});

test('late, or without anything to fold, it does nothing', async () => {
  const world = new FannedOutWorld('fused').filled(8);
  const folder = folderOf(world.job, world.host);
  expect(await folder({ input: {} }, CONTEXT)).toEqual({ outcome: 'not-wanted' });
  world.source.end();
  await world.walk();
  expect(await folder({ execution: 'mine', input: {} }, CONTEXT)).toEqual({ outcome: 'not-wanted' });
});
