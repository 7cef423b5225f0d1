import { expect, test } from 'vitest';
import { encodeHead, firstHead } from '../../checkpoint/head-moves.ts';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { runId, wallTimeMs } from '../../model/ids.ts';
import { InstantClock } from '../../testing/instant-clock.ts';
import { controlOf, type ControlAnswer } from './control-host.ts';

const ENV = {
  MILLRACE_TABLE: 't',
  MILLRACE_BUCKET: 'b',
  MILLRACE_JOB: 'job',
  MILLRACE_MACHINE: 'stack-job',
  MILLRACE_INPUT: '{}',
};
const CONTEXT = { invokedFunctionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:stack-job-control' };

class Desk {
  readonly clock = new InstantClock();
  readonly store = new MemoryStateStore();
  readonly starts: string[] = [];
  readonly control = controlOf({
    clock: this.clock,
    env: ENV,
    openPorts: () => ({ store: this.store, blobs: new MemoryBlobStore(), quiesce: () => undefined }),
    openStarter: () => ({
      start: async (machine, name) => {
        this.starts.push(`${machine.split(':').at(-1)} ${name}`);
        return 'started';
      },
      quiesce: () => undefined,
    }),
  });

  async give(command: string, more: Readonly<Record<string, unknown>> = {}): Promise<ControlAnswer> {
    return await this.control({ command, ...more }, CONTEXT);
  }
}

test('start, pause, resume: what was said last holds, and the machine is started', async () => {
  const desk = new Desk();
  expect(await desk.give('state')).toEqual({ job: 'job', command: null, started: false, state: null });
  expect(await desk.give('start')).toMatchObject({ command: { number: 1, kind: 'start' }, started: true });
  expect(await desk.give('pause')).toMatchObject({ command: { number: 2, kind: 'stop' }, started: false });
  expect(await desk.give('resume')).toMatchObject({ command: { number: 3, kind: 'start' }, started: true });
  expect(desk.starts.map((one) => one.replace(/\d{4,}$/, 'T'))).toEqual([
    'stack-job command-1-T',
    'stack-job command-3-T',
  ]);
});

test('cancel starts the machine: somebody has to do it', async () => {
  expect(await new Desk().give('cancel')).toMatchObject({ command: { kind: 'cancel' }, started: true });
});

test('where somebody works on the job, nobody else is started', async () => {
  const desk = new Desk();
  const head = firstHead('job', runId('r1'), wallTimeMs(1), { owner: 'another host', ttlMs: 1, session: 's' });
  await desk.store.casHead('job', 0, encodeHead(head));
  expect(await desk.give('start')).toMatchObject({ started: false, command: { kind: 'start' } });
  expect(await desk.give('cancel')).toMatchObject({ started: false, command: { kind: 'cancel' } });
});

test('a machine that stops its job says why', async () => {
  const desk = new Desk();
  const reason = { Error: 'user-code', Cause: 'boom' };
  expect((await desk.give('stop', { reason })).command).toMatchObject({ kind: 'stop', reason: 'user-code: boom' });
  expect((await desk.give('state')).command).toMatchObject({ reason: 'user-code: boom' });
  expect((await desk.give('start')).command).not.toHaveProperty('reason');
});

test('savepoints are refused in words, and so is what is no command', async () => {
  await expect(new Desk().give('savepoint')).rejects.toThrow('savepoints are not there yet');
  await expect(new Desk().give('dance')).rejects.toThrow('command is one of start, resume, stop, pause, cancel, state');
});
