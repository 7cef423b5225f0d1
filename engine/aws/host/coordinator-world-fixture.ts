/** A job's coordinator over ports in memory, on a clock that moves with the work: a row costs so and so many milliseconds. */
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { defineJob, RestartStrategies } from '../../index.ts';
import { RetryableError } from '../../model/errors.ts';
import type { Publication } from '../../ports/sink.ts';
import { InstantClock } from '../../testing/instant-clock.ts';
import { TestSink, TestSource } from '../../testing/index.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import type { CoordinatorAnswer } from './coordinator-answer.ts';
import { coordinatorOf } from './coordinator-host.ts';
import { jsonLog } from './lambda.ts';
import type { JobHost } from './warm-job.ts';

/** Its timers fire when work or sleep has passed their time. */
export class WorkClock extends InstantClock {
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  override after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.monotonicMs() + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const untilMs = this.monotonicMs() + ms;
    while (this.monotonicMs() < untilMs && signal?.aborted !== true)
      this.advance(Math.min(untilMs, ...this.#timers.map(({ atMs }) => atMs)) - this.monotonicMs());
  }
  override advance(ms: number): void {
    super.advance(ms);
    const due = this.#timers.filter(({ atMs }) => atMs <= this.monotonicMs());
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { run } of due) run();
  }
  get pending(): number {
    return this.#timers.length;
  }
}

const ENV = { MILLRACE_TABLE: 'table', MILLRACE_BUCKET: 'bucket' };
export const SILENT = jsonLog(() => undefined, {});
export const ROWS = 5_000;

export class AwaySink<T> extends TestSink<T> {
  away = false;
  override async publish(publication: Publication): Promise<'published' | 'already'> {
    if (this.away) throw new RetryableError('the target is away');
    return await super.publish(publication);
  }
}

export class World {
  readonly clock = new WorkClock();
  readonly store = new MemoryStateStore();
  readonly blobs = new MemoryBlobStore();
  readonly source = new TestSource<number>();
  readonly sink = new AwaySink<number>();
  /** Milliseconds of work for a row. */
  rowMs = 10;
  built = 0;
  quiesced = 0;
  /** What opening the ports throws. */
  away: Error | null = null;
  onRow: (n: number) => void = () => undefined;
  #requests = 0;

  readonly job = defineJob({
    name: 'worked',
    config: { double: false, epochMs: 1_000 },
    build: (env, { double, epochMs }) => {
      this.built += 1;
      if (epochMs > 0) env.enableCheckpointing(epochMs);
      env.setRestartStrategy(RestartStrategies.exponentialDelayRestart({ initialBackoffMs: 60_000 }));
      env
        .fromSource(this.source, WatermarkStrategy.noWatermarks(), 'numbers')
        .uid('numbers')
        .map((n) => {
          this.clock.advance(this.rowMs);
          this.onRow(n);
          return double ? 2 * n : n;
        })
        .uid('work')
        .sinkTo(this.sink)
        .uid('sink');
    },
  });

  readonly host: JobHost = {
    clock: this.clock,
    env: ENV,
    log: SILENT,
    openPorts: () => {
      if (this.away !== null) throw this.away;
      return { store: this.store, blobs: this.blobs, quiesce: () => void (this.quiesced += 1) };
    },
  };
  readonly process = coordinatorOf(this.job, this.host);

  filled(rows: number = ROWS): this {
    for (let n = 0; n < rows; n++) this.source.push(n);
    return this;
  }

  /** Another process, of the same execution. */
  another(): (event: Readonly<Record<string, unknown>>) => Promise<CoordinatorAnswer> {
    const process = coordinatorOf(this.job, this.host);
    const context = { awsRequestId: 'another', getRemainingTimeInMillis: () => 60_000 };
    return async (event) => await process({ execution: 'mine', ...event }, context);
  }

  async invoke(seconds: number, event: Readonly<Record<string, unknown>> = {}): Promise<CoordinatorAnswer> {
    const deadlineMs = this.clock.monotonicMs() + seconds * 1000;
    const answer = await this.process(
      { execution: 'mine', ...event },
      {
        awsRequestId: `request-${++this.#requests}`,
        getRemainingTimeInMillis: () => Math.max(0, deadlineMs - this.clock.monotonicMs()),
      },
    );
    if (this.clock.pending > 0) throw new Error(`${this.clock.pending} timers are left to fire after the answer`);
    return answer;
  }
}
