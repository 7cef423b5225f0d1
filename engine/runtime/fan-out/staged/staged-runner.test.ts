/** Whole jobs whose epochs are staged, over the real coordinator: records that make functions throw, and tasks that get too much to do. */
import { expect, test } from 'vitest';
import { runInMemory, type InMemoryRun, type JobScope } from '../../../testing/run-in-memory.ts';
import { runStaged, type StagedRun } from '../../../testing/laws/run-staged.ts';
import { InstantClock } from '../../../testing/instant-clock.ts';
import { SplitSource } from '../../../testing/split-source.ts';
import { WatermarkStrategy } from '../../../time/watermark-strategy.ts';
import { SPLITS, type Row } from './staged-fixture.ts';

type Bad = 'in the sources' | 'in a keyed stage';

const valuesOf = (run: Pick<InMemoryRun | StagedRun, 'rows'>, sink: string): string[] =>
  run
    .rows(sink)
    .map(({ value }) => JSON.stringify(value))
    .sort();

test.each(['in the sources', 'in a keyed stage'] as const)(
  'a record that makes a function throw %s goes to the dead letters, and nothing else is lost (E1)',
  async (bad) => {
    const job = ({ env, sink }: JobScope): void => {
      const check = (row: Row, where: Bad): Row => {
        if (bad === where && row.v % 20 === 7) throw new Error(`no ${row.k}`);
        return row;
      };
      env
        .fromSource<Row>(new SplitSource<Row>(SPLITS), WatermarkStrategy.noWatermarks(), 'rows')
        .map((row) => check(row, 'in the sources'))
        .keyBy('k')
        .reduce((a, b) => ({ k: b.k, v: a.v + check(b, 'in a keyed stage').v }))
        .sinkTo(sink('sums'));
      env.deadLetters().sinkTo(sink('letters'));
    };
    const fused = await runInMemory(job, {});
    expect(fused.rows('letters').length).toBeGreaterThan(5);
    const troubles = { doubled: 0.3, late: 0.3, dies: 0.1 };
    const staged = await runStaged(job, { seed: 1, widths: [2, 3], troubles });
    expect(valuesOf(staged, 'letters')).toEqual(valuesOf(fused, 'letters'));
    expect(valuesOf(staged, 'sums')).toEqual(valuesOf(fused, 'sums'));
    expect(staged.counts['deadLettered']).toBe(fused.counts['deadLettered']);
    // Of a chain behind a source only the record is lost, and not the attempt.
    expect(staged.platform.outcomes.failed > 0).toBe(bad === 'in a keyed stage');
  },
);

test('an epoch that is too much for its tasks is cut smaller until they come to an end', async () => {
  const clock = new InstantClock();
  const job = ({ env, sink }: JobScope): void => {
    env
      .fromSource<Row>(new SplitSource<Row>(SPLITS), WatermarkStrategy.noWatermarks(), 'rows')
      .keyBy('k')
      .reduce((a, b) => {
        clock.advance(100);
        return { k: b.k, v: a.v + b.v };
      })
      .sinkTo(sink('sums'));
  };
  const fused = await runInMemory(job, {});
  const staged = await runStaged(job, { seed: 1, widths: [2], timeoutMs: 3000, clock });
  expect(staged.rows('sums')).toHaveLength(fused.rows('sums').length);
  expect(staged.counts['replans']).toBeGreaterThan(0);
  expect(staged.platform.outcomes.failed).toBeGreaterThan(0);
  expect(staged.manifests.length).toBeGreaterThan(2);
});
