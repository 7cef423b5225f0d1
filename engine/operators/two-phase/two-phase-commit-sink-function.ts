/**
 * A sink with the methods of Flink's TwoPhaseCommitSinkFunction. A connection cannot outlive an invocation, so the whole transaction
 * runs after the epoch was committed, over its staged rows: beginTransaction → invoke for each row → preCommit → commit.
 *
 * Exactly once with `isCommitted`: the transaction writes a marker of its own, `ctx.id` under a unique key or (run, epoch) compared
 * with ≥, beside its rows and atomically with them; `isCommitted` reads it; and of two transactions with one marker the second fails
 * to commit. Then a repetition finds the marker, and a publisher that acts late fails. Without `isCommitted` nobody can tell whether a
 * commit without an answer happened, and the sink is AT_LEAST_ONCE.
 */
import { ConfigError, messageOf, MillraceError, RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DeliveryGuarantee, Publication, Sink, SinkContext, SinkPublisher, SinkWriter } from '../../ports/sink.ts';
import { readStagedRecords, RecordWriter } from './staged-records.ts';
import { contextOf, type TransactionContext } from './transaction.ts';

/** What `invoke` is told about a row (Flink: SinkFunction.Context; there is no current watermark after the epoch). */
export interface InvokeContext extends TransactionContext {
  /** The row's event time in epoch milliseconds; null: it has none. */
  timestamp(): number | null;
  currentProcessingTime(): number;
}

export interface TwoPhaseCommitSinkFunctionOptions {
  /** Default: EXACTLY_ONCE with `isCommitted`, else AT_LEAST_ONCE. */
  readonly deliveryGuarantee?: Exclude<DeliveryGuarantee, 'NONE'>;
}

export abstract class TwoPhaseCommitSinkFunction<IN, TXN> implements Sink<IN> {
  readonly description: string = 'two-phase commit function';
  private readonly asked: DeliveryGuarantee | null;

  constructor({ deliveryGuarantee }: TwoPhaseCommitSinkFunctionOptions = {}) {
    this.asked = deliveryGuarantee ?? null;
  }

  /** A transaction that lives in this process only: a connection, a file, an object. */
  abstract beginTransaction(ctx: TransactionContext): TXN | Promise<TXN>;
  abstract invoke(transaction: TXN, value: IN, ctx: InvokeContext): void | Promise<void>;
  /** Everything is written that the commit needs: flush, and write the marker. */
  abstract preCommit(transaction: TXN): void | Promise<void>;
  /** Makes rows and marker visible at once, and lets go of the transaction's resources, whether it succeeds or throws. */
  abstract commit(transaction: TXN): void | Promise<void>;
  /** After `invoke` or `preCommit` threw: rolls back. */
  abstract abort(transaction: TXN): void | Promise<void>;
  /** Is the marker of this transaction, or of a later one of its slot, visible? */
  isCommitted?(ctx: TransactionContext): boolean | Promise<boolean>;
  /** Once, before the first transaction of a process. */
  open?(): Promise<void>;
  /** When the process is done with the sink. */
  close?(): Promise<void>;

  get guarantee(): DeliveryGuarantee {
    return this.asked ?? (this.isCommitted === undefined ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE');
  }

  get notice(): string | null {
    if (this.isCommitted !== undefined) return null;
    return `${this.description} is at least once: it has no isCommitted(ctx), so after a crash around a commit an epoch's rows are written again`;
  }

  async validate(ctx: SinkContext): Promise<void> {
    if (this.guarantee === 'EXACTLY_ONCE' && this.isCommitted === undefined)
      throw new ConfigError(
        `Sink ${ctx.sink} (${this.description}) is asked for EXACTLY_ONCE, but has no isCommitted(ctx): after a commit without an answer nobody could tell whether it happened. Write a marker in the transaction and read it in isCommitted(ctx), or extend TwoPhaseCommitSink, or ask for AT_LEAST_ONCE.`,
        { sink: ctx.sink },
      );
  }

  writer(_ctx: SinkContext): SinkWriter<IN> {
    return new RecordWriter();
  }

  async publisher(ctx: SinkContext): Promise<SinkPublisher> {
    await this.open?.();
    return new FunctionPublisher(this, ctx);
  }
}

class FunctionPublisher<IN, TXN> implements SinkPublisher {
  private readonly target: TwoPhaseCommitSinkFunction<IN, TXN>;
  private readonly ctx: SinkContext;

  constructor(target: TwoPhaseCommitSinkFunction<IN, TXN>, ctx: SinkContext) {
    this.target = target;
    this.ctx = ctx;
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { target } = this;
    const { job, sink, clock } = this.ctx;
    const ctx = contextOf(job, sink, publication.slot, publication);
    const asked = await this.step('isCommitted', ctx, async () => (await target.isCommitted?.(ctx)) ?? false);
    if (asked) return 'already';
    const transaction = await this.step('beginTransaction', ctx, async () => await target.beginTransaction(ctx));
    try {
      const row = new RowContext(ctx, clock);
      for (const { value, timestamp } of readStagedRecords<IN>(publication.chunks)) {
        row.rowTimestamp = timestamp;
        await target.invoke(transaction, value, row);
      }
      await target.preCommit(transaction);
    } catch (thrown) {
      await this.step(`abort after "${messageOf(thrown)}"`, ctx, async () => await target.abort(transaction));
      throw failed('invoke or preCommit', ctx, thrown);
    }
    try {
      await target.commit(transaction);
    } catch (thrown) {
      if (thrown instanceof MillraceError) throw thrown;
      throw new UnknownOutcomeError(
        `${where(ctx)}: commit failed: ${messageOf(thrown)}. Whether it happened is not known; publishing is repeated.`,
        { id: ctx.id },
        thrown,
      );
    }
    return 'published';
  }

  /** The marker is the user's, and holds the run: nothing of another run can be mistaken for this one's. */
  async stamp(): Promise<void> {}

  async close(): Promise<void> {
    await this.target.close?.();
  }

  private async step<R>(name: string, ctx: TransactionContext, run: () => Promise<R>): Promise<R> {
    try {
      return await run();
    } catch (thrown) {
      throw failed(name, ctx, thrown);
    }
  }
}

class RowContext implements InvokeContext {
  readonly job: string;
  readonly sink: string;
  readonly slot: number;
  readonly run: string;
  readonly epoch: number;
  readonly id: string;
  rowTimestamp: number | null = null;
  private readonly clock: Clock;

  constructor(ctx: TransactionContext, clock: Clock) {
    this.job = ctx.job;
    this.sink = ctx.sink;
    this.slot = ctx.slot;
    this.run = ctx.run;
    this.epoch = ctx.epoch;
    this.id = ctx.id;
    this.clock = clock;
  }
  timestamp(): number | null {
    return this.rowTimestamp;
  }
  currentProcessingTime(): number {
    return this.clock.nowMs();
  }
}

const where = ({ job, sink, slot, run, epoch }: TransactionContext): string =>
  `job "${job}", sink "${sink}", slot ${slot}, run ${run}, epoch ${epoch}`;

function failed(step: string, ctx: TransactionContext, thrown: unknown): Error {
  if (thrown instanceof MillraceError) return thrown;
  return new RetryableError(
    `${where(ctx)}: ${step} failed: ${messageOf(thrown)}. The transaction was not committed; publishing is repeated.`,
    { id: ctx.id },
    thrown,
  );
}
