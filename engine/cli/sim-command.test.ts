/** `millrace sim` as its users see it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCli } from './program.ts';

const ENTRY = new URL('../index.ts', import.meta.url).href;
let folder = '';
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-sim-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sim(build: string, ...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const file = join(folder, `job-${files++}.ts`);
  await writeFile(
    file,
    `import { defineJob } from ${JSON.stringify(ENTRY)};\nexport const job = defineJob({ name: 'counts', config: { rows: 30 }, build(env, { rows }) { ${build} } });\n`,
  );
  let out = '';
  let err = '';
  const code = await runCli(['sim', file, ...options], {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    stdin: (async function* () {})(),
    env: {},
    nowMs: () => 0,
    onInterrupt: () => () => undefined,
  });
  return { code, out: out.replaceAll(file, 'job.ts'), err };
}

const ROWS = `env.fromData(...Array.from({ length: rows }, (_, i) => ({ k: 'k' + (i % 3), n: i })))`;

test('a job that is right: exit code 0', async () => {
  const { code, out, err } = await sim(`${ROWS}.keyBy('k').sum('n').print();`, '--seeds', '5', '--set', 'rows=12');
  expect([code, err]).toEqual([0, '']);
  expect(out).toMatch(/^5 seeds: \d+ epochs, \d+ deaths, 60 rows out; 0 failed\n$/);
});

test('a job that keeps what it must not: what differs, how to see it again, exit code 1', async () => {
  const { code, out } = await sim(`let n = 0; ${ROWS}.map(() => ++n).print();`, '--seeds', '20');
  expect(code).toBe(1);
  const [failed, sink] = out.split('\n');
  expect(failed).toMatch(/^seed \d+ FAILED: rows per epoch: /);
  expect(sink).toMatch(/^sink "print-to-std-out-\d+"$/);
  expect(out).toMatch(/ {2}only without faults: epoch +\d+: \d+ @ no timestamp\n/);
  const again = / {2}again: millrace sim job\.ts --seed (\d+)\n/.exec(out)![1]!;
  expect(out).toMatch(/; 3 failed\n$/);
  const alone = await sim(`let n = 0; ${ROWS}.map(() => ++n).print();`, '--seed', again);
  expect([alone.code, alone.out.startsWith(failed!)]).toEqual([1, true]);
});

test('processing time hangs on the cut: --any-cut shows it', async () => {
  const job = `${ROWS}.process((row, ctx, out) => out.collect(ctx.currentProcessingTime())).print();`;
  expect((await sim(job, '--seeds', '5')).code).toBe(0);
  const { code, out } = await sim(job, '--seeds', '5', '--any-cut');
  expect(code).toBe(1);
  expect(out).toContain('--any-cut\n');
});

test('a job without an end is refused', async () => {
  const endless = `const source = { description: 'a clock', bounded: false, async validate() {}, async discover() { return []; }, async open() { throw 0; } };
    env.fromSource(source, { rule: { kind: 'none' }, assigner: null, idlenessMs: null, alignment: null } as never, 'ticks').print();`;
  const { code, err } = await sim(endless);
  expect(code).toBe(2);
  expect(err).toMatch(/source "ticks" \(a clock\) of job "counts" has no end/);
});
