/** The main job's process, stopped, restored, started twice, killed and damaged: what comes out, and what the exit code says. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../engine/cli/exit-codes.ts';
import { referenceAnswer } from '../functions/flight-delays-reference.ts';
import {
  MAIN_JOB,
  outputFolder,
  REPOSITORY,
  runJobProcess,
  startJob,
  stateFolder,
  type JobProcess,
} from './job-process.ts';
import { standingOf, unreachable } from './state-inspection.ts';
import { multisetOf, publishedFiles, rowsPerSink, sizeOf } from './stored-rows.ts';

/** Rows a second: a run of 18 seconds, longer than any test waits for. */
const SLOW = { throttle: 1500, epochMs: 50 };
const FAST = { throttle: 0 };

const root = mkdtempSync(join(tmpdir(), 'millrace-restore-'));
const running: JobProcess[] = [];
afterAll(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.map(({ exited }) => exited));
  rmSync(root, { recursive: true, force: true });
});

/** Starts the throttled job and waits until it has published some epochs. */
async function startSlowly(folder: string): Promise<JobProcess> {
  const process = startJob({ job: MAIN_JOB, folder, settings: SLOW });
  running.push(process);
  await process.passed('published-cas', 4);
  return process;
}

const finish = (folder: string, ...args: string[]) => runJobProcess({ job: MAIN_JOB, folder, settings: FAST, args });

function newFolder(name: string): string {
  return mkdtempSync(join(root, `${name}-`));
}

/** By a script that shares nothing with the engine. */
const expected = referenceAnswer(join(REPOSITORY, 'functions/data/jan-departures.jsonl.gz'));

function expectEachRowOnce(folder: string): void {
  const rows = rowsPerSink(outputFolder(folder));
  for (const sink of ['delays', 'sessions', 'late'] as const)
    expect(rows.get(sink), sink).toEqual(multisetOf(expected[sink].map((row) => JSON.stringify(row))));
  expect(sizeOf(rows.get('dead-letters')!)).toBe(expected.deadLetters.length);
  expect(rows.get('dead-letters')!.size).toBe(expected.deadLetters.length);
}

const runsOf = (folder: string): string[] =>
  [...new Set(publishedFiles(outputFolder(folder)).map(({ run }) => run))].toSorted();

describe('stopped by SIGTERM, then restored as a new run', () => {
  const folder = newFolder('stopped');
  let oldRun = '';
  let lastEpoch = 0;

  test('the stop finishes and publishes the epoch in work', async () => {
    const process = await startSlowly(folder);
    process.kill('SIGTERM');
    const exit = await process.exited;
    expect(exit.code, exit.stderr).toBe(EXIT.interrupted);
    expect(exit.stdout).toContain('was interrupted');
    const { head, manifest } = (await standingOf(stateFolder(folder)))!;
    expect(head).toMatchObject({ phase: { kind: 'published' }, lease: null });
    const published = publishedFiles(outputFolder(folder));
    const staged = manifest!.staged.map(({ sink }) => sink).toSorted();
    expect(
      published
        .filter(({ epoch }) => epoch === head.epoch)
        .map(({ sink }) => sink)
        .toSorted(),
    ).toEqual(staged);
    expect(manifest!.totals['recordsIn']).toBeLessThan(expected.counts.lines);
    expect(await unreachable(stateFolder(folder))).toEqual([]);
    [oldRun, lastEpoch] = [head.run, head.epoch];
  });

  test('the restored run goes on without losing or repeating a row, under a new name', async () => {
    const exit = await finish(folder, '--restore');
    expect(exit.code, exit.stderr).toBe(EXIT.ok);
    expectEachRowOnce(folder);
    const [first, second, ...more] = runsOf(folder);
    expect([first, more]).toEqual([oldRun, []]);
    expect(second! > oldRun).toBe(true);
    for (const { run, epoch } of publishedFiles(outputFolder(folder))) expect(epoch > lastEpoch).toBe(run === second);
  });

  test('run again, it says that it had finished', async () => {
    const exit = await finish(folder);
    expect(exit.code, exit.stderr).toBe(EXIT.ok);
    expect(exit.stdout).toContain('had finished before');
    expectEachRowOnce(folder);
  });
});

describe('while its owner is alive', () => {
  const folder = newFolder('alive');
  let owner: JobProcess;
  beforeAll(async () => {
    owner = await startSlowly(folder);
  });

  test.for([{ args: ['--restore'] }, { args: [] }])('a start with $args is refused, naming it', async ({ args }) => {
    const exit = await finish(folder, ...args);
    expect(exit.stderr).toContain(`process ${owner.pid}`);
    expect(exit.code).toBe(EXIT.fenced);
  });

  test('killed, it is replaced at once', async () => {
    owner.kill('SIGKILL');
    expect((await owner.exited).signal).toBe('SIGKILL');
    const exit = await finish(folder);
    expect(exit.code, exit.stderr).toBe(EXIT.ok);
    expect(exit.stderr).not.toContain('waits for the lease');
    expectEachRowOnce(folder);
    expect(runsOf(folder)).toHaveLength(1);
  });
});

test('of two processes started at once, one runs: on a new folder, and after the death of its owner', async () => {
  const folder = newFolder('twice');
  for (let round = 0; round < 3; round++) {
    const both = [0, 1].map(() => startJob({ job: MAIN_JOB, folder, settings: SLOW }));
    running.push(...both);
    const loser = await Promise.race(both.map(async ({ exited }, i) => ({ i, exit: await exited })));
    const winner = both[1 - loser.i]!;
    expect(loser.exit.stderr).toContain(`process ${winner.pid}`);
    expect(loser.exit.code).toBe(EXIT.fenced);
    await winner.passed('published-cas', 2);
    winner.kill('SIGKILL');
    expect((await winner.exited).signal).toBe('SIGKILL');
  }
  const exit = await finish(folder);
  expect(exit.code, exit.stderr).toBe(EXIT.ok);
  expectEachRowOnce(folder);
  expect(runsOf(folder)).toHaveLength(1);
});

describe('damaged by one byte', () => {
  const original = newFolder('damaged');

  test('(a job is stopped in the middle)', async () => {
    const process = await startSlowly(original);
    process.kill('SIGTERM');
    expect((await process.exited).code).toBe(EXIT.interrupted);
  });

  test.for<[what: string, folder: string, pattern: RegExp]>([
    ['a state segment', 'blobs/jobs', /state-aircraft-sessions/],
    ['the manifest', 'jobs/flight-delays/items/manifest', /./],
    ['the head', 'jobs/flight-delays/head', /./],
  ])('%s: refused, naming it, and nothing is written', async ([, below, pattern]) => {
    const folder = newFolder('copy');
    cpSync(original, folder, { recursive: true });
    const names = readdirSync(join(stateFolder(folder), 'state', below)).filter((name) => pattern.test(name));
    const name = names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)!;
    flipByte(join(stateFolder(folder), 'state', below, name));
    const before = publishedFiles(outputFolder(folder));
    const exit = await finish(folder);
    expect(exit.code, exit.stderr).toBe(EXIT.corrupt);
    expect(exit.stderr).toContain(basename(name));
    expect(publishedFiles(outputFolder(folder))).toEqual(before);
  });
});

function flipByte(file: string): void {
  const bytes = readFileSync(file);
  const at = Math.floor((bytes.length * 2) / 3);
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(file, bytes);
}
