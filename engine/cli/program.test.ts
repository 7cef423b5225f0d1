/** The command as its users see it: output, errors, exit codes. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CorruptionError, FencedError, RetryableError, UserCodeError } from '../model/errors.ts';
import { millrace, writeJobFile } from './cli-fixture.ts';
import { exitCodeOf } from './exit-codes.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
});
afterAll(() => rm(folder, { recursive: true }));

const jobFile = (name: string, build: string, config?: string, more?: string): Promise<string> =>
  writeJobFile(folder, name, build, config, more);
const state = (name: string): string => join(folder, 'state', name);

describe('usage', () => {
  it('shows help with the exit codes, and the version of nothing', async () => {
    const { code, out } = await millrace(['--help']);
    expect(code).toBe(0);
    for (const word of ['run', 'graph', 'state', 'topics', 'Exit codes:', '130']) expect(out).toContain(word);
  });

  it('answers 2 to wrong usage', async () => {
    for (const args of [
      [],
      ['fly'],
      ['run'],
      ['run', 'x.ts', '--parallelism', '0'],
      ['run', 'x.ts', '--nope'],
      ['topics', 'read'],
    ]) {
      const { code, err } = await millrace(args);
      expect([args, code]).toEqual([args, 2]);
      expect(err).not.toBe('');
    }
  });

  it('has an exit code for each reaction of the runtime', () => {
    const errors = [
      new UserCodeError('x'),
      new RetryableError('x'),
      new FencedError('x'),
      new CorruptionError('x'),
      new Error('x'),
    ];
    expect(errors.map(exitCodeOf)).toEqual([1, 1, 3, 4, 1]);
  });

  it('reports configuration errors without a stack, unless asked to', async () => {
    const { code, err } = await millrace(['graph', 'nowhere.ts']);
    expect(code).toBe(2);
    expect(err).toMatch(/^ConfigError: there is no job file "nowhere\.ts" .*\n$/);
    expect((await millrace(['graph', 'nowhere.ts'], { env: { MILLRACE_DEBUG: '1' } })).err).toMatch(/\n +at /);
  });
});

describe('graph', () => {
  it('prints text, Mermaid and JSON', async () => {
    const file = await jobFile('graphed', "env.fromData(1, 2).map((x) => x + 1).uid('plus').print();");
    expect((await millrace(['graph', file])).out).toMatch(
      /Job "graphed"[^]*Logical graph[^]*uid plus, parallelism 1[^]*Physical graph/,
    );
    expect((await millrace(['graph', file, '--mermaid', '--parallelism', '3'])).out).toMatch(
      /```mermaid\nflowchart LR[^]*× 3/,
    );
    const json = JSON.parse((await millrace(['graph', file, '--json'])).out) as {
      logical: { nodes: { uid: string }[] };
    };
    expect(json.logical.nodes.map((node) => node.uid)).toContain('plus');
  });

  it('says which setting a job does not have, and what it has', async () => {
    const file = await jobFile('set', 'env.fromData(config.n).print();', '{ n: 1 }');
    expect(await millrace(['graph', file, '--set', 'm=1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('has no setting "m". It has: n.'),
    });
    expect(await millrace(['graph', file, '--set', 'n=x'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('"n" is a number'),
    });
  });
});

describe('run and state', () => {
  it('runs a job, prints its report and the accounting, and says that it had finished before', async () => {
    const report = 'export const report = (result, config) => `report: ${result.counts.recordsIn} ${config.n}`;';
    const file = await jobFile(
      'counted',
      'env.fromData(1, 2, 3).filter((x) => x <= config.n).print();',
      '{ n: 1 }',
      report,
    );
    const first = await millrace(['run', file, '--state', state('counted')], { env: { MILLRACE_SET_N: '2' } });
    expect(first.err).not.toContain('Error');
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/report: 3 2\n[^]*"counted" has finished[^]*records read +3\n/);
    const again = await millrace(['run', file, '--state', state('counted')]);
    expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/report: 3 1\n[^]*had finished before/) });

    const shown = await millrace(['state', file, '--state', state('counted')]);
    expect(shown).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Job "counted": finished\n[^]*ended[^]*Epochs, newest first\n +1 /),
    });
    const json = JSON.parse(
      (await millrace(['state', 'counted', '--state', state('counted'), '--json'])).out,
    ) as Record<string, unknown>;
    expect(json).toMatchObject({ job: 'counted', phase: 'finished', totals: { recordsIn: 3 } });
  });

  it('prints JSON lines, one an epoch and a result', async () => {
    const file = await jobFile('jsoned', 'env.fromData(1, 2, 3).print();');
    const { out, code } = await millrace(['run', file, '--state', state('jsoned'), '--json', '--epochs-ms', '50']);
    const lines = out
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { type: string });
    expect(code).toBe(0);
    expect(lines.map((line) => line.type)).toEqual([...lines.slice(1).map(() => 'epoch'), 'result']);
    expect(lines.at(-1)).toMatchObject({ job: 'jsoned', ending: 'finished', counts: { recordsIn: 3 } });
  });

  it('answers 1 when user code throws, and names the operator', async () => {
    const file = await jobFile(
      'throwing',
      "env.setRestartStrategy({ kind: 'none' }); env.fromData(1).map((x) => { throw new Error('boom'); }).name('bad map').print();",
    );
    expect(await millrace(['run', file, '--state', state('throwing')])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/bad map[^]*boom/),
    });
  });

  it('cancels a job that was interrupted, and refuses one that is not there', async () => {
    const file = await jobFile('cancelled', `env.fromData(1, 2, 3).map((n) => n).print();`);
    const none = await millrace(['cancel', file, '--state', state('nowhere')]);
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('nothing to cancel')]);
    expect((await millrace(['run', file, '--state', state('cancelled')])).code).toBe(0);
    const after = await millrace(['cancel', file, '--state', state('cancelled')]);
    expect([after.code, after.out]).toEqual([0, expect.stringContaining('had finished before')]);
  });

  it('answers 130 when it is interrupted, and goes on from there', async () => {
    const run = [
      'run',
      'functions/flight-delays.ts',
      '--state',
      state('interrupted'),
      '--set',
      `output=${join(folder, 'out')}`,
    ];
    const first = await millrace([...run, '--set', 'throttle=20000'], { interruptAt: 'epoch 2' });
    expect(first).toMatchObject({
      code: 130,
      out: expect.stringContaining('was interrupted'),
      err: expect.stringContaining('Interrupted'),
    });
    const second = await millrace(run);
    expect(second).toMatchObject({
      code: 0,
      out: expect.stringMatching(/has finished[^]*records read +27,003\n[^]*re-fired +2,014\n/),
    });
  });

  it('answers 4 when stored state is corrupt, and uses none of it', async () => {
    const file = await jobFile('damaged', 'env.fromData(1).print();');
    expect((await millrace(['run', file, '--state', state('damaged')])).code).toBe(0);
    const heads = join(state('damaged'), 'state', 'jobs', 'damaged', 'head');
    for (const name of await readdir(heads)) {
      const bytes = await readFile(join(heads, name));
      bytes[bytes.length - 2]! ^= 1;
      await writeFile(join(heads, name), bytes);
    }
    for (const args of [
      ['run', file],
      ['state', 'damaged'],
    ]) {
      expect(await millrace([...args, '--state', state('damaged')])).toMatchObject({
        code: 4,
        out: '',
        err: expect.stringMatching(/^CorruptionError: /),
      });
    }
  });

  it('says where it found no state', async () => {
    expect(await millrace(['state', 'unknown', '--state', state('none')])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/there is no state of job "unknown" in .*none\. It holds no job/),
    });
  });
});

describe('topics', () => {
  it('creates, appends, lists and reads', async () => {
    const at = ['--state', state('log')];
    expect(await millrace(['topics', ...at])).toMatchObject({ code: 0, out: '' });
    expect(await millrace(['topics', 'append', 'orders', ...at])).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no topic "orders"'),
    });
    expect((await millrace(['topics', 'create', 'orders', '--partitions', '2', ...at])).out).toBe('orders: created\n');
    expect((await millrace(['topics', 'create', 'orders', '--partitions', '3', ...at])).code).toBe(2);
    expect((await millrace(['topics', 'append', 'orders', ...at], { stdin: 'a\nb\r\nc' })).out).toBe(
      'orders: 3 records appended\n',
    );
    expect((await millrace(['topics', ...at])).out).toBe('orders  2 partitions  3 records  0: [0, 2)  1: [0, 1)\n');
    expect((await millrace(['topics', 'read', 'orders', ...at])).out).toBe('a\nc\nb\n');
    expect((await millrace(['topics', 'read', 'orders', '--partition', '0', '--from', '1', ...at])).out).toBe('c\n');
    expect((await millrace(['topics', 'read', 'orders', '--limit', '1', '--json', ...at])).out).toMatch(
      /"partition":0,"offset":0,.*"key":null,"value":"a"/,
    );
  });

  it('puts records of one key into one partition', async () => {
    const at = ['--state', state('keyed')];
    await millrace(['topics', 'create', 't', '--partitions', '4', ...at]);
    const lines = Array.from({ length: 40 }, (_, i) => JSON.stringify({ id: `k${i % 8}`, i }));
    await millrace(['topics', 'append', 't', '--key', 'id', ...at], { stdin: `${lines.join('\n')}\n` });
    const { out } = await millrace(['topics', 'read', 't', '--json', ...at]);
    const partitions = new Map<string, Set<number>>();
    for (const line of out.trim().split('\n')) {
      const { key, partition } = JSON.parse(line) as { key: string; partition: number };
      partitions.set(key, (partitions.get(key) ?? new Set()).add(partition));
    }
    expect([...partitions.values()].map((set) => set.size)).toEqual(Array.from({ length: 8 }, () => 1));
    expect((await millrace(['topics', 'append', 't', '--key', 'id', ...at], { stdin: 'text\n' })).err).toContain(
      'needs JSON lines',
    );
  });
});

it('marker kafka takes no run that could not be: its marker would stand above all real ones', async () => {
  const args = 'marker kafka --published yes --group g-0 --topic t --job j --sink s --run zzz --epoch 1';
  const { code, err } = await millrace([...args.split(' '), '--bootstrap-server', '127.0.0.1:1']);
  expect([code, err]).toEqual([
    2,
    'ConfigError: --run zzz: no run has such an id. Copy it from the question that the sink stopped with.\n',
  ]);
});
