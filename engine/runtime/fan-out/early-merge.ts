/**
 * Rows on their way to one keyed stage, merged before the shuffle where its operator can (operators/pre-aggregator.ts). The partials of all
 * senders are one channel of the receiver, PARTIALS_RANK, which it reads before any other.
 */
import type { JobGraph, JobNode } from '../../graph/job-graph.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { PreAggregator } from '../../operators/pre-aggregator.ts';
import type { ExchangeLeaf } from '../chain-leaf.ts';
import { operatorFailure, RecordFailure } from '../failures.ts';
import { keyGroupRange } from '../keyed-stage.ts';
import type { KeyedInput, ShuffleWriter } from '../shuffle/shuffle-writer.ts';
import { KeptPartials, PARTIALS_RANK } from './kept-partials.ts';

/** Partials that a sender holds back; more are sent, and new ones begun. */
const MAX_PARTIALS = 1 << 18;

/** For worker `index` (null: it keeps nothing for itself); the stage has `receivers` subtasks. Answers null if the stage takes rows only. */
export function earlyMerge(graph: JobGraph, uid: string, index: number | null, receivers: number): EarlyMerge | null {
  const node = graph.nodes.find((each) => each.uid === uid)!;
  if (node.operator.kind !== 'keyed') return null;
  const aggregator = node.operator.factory.preAggregator?.(graph.maxParallelism) ?? null;
  if (aggregator === null) return null;
  const kept =
    index !== null && index < receivers
      ? new KeptPartials(keyGroupRange(graph.maxParallelism, receivers, index))
      : null;
  return new EarlyMerge(graph.job, node, aggregator, kept);
}

export class EarlyMerge {
  private readonly job: string;
  private readonly node: JobNode;
  private readonly aggregator: PreAggregator;
  /** Null: the worker has no subtask of the stage. */
  readonly kept: KeptPartials | null;
  private input: KeyedInput | null = null;

  constructor(job: string, node: JobNode, aggregator: PreAggregator, kept: KeptPartials | null) {
    this.job = job;
    this.node = node;
    this.aggregator = aggregator;
    this.kept = kept;
  }

  begin(watermark: number): void {
    this.aggregator.begin(watermark);
  }

  /** Takes what it can out of the batch. */
  take(leaf: ExchangeLeaf, batch: ExchangeBatch, writer: ShuffleWriter): void {
    const { aggregator } = this;
    this.input ??= { ...leaf, key: { kind: 'function', select: (row) => row }, keyColumn: -1, wmEnd: MIN_WATERMARK };
    const keyField = batch.lazy && leaf.keyColumn >= 0 && leaf.key.kind === 'field' ? leaf.key.field : null;
    try {
      aggregator.take(batch, keyField);
    } catch (thrown) {
      throw this.located(batch, aggregator.failedRow, thrown);
    }
    if (aggregator.size > MAX_PARTIALS) this.drain(writer);
  }

  drain(writer: ShuffleWriter): void {
    if (this.aggregator.size > 0)
      this.aggregator.drain((batch) => writer.add(this.input!, batch, PARTIALS_RANK), this.kept);
  }

  discard(): void {
    this.aggregator.discard();
    this.kept?.discard();
  }

  private located(batch: ExchangeBatch, row: number, thrown: unknown): unknown {
    const { job, node } = this;
    const { source } = batch;
    if (source === null) return operatorFailure(job, node.name, `a row with timestamp ${batch.ts[row]}`, thrown);
    const at = batch.index[row]!;
    return new RecordFailure(job, node.name, batch.split, source.positionOf(at), thrown, source.rawOf(at));
  }
}
