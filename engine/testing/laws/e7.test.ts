/**
 * Law E7: same input, same answer (ARCHITECTURE section 2), over random jobs and random input.
 * MILLRACE_LAW_RUNS: jobs per law, default 40. MILLRACE_LAW_SEED: repeats a run; every test's name says its seed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { cut, jobSpec } from './arbitrary-job-fixture.ts';
import { byEpoch, countsOf, multisets } from './law-answers-fixture.ts';
import { buildJob, type JobSpec } from './random-job.ts';

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

describe(`E7, ${RUNS} jobs each`, () => {
  test(
    `(a) given the cut, packing into 1 to 8 subtasks changes nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, fc.integer({ min: 2, max: 8 }));
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, subtasks]) => {
          const one = await run(spec, { rowsPerEpoch, subtasks: 1 });
          const many = await run(spec, { rowsPerEpoch, subtasks });
          expect(byEpoch(many)).toEqual(byEpoch(one));
          expect(many.counts).toEqual(one.counts);
          expect(slotByGroups(many, one)).toEqual([]);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(
    `(a) given the cut, fanning out over 1 to 4 workers changes nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, fc.integer({ min: 1, max: 4 }));
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, workers]) => {
          const fused = await run(spec, { rowsPerEpoch });
          const fannedOut = await run(spec, { workers, cutLike: fused });
          expect(byEpoch(fannedOut)).toEqual(byEpoch(fused));
          expect(fannedOut.counts).toEqual(fused.counts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(
    `(a) given the cut, any numbers of subtasks, operator by operator and epoch by epoch, change nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const widths = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 7 });
      const folds = fc.constantFrom(undefined, { due: 1, overdue: 3 });
      const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, widths, folds);
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, sequence, fold]) => {
          const fused = await run(spec, { rowsPerEpoch });
          const folding = fold === undefined ? {} : { fold };
          const fannedOut = await run(spec, { workers: 4, widths: sequence, cutLike: fused, ...folding });
          expect(byEpoch(fannedOut)).toEqual(byEpoch(fused));
          expect(fannedOut.counts).toEqual(fused.counts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(`(a) crashes of a fanned-out run change nothing (seed ${SEED})`, { timeout: TIMEOUT_MS }, async () => {
    const crashAfter = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    const given = fc.tuple(
      jobSpec({ late: true, any: true, clock: true }),
      cut,
      fc.integer({ min: 1, max: 4 }),
      crashAfter,
    );
    await fc.assert(
      fc.asyncProperty(given, async ([spec, rowsPerEpoch, workers, crashes]) => {
        const fused = await run(spec, { rowsPerEpoch });
        const crashed = await run(spec, { workers, cutLike: fused, crashAfter: crashes });
        expect(byEpoch(crashed), crashed.crashes.join()).toEqual(byEpoch(fused));
        expect(countsOf(crashed)).toEqual(countsOf(fused));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test(`(a) crashes at any step change nothing (seed ${SEED})`, { timeout: TIMEOUT_MS }, async () => {
    const crashAfter = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    const given = fc.tuple(jobSpec({ late: true, any: true, clock: true }), cut, fc.constantFrom(1, 3), crashAfter);
    await fc.assert(
      fc.asyncProperty(given, async ([spec, rowsPerEpoch, subtasks, crashes]) => {
        const calm = await run(spec, { rowsPerEpoch, subtasks });
        const crashed = await run(spec, { rowsPerEpoch, subtasks, crashAfter: crashes });
        expect(sequences(crashed), crashed.crashes.join()).toEqual(sequences(calm));
        expect(countsOf(crashed)).toEqual(countsOf(calm));
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test(`(a) user code that fails now and then changes nothing (seed ${SEED})`, { timeout: TIMEOUT_MS }, async () => {
    const failAt = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        jobSpec({ late: true, any: true, clock: false }),
        cut,
        fc.constantFrom(1, 3),
        failAt,
        async (spec, rowsPerEpoch, subtasks, at) => {
          const calm = await run({ ...spec, failAt: [] }, { rowsPerEpoch, subtasks });
          const failing = await run({ ...spec, failAt: at }, { rowsPerEpoch, subtasks });
          expect(sequences(failing)).toEqual(sequences(calm));
          expect(countsOf(failing)).toEqual(countsOf(calm));
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test(
    `(a) stopping after any epochs and going on changes nothing (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(
        jobSpec({ late: true, any: true, clock: true }),
        cut,
        fc.constantFrom(1, 3),
        fc.constantFrom(1, 2, 3),
      );
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, subtasks, stopEvery]) => {
          const calm = await run(spec, { rowsPerEpoch, subtasks });
          const stopped = await run(spec, { rowsPerEpoch, subtasks, stopEvery });
          expect(sequences(stopped)).toEqual(sequences(calm));
          expect(stopped.counts).toEqual(calm.counts);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(
    `(a) folding after every epoch changes nothing, fused or fanned out (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(
        jobSpec({ late: true, any: true, clock: true }),
        cut,
        fc.constantFrom(1, 3),
        fc.constantFrom(1, 2),
      );
      await fc.assert(
        fc.asyncProperty(given, async ([spec, rowsPerEpoch, workers, stopEvery]) => {
          const calm = await run(spec, { rowsPerEpoch });
          const packing = workers === 1 ? { rowsPerEpoch } : { workers, cutLike: calm };
          const folded = await run(spec, { ...packing, stopEvery, fold: { due: 0, overdue: 1 } });
          expect(byEpoch(folded)).toEqual(byEpoch(calm));
          expect(folded.counts).toEqual(calm.counts);
          // Every log is folded before the next plan: none holds more than one epoch's segments.
          for (const { epoch, state } of folded.manifests)
            expect(state.log.filter((part) => part.epoch !== epoch)).toEqual([]);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );

  test(
    `(b) without late rows, any cut gives the same event-time answers (seed ${SEED})`,
    { timeout: TIMEOUT_MS },
    async () => {
      const given = fc.tuple(jobSpec({ late: false, any: false, clock: false }), cut, cut);
      await fc.assert(
        fc.asyncProperty(given, async ([spec, one, other]) => {
          const whole = await run(spec, {});
          for (const rowsPerEpoch of [one, other])
            expect(multisets(await run(spec, { rowsPerEpoch }))).toEqual(multisets(whole));
          expect(whole.counts['late'] ?? 0).toBe(0);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    },
  );
});

/**
 * Rows of one key group keep their order however groups are packed. A slot holds the rows of whole groups, so: the rows of each slot of
 * `many` are a subsequence of those of `one`, per epoch. Answers with the sinks where they are not.
 */
function slotByGroups(many: InMemoryRun, one: InMemoryRun): string[] {
  const textOf = (row: { epoch: number; value: unknown; timestamp: number }): string =>
    JSON.stringify([row.epoch, row.value, row.timestamp]);
  return many.sinks.filter((sink) => {
    const all = one.rows(sink).map(textOf);
    const slots = new Set(many.rows(sink).map((row) => row.slot));
    return [...slots].some(
      (slot) =>
        !isSubsequence(
          many
            .rows(sink)
            .filter((row) => row.slot === slot)
            .map(textOf),
          all,
        ),
    );
  });
}

function isSubsequence(part: readonly string[], all: readonly string[]): boolean {
  let at = 0;
  for (const text of all) if (text === part[at]) at++;
  return at === part.length;
}
