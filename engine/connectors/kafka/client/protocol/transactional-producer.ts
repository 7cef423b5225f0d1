/**
 * One transaction after the other under one transactional id. After each the producer's epoch is consumed: by EndTxn v5 where the cluster's
 * transaction.version is at least 2 (KIP-890), otherwise by an InitProducerId that names the epoch it follows (KIP-360), and so never fences a
 * newer producer. A request that arrives late carries a dead epoch, and can neither open nor end a transaction. Sequence numbers begin at 0 with
 * every transaction.
 *
 *     idle ──send, sendOffsets──▶ open ──commit, abort──▶ idle
 *                                  │ a send fails            any ──fenced, aborted by the broker, outcome unknown──▶ spent
 *                                  ▼
 *                                failed ──abort──▶ idle
 */
import { FencedError, type MillraceError, RetryableError, UnknownOutcomeError } from '../../../../model/errors.ts';
import { BrokerRefusal } from '../broker-errors.ts';
import { loadCodec } from '../compression.ts';
import type {
  CommittedOffset,
  Compression,
  ProduceBatch,
  TransactionalProducer,
  TopicPartition,
} from '../kafka-client.ts';
import { ConnectionLost, type Patience } from '../patience.ts';
import type { Cluster } from './cluster.ts';
import { queuesOf } from './idempotent-producer.ts';
import { isLoss, lossOf } from './lost-transaction.ts';
import { produceBatches } from './produce-batches.ts';
import { partitionId, throwFirstError } from './requests/kafka-request.ts';
import { initProducerId } from './requests/produce.ts';
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  type ProducerIdentity,
  txnOffsetCommit,
} from './requests/transactions.ts';
import { Sequences } from './sequences.ts';

type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'open'; readonly sinceMs: number }
  | { readonly kind: 'failed'; readonly sinceMs: number; readonly why: unknown }
  /** `over`: there is nothing left to abort. */
  | { readonly kind: 'spent'; readonly why: MillraceError; readonly over: boolean };

