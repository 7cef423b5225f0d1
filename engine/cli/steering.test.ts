/** A job that runs is told how to be, by another command and from another process. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { decodeHead, encodeHead } from '../checkpoint/head-moves.ts';
import { leaseOwner } from '../embedded/lease-owner.ts';
import { giveCommand } from '../runtime/job-commands.ts';
import { millrace } from './cli-fixture.ts';
import { everything, jsonOf, ROWS, SLOW, Trials, type Trial } from './trial-fixture.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const trials = new Trials();
afterAll(() => trials.remove());

describe('pause and resume', () => {
  it('ends the process after its epoch, keeps others from running the job, and loses nothing', async () => {
    const one = await trials.begin('paused');
    const running = millrace(['run', one.file, ...one.at, ...SLOW]);
    await one.underWay();
    const paused = await millrace(['pause', 'paused', ...one.at]);
    expect(paused).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^Job "paused" is paused after epoch \d+\. `millrace resume paused --state /),
    });
    const ended = await running;
    expect(ended).toMatchObject({
      code: 0,
      out: expect.stringContaining('"paused" is paused. `millrace resume paused`'),
    });

    expect((await millrace(['state', 'paused', ...one.at])).out).toMatch(
      /^Job "paused": paused, between two epochs\n[^]*nobody holds it; last command: pause/,
    );
    const again = await millrace(['run', one.file, ...one.at, '--json']);
    expect(again.code).toBe(0);
    expect(jsonOf(again.out)).toMatchObject({ type: 'result', ending: 'paused', epochs: 0 });
    const before = (await one.rows()).length;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(ROWS);

    const resumed = await millrace(['resume', one.file, ...one.at]);
    expect(resumed).toMatchObject({ code: 0, out: expect.stringContaining('no longer paused') });
    expect((await millrace(['resume', 'paused', ...one.at])).out).toContain('is not paused');
    expect((await millrace(['run', one.file, ...one.at])).out).toContain('has finished');
    expect(await one.rows()).toEqual(everything);
    for (const command of ['pause', 'resume'])
      expect((await millrace([command, 'paused', ...one.at])).out).toContain(`nothing to ${command}`);
  });

  it('waits no longer than it was told, and leaves the command', async () => {
    const one = await trials.begin('deaf');
    expect((await millrace(['run', one.file, ...one.at, ...SLOW], { interruptAt: 'epoch 1' })).code).toBe(130);
    await hold(one, leaseOwner());
    const late = await millrace(['pause', 'deaf', ...one.at, '--timeout', '1']);
    expect([late.code, late.err]).toEqual([
      1,
      expect.stringContaining('"deaf" is not paused after 1 s. The command stays'),
    ]);
    expect(jsonOf((await millrace(['list', ...one.at, '--json'])).out)).toMatchObject({
      status: 'pausing',
      command: 'pause',
    });
    await hold(one, null);
    expect(jsonOf((await millrace(['pause', 'deaf', ...one.at, '--json'])).out)).toMatchObject({ status: 'paused' });
  });

  it('says where it found no job, and which there are', async () => {
    const one = await trials.begin('alone');
    await millrace(['run', one.file, ...one.at]);
    for (const command of ['pause', 'resume', 'cancel'])
      expect(await millrace([command, 'other', ...one.at])).toMatchObject({
        code: 2,
        err: expect.stringMatching(/there is no job "other" in .*: nothing to .*It holds: alone; give another folder/),
      });
  });
});

describe('cancel', () => {
  it('ends a job of another process, whose checkpoint begins a new run', async () => {
    const one = await trials.begin('cancelled');
    const set = ['--set', 'rate=500'];
    const child = spawn(process.execPath, [MAIN, 'run', one.file, ...one.at, ...set, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const exited = new Promise((done) => child.on('close', done));
    await one.underWay();
    expect(await millrace(['cancel', 'cancelled', ...one.at, '--json'])).toMatchObject({
      code: 0,
      out: '{"job":"cancelled","ending":"cancelled","retained":true}\n',
    });
    expect(await exited).toBe(0);
    expect(jsonOf(said.trim().split('\n').at(-1)!)).toMatchObject({ ending: 'cancelled' });
    expect((await millrace(['cancel', 'cancelled', ...one.at])).out).toContain(
      'was cancelled before. Its checkpoint is kept',
    );
    expect((await millrace(['run', one.file, ...one.at])).out).toContain('was cancelled before');
    // The command was to the run that has ended, not to the one that begins.
    expect((await millrace(['run', one.file, ...one.at, '--restore'])).out).toContain('has finished');
    expect(await one.rows()).toEqual(everything);
  });

  it('does it itself where nobody runs the job, paused or not, for which it needs the file', async () => {
    const one = await trials.begin('orphan');
    expect((await millrace(['run', one.file, ...one.at, ...SLOW], { interruptAt: 'epoch 1' })).code).toBe(130);
    await millrace(['pause', 'orphan', ...one.at]);
    const byName = await millrace(['cancel', 'orphan', ...one.at]);
    expect([byName.code, byName.err]).toEqual([2, expect.stringContaining('nobody runs job "orphan"')]);
    expect((await millrace(['cancel', one.file, ...one.at])).out).toContain(
      '"orphan" is cancelled. Its checkpoint is kept',
    );
    expect(jsonOf((await millrace(['state', 'orphan', ...one.at, '--json'])).out)).toMatchObject({
      status: 'cancelled',
      phase: 'cancelled',
    });
  });

  it('that was not obeyed before the process died is obeyed by the next one', async () => {
    const one = await trials.begin('later');
    expect((await millrace(['run', one.file, ...one.at, ...SLOW], { interruptAt: 'epoch 1' })).code).toBe(130);
    await giveCommand(one.store, 'later', 'cancel', 1);
    expect((await millrace(['run', one.file, ...one.at])).out).toContain('"later" was cancelled. Until then');
  });
});

/** As if the process with this identity had the job. */
async function hold({ store }: Trial, owner: string | null): Promise<void> {
  const [job] = await store.listJobs();
  const { version, bytes } = (await store.readHead(job!))!;
  const lease = owner === null ? null : { owner, ttlMs: 60_000, session: 's' };
  expect(await store.casHead(job!, version, encodeHead({ ...decodeHead(job!, bytes), lease }))).toBe('won');
}
