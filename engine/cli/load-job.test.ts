import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadJob } from './load-job.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-job-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const JOB = "{ name: 'j', config: {}, __millraceJob: 1, instantiate() {} }";

it('takes the default export or the export "job", and a report', async () => {
  expect((await loadJob(await fileOf('a.mjs', `export default ${JOB};`))).job.name).toBe('j');
  const loaded = await loadJob(await fileOf('b.mjs', `export const job = ${JOB}; export const report = () => 'done';`));
  expect([
    loaded.job.name,
    loaded.report?.({ job: 'j', epochs: 1, durationMs: 1, ending: 'finished', counts: {} }, {}),
  ]).toEqual(['j', 'done']);
});

it.each([
  ['missing', null, /there is no job file "none\.ts" \(in .*\)/],
  [
    'no job',
    "export const x = 1, job = { name: 'j' };",
    /exports no job\. Write `export const job = defineJob.*It exports: (?:job, x|x, job)\./,
  ],
  ['nothing', '', /It exports: nothing\./],
  ['an import that is not there', "import './nowhere.mjs';", /cannot be imported: .*nowhere\.mjs/],
  ['a throw', "throw new Error('boom');", /cannot be imported: boom/],
  [
    'a report that is no function',
    `export const job = ${JOB}; export const report = 'x';`,
    /"report" that is no function/,
  ],
])('refuses a job file: %s', async (name, text, message) => {
  const file = text === null ? 'none.ts' : await fileOf(`${name.replaceAll(' ', '-')}.mjs`, text);
  await expect(loadJob(file)).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(message) });
});

it('refuses what is no module', async () => {
  await expect(loadJob(folder)).rejects.toThrow(/is no job file/);
  await expect(loadJob(await fileOf('job.json', '{}'))).rejects.toThrow(/is no job file/);
});
