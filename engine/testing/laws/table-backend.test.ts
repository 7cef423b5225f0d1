/**
 * Law: the state backend changes nothing. Random jobs with the backend `table`, hardly any key in memory and a fold after every epoch or so,
 * give what they give with all state in memory. MILLRACE_LAW_RUNS and MILLRACE_LAW_SEED as in e7.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemoryStateTable } from '../../embedded/memory-state-table.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { cut, jobSpec } from './arbitrary-job-fixture.ts';
import { byEpoch, countsOf } from './law-answers-fixture.ts';
import { buildJob, type JobSpec } from './random-job.ts';
import { runStaged } from './run-staged.ts';

const RUNS = Number(process.env['MILLRACE_LAW_RUNS'] ?? 40);
const SEED = Number(process.env['MILLRACE_LAW_SEED'] ?? Date.now() % 2 ** 31);
const TIMEOUT_MS = 30_000 + RUNS * 1000;

const run = (spec: JobSpec, options: InMemoryOptions): Promise<InMemoryRun> =>
  runInMemory((scope) => buildJob(spec, scope), options);

/** The rows of every sink by epoch and slot, in order. */
const sequences = (result: InMemoryRun): Record<string, string[]> =>
  Object.fromEntries(
    result.sinks.map((sink) => [
      sink,
      result.rows(sink).map((row) => JSON.stringify([row.epoch, row.slot, row.value, row.timestamp])),
    ]),
  );

const UNLIMITED = { residentBytes: Infinity, keysAtOnce: Infinity, keysPerEpoch: Infinity };
/** Keys that stay in memory after an epoch. */
const resident = fc.constantFrom(0, 1, 3, 1000);
const folds = fc.constantFrom(undefined, { due: 0, overdue: 1 }, { due: 2, overdue: 4 });
const onTable = (residentKeys: number, fold: InMemoryOptions['fold'], keysAtOnce = Infinity): InMemoryOptions => ({
  settings: { stateBackend: 'table' },
  tableLimits: { ...UNLIMITED, residentKeys, keysAtOnce },
  ...(fold === undefined ? {} : { fold }),
});

describe(`state backends, ${RUNS} jobs each`, () => {
  test(`fused, any packing, folds, few keys in memory (seed ${SEED})`, { timeout: TIMEOUT_MS }, async () => {
    const given = fc.tuple(
      jobSpec({ late: true, any: true, clock: true }),
      cut,
      resident,
      folds,
      fc.constantFrom(1, 3),
      fc.constantFrom(undefined, 1, 3),
    );
    await fc.assert(
      fc.asyncProperty(given, async ([spec, rowsPerEpoch, residentKeys, fold, subtasks, stopEvery]) => {
        const heap = await run(spec, { rowsPerEpoch, subtasks });
        const stops = stopEvery === undefined ? {} : { stopEvery };
        const table = await run(spec, { rowsPerEpoch, subtasks, ...stops, ...onTable(residentKeys, fold) });
        expect(byEpoch(table)).toEqual(byEpoch(heap));
        expect(sequences(table)).toEqual(sequences(heap));
        expect(table.counts).toEqual(heap.counts);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test(
    `group by group, where not all that is needed fits in memory (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const packing = fc.constantFrom<InMemoryOptions>({ subtasks: 1 }, { subtasks: 3 }, { workers: 3 });
      const given = fc.tuple(
        jobSpec({ late: true, any: true, clock: true }),
        cut,
        resident,
        folds,
        fc.constantFrom(1, 2, 5),
        packing,
      );
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, residentKeys, fold, keysAtOnce, how]) => {
          const heap = await run(spec, { rowsPerEpoch });
          const same = how.workers === undefined ? { rowsPerEpoch } : { cutLike: heap };
          const table = await run(spec, { ...same, ...how, ...onTable(residentKeys, fold, keysAtOnce) });
          expect(byEpoch(table)).toEqual(byEpoch(heap));
          expect(table.counts).toEqual(heap.counts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(`fanned out, any widths (seed ${SEED})`, { timeout: TIMEOUT_MS }, async () => {
    const widths = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 7 });
    const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, widths, resident, folds);
    await fc.assert(
      fc.asyncProperty(given, async ([spec, rowsPerEpoch, sequence, residentKeys, fold]) => {
        const heap = await run(spec, { rowsPerEpoch });
        const packing = { workers: 4, widths: sequence, cutLike: heap };
        const table = await run(spec, { ...packing, ...onTable(residentKeys, fold) });
        expect(byEpoch(table)).toEqual(byEpoch(heap));
        expect(table.counts).toEqual(heap.counts);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test(`crashes at any step (seed ${SEED})`, { timeout: TIMEOUT_MS }, async () => {
    const crashAfter = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    const given = fc.tuple(
      jobSpec({ late: true, any: true, clock: true }),
      cut,
      crashAfter,
      resident,
      fc.constantFrom({ due: 0, overdue: 1 }, { due: 2, overdue: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(given, async ([spec, rowsPerEpoch, crashes, residentKeys, fold]) => {
        const calm = await run(spec, { rowsPerEpoch });
        const crashed = await run(spec, { rowsPerEpoch, crashAfter: crashes, ...onTable(residentKeys, fold) });
        expect(byEpoch(crashed), crashed.crashes.join()).toEqual(byEpoch(calm));
        expect(countsOf(crashed)).toEqual(countsOf(calm));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test(
    `staged: subtasks with nothing in common but the stores, doubled, late or dying (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const how = fc.record({
        widths: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 7 }),
        seed: fc.integer(),
        mixed: fc.boolean(),
        troubles: fc.record({
          doubled: fc.constantFrom(0, 0.3, 1),
          late: fc.constantFrom(0, 0.5, 1),
          dies: fc.constantFrom(0, 0.1),
        }),
      });
      const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, how, resident, folds);
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, packing, residentKeys, fold]) => {
          const heap = await run(spec, { rowsPerEpoch });
          const table = await runStaged((scope) => buildJob(spec, scope), {
            ...packing,
            cutLike: heap,
            table: { table: new MemoryStateTable(), isUsed: true, limits: { ...UNLIMITED, residentKeys } },
            ...(fold === undefined ? {} : { fold }),
          });
          expect(byEpoch(table)).toEqual(byEpoch(heap));
          expect(countsOf(table)).toEqual(countsOf(heap));
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );
});
