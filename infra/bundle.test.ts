/** What goes into a function: enough to start, and not much more. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleFunction } from './bundle.ts';

/** Lambda loads it with every cold start. */
const MOST_BYTES = 3_000_000;
const KAFKA_JOB = 'functions/hourly-revenue.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function load(code: string): Promise<Readonly<Record<string, unknown>>> {
  const file = join(folder, 'index.mjs');
  await writeFile(file, code);
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
}

test('a coordinator with its job starts with nothing else around, and stays small', async () => {
  const { code, bytes, contents } = await bundleFunction('coordinator', KAFKA_JOB);
  expect(bytes).toBeLessThan(MOST_BYTES);
  const files = contents.map(({ file }) => file);
  expect(files).toContain('engine/runtime/coordinator.ts');
  expect(files).toContain(KAFKA_JOB);
  expect(files).not.toContain('functions/lambda/job.ts');
  // What the job does not reach.
  for (const other of [
    'engine/connectors/jdbc/',
    'node_modules/pg/',
    'node_modules/mysql2/',
    'engine/testing/',
    'engine/cli/',
  ])
    expect(
      files.filter((file) => file.startsWith(other)),
      other,
    ).toEqual([]);
  const { handler } = await load(code);
  expect(handler).toBeTypeOf('function');
  const answer = await (handler as (event: unknown, context: unknown) => Promise<unknown>)(
    {},
    { awsRequestId: 'r', getRemainingTimeInMillis: () => 1_000 },
  );
  expect(answer).toMatchObject({ status: 'failed', job: 'hourly-revenue', error: { code: 'config' } });
});

test('control has no job and no engine in it', async () => {
  const { bytes, contents } = await bundleFunction('control');
  expect(bytes).toBeLessThan(MOST_BYTES / 3);
  const engine = contents.filter(({ file }) => file.startsWith('engine/operators/'));
  expect(engine).toEqual([]);
});

test('a job file that is not there is refused', async () => {
  await expect(bundleFunction('coordinator', 'functions/none.ts')).rejects.toThrow(
    'there is no job file "functions/none.ts"',
  );
});

test('a module that is missing is refused, by name', async () => {
  const file = join(folder, 'job.ts');
  await writeFile(file, "import { x } from 'nowhere-at-all';\nexport const job = x;\n");
  await expect(bundleFunction('coordinator', file)).rejects.toThrow('nowhere-at-all');
});
