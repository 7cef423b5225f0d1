/**
 * Law E7 for staged epochs (runtime/fan-out/staged), whose subtasks are invocations with nothing in common but the stores.
 * MILLRACE_LAW_RUNS: jobs per law, default 40. MILLRACE_LAW_SEED: repeats a run; every test's name says its seed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { cut, jobSpec } from './arbitrary-job-fixture.ts';
import { byEpoch, countsOf, multisets } from './law-answers-fixture.ts';
import { buildJob, type JobSpec } from './random-job.ts';
import { runStaged, type StagedOptions, type StagedRun } from './run-staged.ts';

const RUNS = Number(process.env['MILLRACE_LAW_RUNS'] ?? 40);
const SEED = Number(process.env['MILLRACE_LAW_SEED'] ?? Date.now() % 2 ** 31);
const TIMEOUT_MS = 30_000 + RUNS * 1000;

const fusedRun = (spec: JobSpec, options: InMemoryOptions): Promise<InMemoryRun> =>
  runInMemory((scope) => buildJob(spec, scope), options);

const staged = (spec: JobSpec, options: StagedOptions): Promise<StagedRun> =>
  runStaged((scope) => buildJob(spec, scope), options);

/** Of a staged run: how many subtasks, plan by plan, and what decides which task runs where, and how often. */
const packing = fc.record({
  widths: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 7 }),
  seed: fc.integer(),
  mixed: fc.boolean(),
});

const folds = fc.constantFrom({}, { fold: { due: 1, overdue: 3 } });
const troubles = fc.record({
  doubled: fc.constantFrom(0, 0.3, 1),
  late: fc.constantFrom(0, 0.5, 1),
  dies: fc.constantFrom(0, 0.1, 0.4),
});

describe(`E7 of staged epochs, ${RUNS} jobs each`, () => {
  test(
    `(a) given the cut, staged epochs of any numbers of subtasks change nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, packing, folds);
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, how, fold]) => {
          const fused = await fusedRun(spec, { rowsPerEpoch });
          const many = await staged(spec, { ...how, ...fold, cutLike: fused });
          expect(byEpoch(many)).toEqual(byEpoch(fused));
          expect(many.counts).toEqual(fused.counts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(
    `(a) tasks of staged epochs that run twice, late, or die at a write, and crashes, change nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const crashAfter = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 });
      const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, packing, troubles, crashAfter);
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, how, bad, crashes]) => {
          const fused = await fusedRun(spec, { rowsPerEpoch });
          const troubled = await staged(spec, { ...how, cutLike: fused, troubles: bad, crashAfter: crashes });
          expect(byEpoch(troubled)).toEqual(byEpoch(fused));
          expect(countsOf(troubled)).toEqual(countsOf(fused));
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(
    `(b) without late rows, subtasks that cut for themselves change nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(
        jobSpec({ late: false, any: false, clock: false }),
        packing,
        fc.integer({ min: 1, max: 20 }),
        troubles,
        folds,
      );
      await fc.assert(
        fc.asyncProperty(given, async ([spec, how, rowsPerSubtask, bad, fold]) => {
          const whole = await fusedRun(spec, {});
          const many = await staged(spec, { ...how, ...fold, rowsPerSubtask, troubles: bad });
          expect(multisets(many)).toEqual(multisets(whole));
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );
});
