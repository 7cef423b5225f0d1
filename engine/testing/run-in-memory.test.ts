/** A run that is cut like another reads its ranges, epoch by epoch, whatever befalls it. */
import { expect, test } from 'vitest';
import { valuesBatch } from '../operators/collection-source.ts';
import type { Source, SplitReader, SplitSpec } from '../ports/source.ts';
import { WatermarkStrategy } from '../time/watermark-strategy.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun } from './run-in-memory.ts';

const ROWS = 20;

/** Two splits whose readers give one row, then two, then three …: what an epoch reads of each hangs on when its reader was opened. */
class WarmingUp implements Source<string> {
  readonly bounded = true;
  readonly description = 'readers that warm up';
  async validate(): Promise<void> {
    // Nothing to check.
  }
  async discover(): Promise<readonly SplitSpec[]> {
    return ['a', 'b'].map((id) => ({ id, startPosition: 0 }));
  }
  async open({ id }: SplitSpec, from: number): Promise<SplitReader> {
    let position = from;
    let most = 1;
    return {
      fill(maxRows, to) {
        const end = Math.min(ROWS, to ?? ROWS);
        if (position >= end) return 'end';
        const start = position;
        position = Math.min(end, start + Math.min(maxRows, most++));
        const rows = Array.from({ length: position - start }, (_, i) => `${id}${start + i}`);
        return valuesBatch(rows, start);
      },
      release: () => undefined,
      endPosition: () => ROWS,
      close: async () => undefined,
    };
  }
}

const run = (options: InMemoryOptions): Promise<InMemoryRun> =>
  runInMemory(
    ({ env, sink }) => {
      const rows = env.fromSource(new WarmingUp(), WatermarkStrategy.noWatermarks(), 'rows');
      rows.sinkTo(sink('out'));
    },
    { rowsPerEpoch: 5, ...options },
  );

/** By epoch: a manifest is shown again where its process died before the epoch's end. */
const rangesOf = ({ manifests }: InMemoryRun): Readonly<Record<number, string>> =>
  Object.fromEntries(
    manifests.map(({ epoch, ranges }) => [epoch, ranges.map(({ id, from, to }) => `${id} ${from}–${to}`).join()]),
  );

/** Splits that are equally far have no order. */
const outOf = (of: InMemoryRun): string[] =>
  of
    .rows('out')
    .map(({ epoch, value }) => `${epoch} ${String(value)}`)
    .sort();

const STOPPED: InMemoryOptions = { stopEvery: 1 };

test.each<[string, InMemoryOptions]>([
  ['stopped after every epoch', STOPPED],
  ['stopped after every other epoch', { stopEvery: 2 }],
  ['dying', { crashAfter: [9, 14, 3, 20] }],
  ['dying, fanned out at times', { crashAfter: [9, 14, 23, 20], packings: [{}, { workers: 2 }] }],
  ['four subtasks, stopped', { subtasks: 4, stopEvery: 1 }],
])('%s, it reads what the undisturbed run has read', async (_name, disturbance) => {
  const undisturbed = await run({});
  const disturbed = await run({ ...disturbance, cutLike: undisturbed });
  expect(Object.keys(rangesOf(undisturbed)).length).toBeGreaterThan(5);
  expect(rangesOf(disturbed)).toEqual(rangesOf(undisturbed));
  expect(outOf(disturbed)).toEqual(outOf(undisturbed));
});

test('by itself a run that is stopped reads other ranges', async () => {
  expect(rangesOf(await run(STOPPED))).not.toEqual(rangesOf(await run({})));
});
