/**
 * Law E7: same input, same answer (ARCHITECTURE section 2), over random jobs and random input.
 * MILLRACE_LAW_RUNS: jobs per law, default 40. MILLRACE_LAW_SEED: repeats a run; every test's name says its seed.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';
import { dealing, moreKeyed, type Allowed } from './arbitrary-operators-fixture.ts';
import { buildJob, type JobSpec, type KeyedKind, type Keying, type SourceSpec, type Stateless } from './random-job.ts';
import type { Row } from './law-row.ts';
import type { MoreKeyed } from './random-operators.ts';

const RUNS = Number(process.env['MILLRACE_LAW_RUNS'] ?? 40);
const SEED = Number(process.env['MILLRACE_LAW_SEED'] ?? Date.now() % 2 ** 31);
const TIMEOUT_MS = 30_000 + RUNS * 1000;

const DELAY_MS = 20;

/**
 * `late`: rows may be behind their split's watermark; `any`: operators whose answer depends on the order of arrival too; `clock`: and on
 * the plans' clocks, which failures move.
 */
function jobSpec(allow: Allowed & { readonly late: boolean }): fc.Arbitrary<JobSpec> {
  const plain = fc.constantFrom<Stateless>('map', 'filter', 'flatMap', 'process');
  const before = fc.array(fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: dealing(allow.any) }), {
    maxLength: 2,
  });
  const window = fc.record({
    kind: fc.constant('window' as const),
    form: fc.constantFrom('aggregate' as const, 'function' as const, 'reduce' as const, 'process' as const),
    sizeMs: fc.constantFrom(7, 10, 50),
    offsetMs: fc.constantFrom(0, 3, -2),
    latenessMs: fc.constantFrom(0, 0, 15, 60),
    early: fc.boolean(),
  });
  const simple = allow.any
    ? (['reduce', 'sum', 'min', 'max', 'states', 'states', 'buffer'] as const)
    : (['buffer'] as const);
  const keyed: fc.Arbitrary<KeyedKind | MoreKeyed> = fc.oneof(
    fc.constantFrom(...simple).map((kind) => ({ kind })),
    window,
    { weight: 3, arbitrary: moreKeyed(allow) },
  );
  const stage = fc.record({
    before,
    keying: fc.constantFrom<Keying>('field', 'function', 'number', 'composite'),
    keyed,
    other: fc.constantFrom('odd rows' as const, 'sources' as const),
  });
  return fc
    .record({
      sources: fc.array(source(allow.late), { minLength: 1, maxLength: 3 }),
      delayMs: fc.constant(DELAY_MS),
      strategyAt: fc.constantFrom('source' as const, 'source' as const, 'operator' as const),
      stages: fc.array(stage, { minLength: 1, maxLength: 2 }),
      second: fc.constantFrom('main' as const, 'with source' as const, 'with side' as const),
      maxParallelism: fc.constantFrom(1, 3, 8, 128),
      parallelism: fc.constantFrom(1, 2, 3),
      generator: fc.constantFrom('built-in' as const, 'built-in' as const, 'custom' as const, 'aligned' as const),
      failAt: fc.constant(null),
    })
    .filter(({ stages }) => stages.slice(0, -1).every(({ keyed: { kind } }) => kind !== 'count-window'));
}

/** Rows in rising time, each pushed back by at most the delay (or, if late ones are allowed, more); splits apart by a skew. */
function source(late: boolean): fc.Arbitrary<SourceSpec> {
  const back = late
    ? fc.oneof({ weight: 6, arbitrary: fc.nat(DELAY_MS) }, { weight: 1, arbitrary: fc.nat(6 * DELAY_MS) })
    : fc.nat(DELAY_MS);
  const step = fc.record({ ahead: fc.nat(12), back, k: fc.nat(5), v: fc.nat(20) });
  const split = fc.record({
    steps: fc.array(step, { maxLength: 25 }),
    from: fc.integer({ min: -100, max: 200 }),
    name: fc.nat(9999),
  });
  const rowsOf = ({
    steps,
    from,
    name,
  }: {
    steps: readonly { ahead: number; back: number; k: number; v: number }[];
    from: number;
    name: number;
  }): Row[] => {
    let time = from;
    return steps.map(({ ahead, back: behind, k, v }, i) => ({
      id: `${name}-${i}`,
      k: `k${k}`,
      v,
      t: (time += ahead) - behind,
    }));
  };
  return fc.record({ splits: fc.array(split.map(rowsOf), { minLength: 1, maxLength: 3 }), lazy: fc.boolean() });
}

const run = (spec: JobSpec, options: InMemoryOptions): Promise<InMemoryRun> =>
  runInMemory((scope) => buildJob(spec, scope), options);

/** Rows per epoch, gone through in a circle. */
const cut = fc.array(fc.oneof(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 100 })), {
  minLength: 1,
  maxLength: 4,
});

/** The rows of every sink, in no order. */
const multisets = (result: InMemoryRun): Record<string, string[]> =>
  Object.fromEntries(
    result.sinks.map((sink) => [
      sink,
      result
        .rows(sink)
        .map((row) => JSON.stringify([row.value, row.timestamp]))
        .sort(),
    ]),
  );

/** The rows of every sink by epoch, in no order within one. */
const byEpoch = (result: InMemoryRun): Record<string, string[]> =>
  Object.fromEntries(
    result.sinks.map((sink) => [
      sink,
      result
        .rows(sink)
        .map((row) => JSON.stringify([row.epoch, row.value, row.timestamp]))
        .sort(),
    ]),
  );

/** What was counted, but for what tells of the crashes themselves. */
function countsOf({ counts }: InMemoryRun): Record<string, number> {
  const { replans: _, ...rest } = counts;
  return rest;
}

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
