/** Watermark alignment: who waits for whom, that nobody waits for ever, and that answers do not depend on it. */
import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../checkpoint/records.ts';
import { ALIGNED_BATCH_ROWS } from '../../model/limits.ts';
import { valuesBatch } from '../../operators/collection-source.ts';
import type { FillResult, Source, SplitReader, SplitSpec } from '../../ports/source.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from '../run-in-memory.ts';

interface Row {
  readonly split: string;
  readonly t: number;
}

/** Splits of `rows` rows, `stepMs` apart, of which some answer the first `quiet` polls beyond row `stallAt` with "empty". */
interface Split {
  readonly rows: number;
  readonly stepMs: number;
  readonly stallAt?: number;
  readonly quiet?: number;
}

class StallingSource implements Source<Row> {
  declare readonly __type?: Row;
  readonly bounded = true;
  readonly description = 'stalling';
  readonly #splits: Readonly<Record<string, Split>>;
  readonly #polls = new Map<string, number>();
  constructor(splits: Readonly<Record<string, Split>>) {
    this.#splits = splits;
  }
  async validate(): Promise<void> {
    // Nothing to check.
  }
  async discover(): Promise<readonly SplitSpec[]> {
    return Object.keys(this.#splits).map((id) => ({ id, startPosition: 0 }));
  }
  async open({ id }: SplitSpec, from: number): Promise<SplitReader> {
    const { rows, stepMs, stallAt = rows, quiet = 0 } = this.#splits[id.replace(/^.*\//, '')]!;
    let position = from;
    return {
      fill: (maxRows: number, to: number | null): FillResult => {
        const polls = this.#polls.get(id) ?? 0;
        const stalled = polls < quiet;
        if (position >= stallAt && stalled && to === null) {
          this.#polls.set(id, polls + 1);
          return 'empty';
        }
        const end = Math.min(position + maxRows, to ?? rows, stalled && position < stallAt ? stallAt : rows);
        if (position >= end) return 'end';
        const start = position;
        position = end;
        return valuesBatch(
          Array.from({ length: end - start }, (_, i) => ({ split: id, t: (start + i) * stepMs })),
          start,
        );
      },
      release: () => undefined,
      endPosition: () => rows,
      close: async () => undefined,
    };
  }
}

const MAX_DRIFT_MS = 500;
const FAST = { rows: 3000, stepMs: 10 };

interface Setting {
  /** By source. */
  readonly sources: readonly Readonly<Record<string, Split>>[];
  readonly aligned: boolean;
  readonly idlenessMs?: number;
}

async function job({ sources, aligned, idlenessMs }: Setting, options: InMemoryOptions = {}): Promise<InMemoryRun> {
  const made = sources.map((splits) => new StallingSource(splits));
  return await runInMemory(({ env, sink }) => {
    let strategy = WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => row.t);
    if (aligned) strategy = strategy.withWatermarkAlignment('group', MAX_DRIFT_MS, 1000);
    if (idlenessMs !== undefined) strategy = strategy.withIdleness(idlenessMs);
    const [first, ...rest] = made.map((source, i) => env.fromSource(source, strategy, `source ${i}`).uid(`s${i}`));
    first!
      .union(...rest)
      .keyBy('split')
      .window(TumblingEventTimeWindows.of(1000))
      .aggregate({ createAccumulator: () => 0, add: (_row: Row, n) => n + 1, getResult: (n) => n })
      .sinkTo(sink('out'));
  }, options);
}

const answers = (run: InMemoryRun): string[] =>
  run
    .rows('out')
    .map((row) => JSON.stringify([row.value, row.timestamp]))
    .sort();
const rangeOf = (manifest: Manifest, id: string): Manifest['ranges'][number] =>
  manifest.ranges.find((range) => range.id === id)!;
/** How far the fast split has been read, in every epoch before the slow one goes on. */
const whileStalled = (run: InMemoryRun, fast: string, slow: string, stallAt: number): number[] =>
  run.manifests.filter((m) => (rangeOf(m, slow)?.to ?? 0) <= stallAt).map((m) => rangeOf(m, fast).to);

const SLOW = { rows: 100, stepMs: 300, stallAt: 10, quiet: 700 };

