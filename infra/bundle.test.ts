/** What goes into a function: enough to start, and not much more. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archiveFiles, bundleFunctions, type Bundle } from './bundle.ts';
import type { EntryPoint } from './functions.ts';

/** Lambda loads it with every cold start. */
const MOST_BYTES = 3_000_000;
const KAFKA_JOB = 'functions/hourly-revenue.ts';
const KAFKA_AND_JDBC_JOB = 'functions/flight-delays.ts';
type Handler = (event: unknown, context: unknown) => Promise<unknown>;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function handlerOf(entry: EntryPoint, bundle: Bundle): Promise<Handler> {
  const archive = join(folder, String(bundle.bytes), entry);
  await mkdir(archive, { recursive: true });
  for (const [name, text] of Object.entries(archiveFiles(entry, bundle))) await writeFile(join(archive, name), text);
  const url = pathToFileURL(join(archive, 'index.mjs')).href;
  return ((await import(/* @vite-ignore */ url)) as { readonly handler: Handler }).handler;
}

test('two database drivers and a Kafka client are not too much, and load with nothing else around', async () => {
  const bundle = await bundleFunctions(KAFKA_AND_JDBC_JOB);
  const { bytes, contents } = bundle;
  expect(bytes).toBeLessThan(MOST_BYTES);
  expect(await handlerOf('folder', bundle)).toBeTypeOf('function');
  const files = contents.map(({ file }) => file);
  for (const reached of ['node_modules/pg/', 'node_modules/mysql2/', 'node_modules/kafkajs/'])
    expect(
      files.some((file) => file.startsWith(reached)),
      reached,
    ).toBe(true);
  expect(files.filter((file) => file.startsWith('node_modules/@platformatic/'))).toEqual([]);
});

test('the functions that run a job start with nothing else around, and stay small', async () => {
  const bundle = await bundleFunctions(KAFKA_JOB);
  expect(bundle.bytes).toBeLessThan(MOST_BYTES);
  expect(bundle.entries).toEqual(['coordinator', 'subtask', 'publisher', 'folder']);
  const files = bundle.contents.map(({ file }) => file);
  expect(files).toContain('engine/runtime/drive-job.ts');
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
  const context = { awsRequestId: 'r', getRemainingTimeInMillis: () => 1_000 };
  const coordinator = await handlerOf('coordinator', bundle);
  expect(await coordinator({}, context)).toMatchObject({
    status: 'failed',
    job: 'hourly-revenue',
    error: { code: 'config' },
  });
  const subtask = await handlerOf('subtask', bundle);
  await expect(subtask({}, context)).rejects.toThrow('task is a JSON object');
  for (const entry of ['publisher', 'folder'] as const) expect(await handlerOf(entry, bundle)).toBeTypeOf('function');
});

test('the others are smaller by far, with no job, no operator and no connector in them', async () => {
  const bundle = await bundleFunctions(null);
  expect(bundle.bytes).toBeLessThan(MOST_BYTES / 2.5);
  expect(bundle.entries).toEqual(['dispatcher', 'doorbell', 'control']);
  const files = bundle.contents.map(({ file }) => file);
  expect(files.filter((file) => /^engine\/(?:operators|connectors|api)\//.test(file))).toEqual([]);
  const dispatcher = await handlerOf('dispatcher', bundle);
  await expect(dispatcher({}, {})).rejects.toThrow('task.tasks is a list');
  for (const entry of ['doorbell', 'control'] as const) expect(await handlerOf(entry, bundle)).toBeTypeOf('function');
});

test('a job file that is not there is refused', async () => {
  await expect(bundleFunctions('functions/none.ts')).rejects.toThrow('there is no job file "functions/none.ts"');
});

test('a module that is missing is refused, by name', async () => {
  const file = join(folder, 'job.ts');
  await writeFile(file, "import { x } from 'nowhere-at-all';\nexport const job = x;\n");
  await expect(bundleFunctions(file)).rejects.toThrow('nowhere-at-all');
});
