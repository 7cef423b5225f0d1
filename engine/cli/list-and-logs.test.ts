/** What there is of jobs, and what their runs have said. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { millrace } from './cli-fixture.ts';
import { jsonOf, SLOW, Trials } from './trial-fixture.ts';

const trials = new Trials();
afterAll(() => trials.remove());

describe('list', () => {
  it('shows the jobs of a folder of state folders, and of one of them', async () => {
    const [first, second] = [await trials.begin('listed-a'), await trials.begin('listed-b')];
    await millrace(['run', first.file, ...first.at]);
    await millrace(['run', second.file, ...second.at, ...SLOW], { interruptAt: 'epoch 1' });
    const { out } = await millrace(['list', '--state', trials.root]);
    expect(out).toMatch(/^listed-a +finished +epoch \d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/m);
    expect(out).toMatch(/^listed-b +stopped +epoch \d+/m);
    const [line, ...more] = (await millrace(['list', ...second.at, '--json'])).out.trim().split('\n');
    expect(more).toEqual([]);
    expect(jsonOf(line!)).toMatchObject({
      job: 'listed-b',
      status: 'stopped',
      phase: 'published',
      command: null,
      lease: null,
      state: second.at[1],
      committedAt: expect.any(Number),
    });
    expect(await millrace(['list', '--state', join(trials.folder, 'nowhere')])).toMatchObject({ code: 0, out: '' });
  });
});

describe('logs', () => {
  it('shows what runs have said, as text and as JSON, the last lines, those since a time', async () => {
    const one = await trials.begin('said');
    await millrace(['run', one.file, ...one.at, ...SLOW], { interruptAt: 'epoch 1' });
    const text = (await millrace(['logs', 'said', ...one.at])).out;
    expect(text).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} info {2}the job begins \(restore: false, epochMs: 20\)\n/,
    );
    expect(text).toMatch(/ info {2}epoch 1: \d+ records in, \d+ out\n/);
    expect(text).toMatch(/ info {2}stopped \(epochs: \d+, durationMs: \d+\)\n$/);
    const lines = (await millrace(['logs', one.file, ...one.at, '--json', '--limit', '2'])).out
      .trim()
      .split('\n')
      .map(jsonOf);
    expect(lines).toHaveLength(2);
    expect(lines).toMatchObject([
      {
        kind: 'epoch',
        level: 'info',
        job: 'said',
        run: expect.any(String),
        generation: expect.any(Number),
        pid: process.pid,
        counts: {},
      },
      { kind: 'end', text: 'stopped' },
    ]);
    expect((await millrace(['logs', 'said', ...one.at, '--since', '2999-01-01T00:00:00Z'])).out).toBe('');
    expect((await millrace(['logs', 'said', ...one.at, '--since', '1h'])).out).toBe(text);
    expect((await millrace(['logs', 'said', ...one.at, '--since', 'noon'])).err).toContain(
      '--since noon: write how long ago',
    );
    expect((await millrace(['logs', 'unsaid', ...one.at])).err).toContain('there are no logs of job "unsaid"');
  });

  it('follows a job that runs, until Ctrl-C', async () => {
    const one = await trials.begin('followed');
    const following = millrace(['logs', 'followed', ...one.at, '--follow'], { interruptAt: 'info  finished' });
    await millrace(['run', one.file, ...one.at]);
    const { code, out } = await following;
    expect(code).toBe(0);
    expect(out.trim().split('\n').length).toBe(
      (await millrace(['logs', 'followed', ...one.at])).out.trim().split('\n').length,
    );
  });

  it('tells what failed a job, with its stack', async () => {
    const one = await trials.begin('failing');
    await writeFile(
      one.file,
      (await readFile(one.file, 'utf8'))
        .replace('k: i % 7, i', "k: i > 100 ? (() => { throw new Error('boom'); })() : i, i")
        .replace('env.enable', "env.setRestartStrategy({ kind: 'none' }); env.enable"),
    );
    expect((await millrace(['run', one.file, ...one.at])).code).toBe(1);
    expect((await millrace(['logs', 'failing', ...one.at])).out).toMatch(/ error [^]*boom[^]*\n {2,}at /);
  });
});
