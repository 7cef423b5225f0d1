/**
 * Rows on their way out of a worker: a shuffle writer for each keyed stage of the job. Rows of a split come with their channel's rank; rows
 * of a keyed stage come mixed, with the key group that emitted them, and are put back into their channels first (E7).
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { ExchangeLeaf } from '../chain-leaf.ts';
import type { ShuffledChannel } from '../keyed-stage.ts';
import { ShuffleWriter } from '../shuffle/shuffle-writer.ts';
import { earlyMerge, type EarlyMerge } from './early-merge.ts';
import type { Block } from './subtask-peer.ts';

export class Outgoing {
  private readonly writers = new Map<string, ShuffleWriter>();
  private readonly merges = new Map<string, EarlyMerge | null>();
  private readonly mixed: { readonly leaf: ExchangeLeaf; readonly rankBase: number }[] = [];
  private watermarks: Readonly<Record<string, number>> = {};
  private readonly graph: JobGraph;
  private readonly receivers: Readonly<Record<string, number>>;
  private readonly index: number | null;

  /** Of worker `index`; null: the worker's own subtasks are reached by blocks only, like all others. */
  constructor(graph: JobGraph, receivers: Readonly<Record<string, number>>, index: number | null) {
    this.graph = graph;
    this.receivers = receivers;
    this.index = index;
  }

  /** A leaf of a keyed stage's output: its rows stay until `take`. */
  register(leaf: ExchangeLeaf, rankBase: number): void {
    this.mixed.push({ leaf, rankBase });
  }

  /** An epoch in which the stages stand at these watermarks. */
  begin(watermarks: Readonly<Record<string, number>>): void {
    this.watermarks = watermarks;
    for (const [uid, merge] of this.merges) merge?.begin(watermarks[uid] ?? MIN_WATERMARK);
  }

  /** All rows of the batch are of one channel. */
  add(leaf: ExchangeLeaf, batch: ExchangeBatch, rank: number): void {
    this.mergeOf(leaf)?.take(leaf, batch, this.writer(leaf.to));
    if (batch.n > 0) this.writer(leaf.to).add(leaf, batch, rank);
  }

  /** What has been written since the last time, per stage and receiver. */
  take(): Block[] {
    for (const { leaf, rankBase } of this.mixed) {
      this.mergeOf(leaf)?.take(leaf, leaf.batch, this.writer(leaf.to));
      for (const [keyGroup, part] of byChannel(leaf.batch)) this.writer(leaf.to).add(leaf, part, rankBase + keyGroup);
      leaf.batch.n = 0;
    }
    for (const [stage, merge] of this.merges) merge?.drain(this.writer(stage));
    const blocks: Block[] = [];
    for (const [stage, writer] of this.writers) {
      for (const { receiver, bytes } of writer.finish()) blocks.push({ stage, receiver, bytes });
    }
    return blocks;
  }

  /** Of what `take` found, the part that goes to the worker itself and has not become blocks. */
  takeKept(uid: string): ShuffledChannel[] {
    const kept = this.merges.get(uid)?.kept ?? null;
    return kept === null ? [] : [kept.take()];
  }

  discard(): void {
    this.writers.clear();
    for (const merge of this.merges.values()) merge?.discard();
    for (const { leaf } of this.mixed) leaf.batch.n = 0;
  }

  private mergeOf(leaf: ExchangeLeaf): EarlyMerge | null {
    let merge = this.merges.get(leaf.to);
    if (merge === undefined) {
      merge = earlyMerge(this.graph, leaf.to, this.index, this.receivers[leaf.to] ?? 1);
      merge?.begin(this.watermarks[leaf.to] ?? MIN_WATERMARK);
      this.merges.set(leaf.to, merge);
    }
    return merge;
  }

  private writer(uid: string): ShuffleWriter {
    let writer = this.writers.get(uid);
    if (writer === undefined) {
      const { maxParallelism } = this.graph;
      writer = new ShuffleWriter({ maxParallelism, receivers: this.receivers[uid] ?? 1 });
      this.writers.set(uid, writer);
    }
    return writer;
  }
}

/** The rows of each channel, in order. */
function byChannel(batch: ExchangeBatch): Map<number, ExchangeBatch> {
  const parts = new Map<number, ExchangeBatch>();
  for (let j = 0; j < batch.n; j++) {
    const channel = batch.channel[j]!;
    let part = parts.get(channel);
    if (part === undefined) parts.set(channel, (part = new ExchangeBatch(64)));
    if (part.n === part.capacity) part.grow();
    const n = part.n++;
    part.values[n] = batch.values[j];
    part.keys[n] = batch.keys[j];
    part.ts[n] = batch.ts[j]!;
    part.wm[n] = batch.wm[j]!;
  }
  return parts;
}
