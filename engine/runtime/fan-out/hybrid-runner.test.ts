/** How many subtasks the plans of fanned-out epochs have. */
import { expect, test } from 'vitest';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import type { Plan } from '../../checkpoint/records.ts';
import { runEmbedded } from '../../embedded/executor.ts';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { CommittedRows } from '../../testing/committed-rows.ts';
import { InstantClock } from '../../testing/instant-clock.ts';
import { SplitSource } from '../../testing/split-source.ts';
import { unpackRecord } from '../packed-record.ts';

class PlanStore extends MemoryStateStore {
  readonly plans: Plan[] = [];
  override createItem(...[job, key, bytes]: Parameters<MemoryStateStore['createItem']>) {
    if (key.startsWith('plan/')) this.plans.push(unpackRecord<Plan>(bytes, key));
    return super.createItem(job, key, bytes);
  }
}

test('no more than the workers, the operator’s parallelism, and for sources the splits with input', async () => {
  const env = new StreamExecutionEnvironment('j').setParallelism(4);
  // Splits end after 1, 2 and 6 epochs of two rows each.
  const splits = [1, 4, 12].map((n) => Array.from({ length: n }, (_, i) => ({ k: i % 3, v: i })));
  env
    .fromSource<{ k: number; v: number }>(new SplitSource(splits), WatermarkStrategy.noWatermarks(), 'rows')
    .uid('rows')
    .keyBy('k')
    .sum('v')
    .uid('wide')
    .keyBy('v')
    .sum('k')
    .uid('narrow')
    .setParallelism(2)
    .sinkTo(new CommittedRows());
  const store = new PlanStore();
  const graph = env.toJobGraph();
  await runEmbedded(graph, env.settings(), {
    ports: { store, blobs: new MemoryBlobStore(), log: null, clock: new InstantClock() },
    fanOut: { mode: 'fanned-out', workers: 4, module: 'in-process' },
    maxRows: 2,
  });
  const subtasks = store.plans.map((plan) => plan.subtasks);
  expect(subtasks[0]).toEqual({ rows: 3, wide: 4, narrow: 2 });
  expect(subtasks.at(-1)).toEqual({ rows: 1, wide: 4, narrow: 2 });
  expect(new Set(subtasks.map(({ rows }) => rows))).toEqual(new Set([3, 2, 1]));
});