export class OpenTransactionalProducer implements TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #timeoutMs: number;
  readonly #sequences = new Sequences();
  /** Partitions and groups that the coordinator knows to be in the transaction. */
  readonly #members = new Set<string>();
  #identity: ProducerIdentity;
  /** transaction.version 2: the brokers do what AddPartitions and InitProducerId do otherwise. */
  #implicit = false;
  #phase: Phase = { kind: 'idle' };
  #working: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, transactionalId: string, timeoutMs: number) {
    this.#cluster = cluster;
    this.#timeoutMs = timeoutMs;
    this.#identity = { transactionalId, producerId: -1, producerEpoch: -1 };
  }

  /** Fences every earlier producer of the id, and waits until what it left open is aborted. */
  async open(): Promise<this> {
    await this.#init('Start');
    return this;
  }

  send(batches: readonly ProduceBatch[], compression: Compression): Promise<void> {
    const empty = batches.every(({ records }) => records.length === 0);
    return this.#inTransaction(empty, async () => {
      const codec = await loadCodec(compression);
      const identity = { ...this.#identity, transactional: true };
      const queues = queuesOf(batches, this.#sequences, identity, compression, codec);
      if (!this.#implicit) await this.#addPartitions(queues);
      const { transactionalId } = this.#identity;
      await produceBatches(this.#cluster, queues, { transactionalId, version: this.#implicit ? 12 : 9 });
      this.#sequences.advance(queues);
    });
  }

  sendOffsets(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    return this.#inTransaction(offsets.length === 0, async () => {
      const what = `Offsets of the group ${group} in ${this.#name}`;
      if (!this.#implicit) await this.#addGroup(group);
      const version = this.#implicit ? 5 : 3;
      await this.#cluster.withCoordinator('group', group, this.#patience(what), async (node) => {
        throwFirstError(await this.#cluster.send(node, txnOffsetCommit(this.#identity, group, offsets, version)));
      });
    });
  }

  commit(): Promise<void> {
    return this.#exclusively(async () => {
      const phase = this.#phase;
      if (phase.kind === 'failed')
        throw new RetryableError(
          `${this.#name} cannot be committed: a send in it has failed. Abort it, and do all of it again.`,
          this.#at,
          phase.why,
        );
      if (phase.kind === 'open') await this.#end(true, phase.sinceMs);
    });
  }

  async abort(): Promise<void> {
    await this.#working;
    if (this.#phase.kind === 'spent' && this.#phase.over) return;
    return this.#exclusively(async () => {
      const phase = this.#phase;
      if (phase.kind === 'open' || phase.kind === 'failed') await this.#end(false, phase.sinceMs);
    });
  }

  /** An open transaction is left to its timeout: abort it before. */
  async close(): Promise<void> {
    this.#spend(new RetryableError(`${this.#name}: the producer is closed.`, this.#at), false);
  }

  async #inTransaction(empty: boolean, work: () => Promise<void>): Promise<void> {
    return this.#exclusively(async () => {
      const phase = this.#phase;
      if (phase.kind === 'failed') throw phase.why;
      if (empty) return;
      const sinceMs = phase.kind === 'open' ? phase.sinceMs : Date.now();
      this.#phase = { kind: 'open', sinceMs };
      try {
        await work();
      } catch (thrown) {
        const why = (await this.#explained(thrown, sinceMs)) ?? thrown;
        this.#phase =
          why !== thrown ? { kind: 'spent', why: why as MillraceError, over: true } : { kind: 'failed', sinceMs, why };
        throw why;
      }
    });
  }

  async #end(commit: boolean, sinceMs: number): Promise<void> {
    const { transactionalId } = this.#identity;
    const patience = this.#patience(`${commit ? 'Commit' : 'Abort'} of ${this.#name}`);
    let unanswered = false;
    const request = endTxn(this.#identity, commit, this.#implicit ? 5 : 3);
    try {
      const answer = await this.#cluster.withCoordinator('transaction', transactionalId, patience, async (node) => {
        try {
          const given = await this.#cluster.send(node, request);
          if (given.errorCode !== 0) throw new BrokerRefusal(given.errorCode);
          return given;
        } catch (thrown) {
          unanswered ||= thrown instanceof ConnectionLost && thrown.sent;
          throw thrown;
        }
      });
      if (answer.next !== null) this.#identity = { transactionalId, ...answer.next };
    } catch (thrown) {
      if (await this.#endFailed(thrown, commit, sinceMs, unanswered)) return;
    }
    this.#sequences.clear();
    this.#members.clear();
    this.#phase = { kind: 'idle' };
    if (!this.#implicit) await this.#init(commit ? 'Transaction committed; next epoch' : 'Next epoch');
  }

  /** Returns where an abort finds nothing left to abort; whether the producer is spent. */
  async #endFailed(thrown: unknown, commit: boolean, sinceMs: number, unanswered: boolean): Promise<boolean> {
    const lost = isLoss(thrown);
    const explained = await this.#explained(thrown, sinceMs);
    if (explained === null && !commit) return false;
    const why = (explained ?? thrown) as MillraceError;
    if (commit && unanswered && !(why instanceof FencedError)) {
      const unknown = new UnknownOutcomeError(
        `${this.#name}: whether it was committed is not known: the answer was lost. Ask for what it wrote (its marker). ${why.message}`,
        this.#at,
        thrown,
      );
      this.#spend(unknown, false);
      throw unknown;
    }
    this.#spend(why, lost);
    if (commit || !(lost && why instanceof RetryableError)) throw why;
    return true;
  }

  async #init(what: string): Promise<void> {
    const { transactionalId, producerId, producerEpoch } = this.#identity;
    const patience = this.#patience(`${what} of ${this.#name}`);
    try {
      await this.#cluster.withCoordinator('transaction', transactionalId, patience, async (node) => {
        const request = initProducerId(transactionalId, this.#timeoutMs, producerId, producerEpoch);
        const answer = await this.#cluster.send(node, request);
        if (answer.errorCode !== 0) throw new BrokerRefusal(answer.errorCode);
        this.#identity = { transactionalId, producerId: answer.producerId, producerEpoch: answer.producerEpoch };
        this.#implicit = (await this.#cluster.features(node)).transactionVersion >= 2;
      });
    } catch (thrown) {
      this.#spend(thrown as MillraceError, true);
      throw thrown;
    }
  }

  async #addPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    const added = partitions.filter(({ topic, partition }) => !this.#members.has(partitionId(topic, partition)));
    if (added.length === 0) return;
    const { transactionalId } = this.#identity;
    const patience = this.#patience(`Partitions of ${this.#name}`);
    await this.#cluster.withCoordinator('transaction', transactionalId, patience, async (node) => {
      throwFirstError(await this.#cluster.send(node, addPartitionsToTxn(this.#identity, added)));
    });
    for (const { topic, partition } of added) this.#members.add(partitionId(topic, partition));
  }

  async #addGroup(group: string): Promise<void> {
    const member = `group ${group}`;
    if (this.#members.has(member)) return;
    const { transactionalId } = this.#identity;
    const patience = this.#patience(`Group ${group} of ${this.#name}`);
    await this.#cluster.withCoordinator('transaction', transactionalId, patience, async (node) => {
      const { errorCode } = await this.#cluster.send(node, addOffsetsToTxn(this.#identity, group));
      if (errorCode !== 0) throw new BrokerRefusal(errorCode);
    });
    this.#members.add(member);
  }

  /** What the coordinator says to a refusal that may mean two things: a newer producer, or a timeout. */
  async #explained(thrown: unknown, sinceMs: number): Promise<unknown> {
    if (!isLoss(thrown)) return thrown;
    return lossOf(thrown, this.#cluster, this.#identity, { sinceMs, timeoutMs: this.#timeoutMs, name: this.#name });
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    const doing = this.#working.then(async () => {
      if (this.#phase.kind === 'spent') throw this.#phase.why;
      await work();
    });
    this.#working = doing.catch(() => {});
    return doing;
  }

  #spend(why: MillraceError, over: boolean): void {
    this.#phase = { kind: 'spent', why, over };
  }
  #patience(what: string): Patience {
    return this.#cluster.patience(what, this.#at);
  }
  get #name(): string {
    return `the Kafka transaction of ${this.#identity.transactionalId}`;
  }
  get #at(): Readonly<Record<string, unknown>> {
    return { ...this.#identity };
  }
}
