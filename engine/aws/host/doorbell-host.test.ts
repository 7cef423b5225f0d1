import { expect, test } from 'vitest';
import { encodeHead, firstHead } from '../../checkpoint/head-moves.ts';
import type { Head } from '../../checkpoint/records.ts';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { runId, wallTimeMs } from '../../model/ids.ts';
import { giveCommand } from '../../runtime/job-commands.ts';
import { InstantClock } from '../../testing/instant-clock.ts';
import { doorbellOf, type DoorbellAnswer } from './doorbell-host.ts';
import { invocationLease } from './invocation-lease.ts';

const ENV = {
  MILLRACE_TABLE: 't',
  MILLRACE_BUCKET: 'b',
  MILLRACE_JOB: 'job',
  MILLRACE_MACHINE: 'stack-job-epochs',
  MILLRACE_INPUT: '{"settings":{}}',
};
const CONTEXT = { invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:stack-job-doorbell' };
const EVENT = {
  eventSource: 'aws:kafka',
  bootstrapServers: 'b:9092',
  records: { 'orders-0': [{}, {}], 'orders-1': [{}] },
};

class House {
  readonly clock = new InstantClock();
  readonly store = new MemoryStateStore();
  readonly starts: string[] = [];
  open = 0;
  readonly ring = doorbellOf({
    clock: this.clock,
    env: ENV,
    log: () => undefined,
    openPorts: () => ({ store: this.store, blobs: new MemoryBlobStore(), quiesce: () => void (this.open -= 1) }),
    openStarter: () => {
      this.open += 2;
      return {
        start: async (...args) => {
          this.starts.push(args.join(' '));
          return 'started';
        },
        quiesce: () => void (this.open -= 1),
      };
    },
  });

  async rings(event: unknown = EVENT): Promise<DoorbellAnswer['did']> {
    return (await this.ring(event, CONTEXT)).did;
  }

  async head(changes: Partial<Head>): Promise<void> {
    const lease = { owner: 'none', ttlMs: 1, session: 's' };
    const head = { ...firstHead('job', runId('r1'), wallTimeMs(1), lease), lease: null, ...changes };
    const version = (await this.store.readHead('job'))?.version ?? 0;
    await this.store.casHead('job', version, encodeHead(head));
  }

  owner(leftMs: number): string {
    const deadlineMs = this.clock.nowMs() + leftMs;
    return invocationLease({ execution: 'e', request: 'r', deadlineMs }, () => this.clock.nowMs()).owner;
  }
}

test('a sleeping job is started, once for a hundred rings, and its records are not looked at', async () => {
  const house = new House();
  await house.head({ phase: { kind: 'published' } });
  expect(await house.ring(EVENT, CONTEXT)).toEqual({ job: 'job', did: 'rung', records: 3 });
  for (let i = 0; i < 99; i++) expect(await house.rings()).toBe('lately');
  expect(house.starts).toEqual([
    expect.stringMatching(
      /^arn:aws:states:eu-west-1:123456789012:stateMachine:stack-job-epochs ring-\d+ \{"settings":\{\}\}$/,
    ),
  ]);
  house.clock.advance(10_000);
  expect(await house.rings()).toBe('rung');
  expect(new Set(house.starts).size).toBe(2);
  expect(house.open).toBe(0);
});

test('a job that never ran is started; so is one whose records came in another shape', async () => {
  expect(await new House().rings()).toBe('rung');
  expect(await new House().rings(null)).toBe('rung');
});

test('one that somebody works on is left alone, until he must be dead', async () => {
  const house = new House();
  await house.head({ lease: { owner: house.owner(20_000), ttlMs: 4_000, session: 's' } });
  expect(await house.rings()).toBe('awake');
  house.clock.advance(20_001);
  expect(await house.rings()).toBe('rung');
  const elsewhere = new House();
  await elsewhere.head({ lease: { owner: 'another host', ttlMs: 4_000, session: 's' } });
  expect(await elsewhere.rings()).toBe('awake');
});

test('one that is stopped, or has ended, is left alone', async () => {
  const house = new House();
  await giveCommand(house.store, 'job', 'stop', 1);
  expect(await house.rings()).toBe('stopped');
  await giveCommand(house.store, 'job', 'start', 2);
  expect(await house.rings()).toBe('rung');
  for (const kind of ['finished', 'cancelled'] as const) {
    const over = new House();
    await over.head({ phase: { kind } });
    expect(await over.rings()).toBe('ended');
    expect(over.starts).toEqual([]);
  }
});

test('a ring that failed is not taken for one', async () => {
  const house = new House();
  const failing = doorbellOf({
    clock: house.clock,
    env: ENV,
    log: () => undefined,
    openPorts: () => ({ store: house.store, blobs: new MemoryBlobStore(), quiesce: () => undefined }),
    openStarter: () => ({
      start: async () => {
        house.starts.push('tried');
        throw new Error('throttled');
      },
      quiesce: () => undefined,
    }),
  });
  for (let i = 0; i < 2; i++) await expect(failing(EVENT, CONTEXT)).rejects.toThrow('throttled');
  expect(house.starts).toEqual(['tried', 'tried']);
});