describe('withWatermarkAlignment', () => {
  test.each([
    ['splits of one source', [{ fast: FAST, slow: SLOW }], 's0/fast', 's0/slow'],
    ['splits of two sources', [{ fast: FAST }, { slow: SLOW }], 's0/fast', 's1/slow'],
  ])('holds the fast one back while the slow one has nothing: %s', async (_, sources, fast, slow) => {
    const run = await job({ sources, aligned: true });
    // The slow one's watermark is that of its tenth row.
    const limit = (9 * 300 - 1 + MAX_DRIFT_MS) / 10 + 1 + ALIGNED_BATCH_ROWS;
    const reads = whileStalled(run, fast, slow, 10);
    expect(Math.max(...reads)).toBeLessThanOrEqual(limit);
    expect(run.manifests.some((m) => rangeOf(m, fast).state.paused === true)).toBe(true);
    expect(run.manifests.every((m) => rangeOf(m, fast).state.idleSince === null)).toBe(true);
    const free = await job({ sources, aligned: false });
    expect(Math.max(...whileStalled(free, fast, slow, 10))).toBeGreaterThan(limit);
    expect(answers(run)).toEqual(answers(free));
  });

  test.each([
    ['before its first row', { ...SLOW, stallAt: 0, quiet: 3000 }],
    ['in the middle', { ...SLOW, quiet: 3000 }],
  ])('an idle split holds nobody back: %s', async (_, slow) => {
    const run = await job({ sources: [{ fast: FAST, slow }], aligned: true, idlenessMs: 50 });
    expect(Math.max(...whileStalled(run, 's0/fast', 's0/slow', slow.stallAt))).toBe(FAST.rows);
  });

  test('an ended split holds nobody back, and an empty one neither', async () => {
    const run = await job({
      sources: [{ fast: FAST, short: { rows: 3, stepMs: 1 }, none: { rows: 0, stepMs: 1 } }],
      aligned: true,
    });
    expect(rangeOf(run.manifests.at(-1)!, 's0/fast')).toMatchObject({ to: FAST.rows, state: { ended: true } });
  });

  test('in fanned-out epochs as well, whoever reads which split', async () => {
    const sources = [{ fast: FAST, slow: SLOW, third: { rows: 500, stepMs: 77 } }];
    const free = await job({ sources, aligned: false });
    for (const workers of [2, 3]) {
      const run = await job({ sources, aligned: true }, { workers });
      const limit = (9 * 300 - 1 + MAX_DRIFT_MS) / 10 + 1 + ALIGNED_BATCH_ROWS;
      expect(Math.max(...whileStalled(run, 's0/fast', 's0/slow', 10))).toBeLessThanOrEqual(limit);
      expect(answers(run)).toEqual(answers(free));
    }
  });

  test('E7: cuts, stops and packing change nothing', async () => {
    const sources = [{ fast: FAST, slow: SLOW }];
    const free = await job({ sources, aligned: false });
    for (const options of [
      { rowsPerEpoch: 170, stopEvery: 3 },
      { rowsPerEpoch: 90, subtasks: 3 },
      { crashAfter: [9, 17] },
    ])
      expect(answers(await job({ sources, aligned: true }, options))).toEqual(answers(free));
  });

  test('what makes no sense is refused', () => {
    const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>();
    expect(() => strategy.withWatermarkAlignment('', 5)).toThrow(/name of the group/);
    expect(() => strategy.withWatermarkAlignment('g', -5)).toThrow(/0 or more; got -5/);
    expect(() => WatermarkStrategy.noWatermarks<Row>().withWatermarkAlignment('g', 5)).toThrow(
      /no watermarks to align/,
    );
    expect(() => WatermarkStrategy.forBoundedOutOfOrderness<Row>(-1)).toThrow(/0 or more; got -1/);
    expect(() => strategy.withIdleness(0)).toThrow(/positive/);
  });
});

describe('withIdleness', () => {
  test.each([
    ['at the source', true],
    ['of an assigner behind the source', false],
  ])('a silent split no longer holds the watermark back: %s', async (_, atSource) => {
    const source = new StallingSource({
      busy: { rows: 50, stepMs: 100 },
      silent: { ...SLOW, stallAt: 0, quiet: 3000 },
    });
    const run = await runInMemory(({ env, sink }) => {
      const strategy = WatermarkStrategy.forMonotonousTimestamps<Row>()
        .withTimestampAssigner((row) => row.t)
        .withIdleness(100);
      const rows = env.fromSource(source, atSource ? strategy : WatermarkStrategy.noWatermarks<Row>(), 'rows').uid('s');
      (atSource ? rows : rows.filter(() => true).assignTimestampsAndWatermarks(strategy))
        .keyBy('split')
        .reduce((a) => a)
        .uid('stage')
        .sinkTo(sink('out'));
    });
    const before = run.manifests.filter((m) => (rangeOf(m, 's/silent')?.to ?? 0) === 0);
    expect(Math.max(...before.map((m) => m.watermarks['stage']!))).toBe(4899);
  });
});
