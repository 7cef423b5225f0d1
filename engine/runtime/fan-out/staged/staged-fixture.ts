/** Test code: a job of two keyed stages over ports in memory that count, and its epochs, run task by task. */
import { StreamExecutionEnvironment } from '../../../api/environment.ts';
import { manifestKey, planKey } from '../../../checkpoint/item-keys.ts';
import type { Ack, Plan } from '../../../checkpoint/records.ts';
import { MemoryBlobStore } from '../../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../../embedded/memory-state-store.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import { InvariantError } from '../../../model/errors.ts';
import { attemptId, epoch, generation, runId, wallTimeMs } from '../../../model/ids.ts';
import { unpack } from '../../../state/serializer.ts';
import { CommittedRows } from '../../../testing/committed-rows.ts';
import { InstantClock } from '../../../testing/instant-clock.ts';
import { SplitSource } from '../../../testing/split-source.ts';
import { WatermarkStrategy } from '../../../time/watermark-strategy.ts';
import { ObjectIo } from '../../object-io.ts';
import { packRecord } from '../../packed-record.ts';
import type { StageBudget } from './stage-budget.ts';
import type { StageTask } from './stage-records.ts';
import { StageTaskRunner, type StageTaskOptions } from './stage-task-runner.ts';
import { StagedEpoch, type StagedNext } from './staged-epoch.ts';

export interface Row {
  readonly k: string;
  readonly v: number;
}

export const SPLITS = Array.from({ length: 3 }, (_, s) =>
  Array.from({ length: 50 }, (__, i): Row => ({ k: `k${(i * 7 + s) % 11}`, v: i })),
);

export class CountingStore extends MemoryStateStore {
  readonly created: string[] = [];
  override async createItem(...args: Parameters<MemoryStateStore['createItem']>): Promise<'created' | 'exists'> {
    const outcome = await super.createItem(...args);
    if (outcome === 'created') this.created.push(args[1]);
    return outcome;
  }
}

export class CountingBlobs extends MemoryBlobStore {
  readonly reads: string[] = [];
  override async read(...args: Parameters<MemoryBlobStore['read']>): Promise<Uint8Array | null> {
    this.reads.push(args[0]);
    return await super.read(...args);
  }
  get stateReads(): number {
    return this.reads.filter((name) => name.includes('/state-')).length;
  }
}

export interface JobHooks {
  /** Called for each row before the first shuffle, and in the first keyed stage. */
  onRow?(row: Row): void;
  onKeyed?(row: Row): void;
}

export class StagedWorld {
  readonly store = new CountingStore();
  readonly blobs = new CountingBlobs();
  readonly clock = new InstantClock();
  private readonly hooks: JobHooks;
  private attempts = 0;

  constructor(hooks: JobHooks = {}) {
    this.hooks = hooks;
  }

  /** As each process builds it. */
  graph(): JobGraph {
    const { hooks } = this;
    const env = new StreamExecutionEnvironment('j');
    const rows = env
      .fromSource<Row>(new SplitSource<Row>(SPLITS), WatermarkStrategy.noWatermarks(), 'rows')
      .uid('rows')
      .map((row) => {
        hooks.onRow?.(row);
        return row;
      });
    rows
      .keyBy('k')
      .reduce((a, b) => {
        hooks.onKeyed?.(b);
        return { k: b.k, v: a.v + b.v };
      })
      .uid('sums')
      .keyBy((row) => `${row.v % 5}`)
      .sum('v')
      .uid('again')
      .sinkTo(new CommittedRows<Row>())
      .uid('out');
    rows
      .filter((row) => row.v % 2 === 0)
      .sinkTo(new CommittedRows<Row>())
      .uid('even');
    return env.toJobGraph();
  }

  runner(more: Partial<StageTaskOptions> = {}): StageTaskRunner {
    const { store, blobs, clock } = this;
    const newAttempt = (): string => `a${++this.attempts}`;
    return new StageTaskRunner({ job: 'j', graph: this.graph(), clock, store, blobs, log: null, newAttempt, ...more });
  }

  /** Writes the plan; null as `to`: an open epoch. */
  async plan(to: number | null, more: Partial<Plan> = {}): Promise<PlannedEpoch> {
    const plan: Plan = {
      format: 1,
      run: runId('r1'),
      epoch: epoch(1),
      generation: generation(1),
      clock: wallTimeMs(0),
      graphHash: this.graph().hash,
      base: null,
      splits: SPLITS.map((_, i) => ({ id: `rows/split-00${i}`, from: 0, to, state: null })),
      skip: [],
      subtasks: { rows: 2, sums: 3, again: 2 },
      state: { base: null, log: [] },
      watermarks: {},
      replan: null,
      ...more,
    };
    const key = planKey(plan.epoch, plan.generation, 's');
    await this.store.createItem('j', key, packRecord(plan));
    return { plan, key };
  }

  /** The plan of the next epoch, if this one commits. */
  async planAfter(
    { plan }: PlannedEpoch,
    ack: Ack,
    to: number | null,
    more: Partial<Plan> = {},
  ): Promise<PlannedEpoch> {
    return await this.plan(to, {
      epoch: epoch(plan.epoch + 1),
      generation: generation(plan.generation + 1),
      base: manifestKey(plan.epoch, plan.generation),
      splits: ack.ranges.map(({ id, to: from, state }) => ({ id, from, to, state })),
      subtasks: plan.subtasks,
      state: { base: plan.state.base, log: [...plan.state.log, ...ack.segments] },
      watermarks: ack.watermarks,
      ...more,
    });
  }

  epoch({ plan, key }: PlannedEpoch): StagedEpoch {
    const { store } = this;
    return new StagedEpoch({ store, job: 'j', graph: this.graph(), plan, key, attempt: attemptId('e') });
  }

  /** Runs the epoch to its end; `run` invokes a task. */
  async complete(planned: PlannedEpoch, run: (task: StageTask) => Promise<unknown>): Promise<Done> {
    for (;;) {
      // Each time another coordinator, which knows nothing but what the store says.
      const next = await this.epoch(planned).next();
      if (next.kind === 'done') return next;
      if (next.kind === 'failed') throw new InvariantError(`the epoch failed: ${next.reason}`);
      for (const task of next.tasks) await run(task);
    }
  }

  /** What an ack says, its objects read. */
  async meaningOf(ack: Ack): Promise<unknown> {
    const io = new ObjectIo(this.blobs, null);
    const rows: string[] = [];
    for (const { sink, slot, objects } of ack.staged)
      for (const object of objects)
        for (const row of unpack(await io.read(object)) as unknown[])
          rows.push(`${sink} ${slot} ${JSON.stringify(row)}`);
    const { ranges, counts, watermarks, keys, ended, nextTimers } = ack;
    return { rows: rows.sort(), ranges, counts, watermarks, keys, ended, nextTimers, segments: ack.segments.length };
  }
}

export interface PlannedEpoch {
  readonly plan: Plan;
  readonly key: string;
}

export type Done = Extract<StagedNext, { kind: 'done' }>;

export const BUDGET: StageBudget = {
  intervalMs: 10_000,
  timeoutMs: 60_000,
  maxRows: Infinity,
  signal: new AbortController().signal,
};
