/**
 * A sink for any system with transactions that survive their client: stage, commit, publish (ARCHITECTURE section 6). After an epoch
 * has been committed its rows are prepared in the target, the committable is recorded, and then committed. See `TwoPhasePublisher`
 * for why that is exactly once.
 *
 *     class BatchesSink extends TwoPhaseCommitSink<Order, { readonly batch: string }> {
 *       override readonly description = 'batches of the order system';
 *       async prepare(transaction, records) { … write the rows, invisible and durable, under transaction.id …; return { batch: transaction.id } }
 *       async commit({ batch }) { … make them visible …; return 'committed' }
 *       async abort(transaction) { … drop what was prepared under transaction.id … }
 *     }
 */
import { ConfigError } from '../../model/errors.ts';
import { DEFAULT_SINK_SLOTS } from '../../model/limits.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Sink, SinkContext, SinkPublisher, SinkWriter } from '../../ports/sink.ts';
import { CommittableCodec } from './committable-codec.ts';
import { RecordWriter } from './staged-records.ts';
import type { SinkRecord, SinkTransaction } from './transaction.ts';
import { TransactionLedger } from './transaction-ledger.ts';
import { TwoPhasePublisher } from './two-phase-publisher.ts';

/**
 * `committed`: this call made it visible. `already`: it was. `never`: it is not there and can never become visible any more (it
 * was aborted, or the target dropped it); the rows are then prepared again. A guess is a loss or a duplicate: throw where you cannot tell.
 */
export type CommitOutcome = 'committed' | 'already' | 'never';

const DEFAULT_TRANSACTION_TIMEOUT_MS = 3_600_000;

/**
 * All calls for a slot come one after the other, but a publisher that was taken for dead may make its own at any time. `C`, the
 * committable, is plain data; what it means must not depend on the process that prepared it.
 */
export abstract class TwoPhaseCommitSink<T, C> implements Sink<T> {
  readonly description: string = 'two-phase commit';
  readonly guarantee = 'EXACTLY_ONCE';
  /** Version of the form of `C`; raise it when the form changes, and migrate. */
  readonly committableVersion: number = 1;
  /** A request of a publisher that died takes effect within this time, or never: so long are void transactions aborted again. */
  readonly transactionTimeoutMs: number = DEFAULT_TRANSACTION_TIMEOUT_MS;

  /** Writes the rows, durable and not yet visible, under `transaction.id`, which is recorded and was never used before. */
  abstract prepare(transaction: SinkTransaction, records: readonly SinkRecord<T>[]): Promise<C>;
  /** Makes it visible. Called as often as needed; the target remembers at least the last committed transaction of each slot. */
  abstract commit(committable: C, transaction: SinkTransaction): Promise<CommitOutcome>;
  /** Drops what was prepared under `transaction.id`, if anything. Changes nothing about a transaction that is committed. */
  abstract abort(transaction: SinkTransaction): Promise<void>;
  /** A committable of an older `version` in today's form. Without it such a committable is refused before anything is written. */
  migrateCommittable?(committable: unknown, version: number): C;
  /** Once, before the first transaction of a process. */
  open?(): Promise<void>;
  /** When the process is done with the sink. */
  close?(): Promise<void>;

  async validate(ctx: SinkContext): Promise<void> {
    const codec = this.codec(ctx);
    for (let slot = 0; slot < DEFAULT_SINK_SLOTS; slot++) {
      const ledger = new TransactionLedger(blobsOf(ctx), ctx.job, ctx.sink, slot);
      for (const place of await ledger.places()) {
        if (place.done || !place.decided.has(place.attempts)) continue;
        const decision = await ledger.decision(place, place.attempts);
        if (decision?.kind === 'commit') codec.check(decision.version);
      }
    }
  }

  writer(_ctx: SinkContext): SinkWriter<T> {
    return new RecordWriter();
  }

  async publisher(ctx: SinkContext): Promise<SinkPublisher> {
    const blobs = blobsOf(ctx);
    await this.open?.();
    return new TwoPhasePublisher(this, this.codec(ctx), ctx, blobs);
  }

  private codec(ctx: SinkContext): CommittableCodec<C> {
    return new CommittableCodec<C>(this, `job "${ctx.job}", sink "${ctx.sink}"`);
  }
}

function blobsOf(ctx: SinkContext): BlobStore {
  if (ctx.blobs !== null) return ctx.blobs;
  throw new ConfigError(
    `Sink ${ctx.sink} records its transactions in the job's blob store, but the job has none: configure one in the job's environment.`,
    { sink: ctx.sink },
  );
}
