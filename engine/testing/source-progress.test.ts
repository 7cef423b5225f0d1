/** What a source is told of its job: splits it knows, details it gave them, positions once they are committed and never before. */
import { describe, expect, it } from 'vitest';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { ValuesBatch } from '../formats/values-batch.ts';
import type { KnownSplits, Source, SplitReader, SplitSpec } from '../ports/source.ts';
import { CommittedRows } from './committed-rows.ts';
import type { BuildJob } from './in-memory-job.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from './run-in-memory.ts';

const ROWS = 10;

/** One split of ten rows; writes down what it is told. */
class TellingSource implements Source<number> {
  readonly description = 'telling';
  readonly bounded = true;
  readonly known: KnownSplits[] = [];
  readonly opened: (readonly [position: number, details: string | undefined])[] = [];
  readonly told: number[] = [];
  closed = 0;
  onTold: (position: number) => void = () => undefined;

  async validate(): Promise<void> {}
  async discover(_ctx: unknown, known: KnownSplits = new Map()): Promise<readonly SplitSpec[]> {
    this.known.push(known);
    return known.size > 0 ? [] : [{ id: 'only', startPosition: 0, details: `found ${this.known.length}` }];
  }
  async open({ details }: SplitSpec, position: number): Promise<SplitReader> {
    this.opened.push([position, details]);
    let at = position;
    let counted = 0;
    return {
      fill: (maxRows, to) => {
        const end = Math.min(ROWS, to ?? ROWS, at + maxRows);
        if (at >= end) return 'end';
        const values = Array.from({ length: end - at }, (_, i) => at + i);
        at = end;
        counted += values.length;
        const positions = Float64Array.from(values);
        return new ValuesBatch({ values, positions, timestamps: null, endPosition: end, raw: String });
      },
      release: () => undefined,
      endPosition: () => ROWS,
      takeCounts: (into) => {
        into.set('countedByReader', counted);
        counted = 0;
      },
      close: async () => undefined,
    };
  }
  committed(positions: ReadonlyMap<string, number>): void {
    this.told.push(positions.get('only')!);
    this.onTold(positions.get('only')!);
  }
  async close(): Promise<void> {
    this.closed++;
  }
}

async function run(
  source: TellingSource,
  options: InMemoryOptions,
  out: CommittedRows<number> = new CommittedRows<number>(),
): Promise<InMemoryRun> {
  const build: BuildJob = ({ env }) =>
    void env.fromSource(source, WatermarkStrategy.noWatermarks(), 'src').sinkTo(out).uid('out');
  return await runInMemory(build, { rowsPerEpoch: 3, ...options });
}

describe('positions', () => {
  it("are told after each epoch, and counts of readers are the epoch's", async () => {
    const source = new TellingSource();
    const { counts } = await run(source, {});
    expect(source.told).toEqual([3, 6, 9, 10]);
    expect(source.closed).toBe(1);
    expect(counts['countedByReader']).toBe(ROWS);
  });

  it('are never told before the commit, wherever the job dies, and in the end all are', async () => {
    const { steps } = await run(new TellingSource(), {});
    for (let crash = 1; crash <= steps; crash++) {
      const source = new TellingSource();
      const out = new CommittedRows<number>();
      const early: number[] = [];
      // Rows are published after the commit, and before the source is told.
      source.onTold = (position) => void (out.values.length < position && early.push(position));
      await run(source, { crashAfter: [crash] }, out);
      expect(early).toEqual([]);
      expect(source.told.at(-1)).toBe(ROWS);
      expect(source.told).toEqual(source.told.toSorted((a, b) => a - b));
      expect(out.values).toEqual(Array.from({ length: ROWS }, (_, i) => i));
    }
  });

  it('that cannot be told harm nothing', async () => {
    const source = new TellingSource();
    source.onTold = () => {
      throw new Error('nobody listens');
    };
    const out = new CommittedRows<number>();
    await run(source, {}, out);
    expect(out.values).toHaveLength(ROWS);
  });
});

it('a job that goes on says what it knows; the details of a split stay as they were first given', async () => {
  const source = new TellingSource();
  const { manifests } = await run(source, { stopEvery: 1 });
  expect(source.known[0]!.size).toBe(0);
  const known = source.known.slice(1).flatMap((splits) => [...splits.values()]);
  expect(new Set(known.map(({ position }) => position))).toEqual(new Set([3, 6, 9]));
  for (const split of known) expect(split).toMatchObject({ ended: false, details: 'found 1' });
  expect(source.opened).toEqual([0, 3, 6, 9].map((position) => [position, 'found 1']));
  expect(manifests.map(({ ranges }) => ranges[0]!.details)).toEqual(Array.from(manifests, () => 'found 1'));
});
