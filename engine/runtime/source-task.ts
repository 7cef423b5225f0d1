/**
 * One source of a fused epoch: reads its splits, runs the chain behind the source over each batch, and passes the rows on to keyed
 * stages and sinks. Records that do not decode, are on the plan's skip list, or make a function of the chain throw become dead
 * letters where the job has them; otherwise the first one fails the epoch.
 */
import type { Manifest } from '../checkpoint/records.ts';
import type { JobNode, JobOutput } from '../graph/job-graph.ts';
import type { DeadLetter } from '../model/bad-record.ts';
import { ConfigError, messageOf, UserCodeError } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import type { SourceBatch } from '../model/source-batch.ts';
import { MAX_WATERMARK } from '../model/watermark.ts';
import { ExchangeBatch } from '../operators/exchange-batch.ts';
import type { ChannelObject } from '../operators/fusible.ts';
import type { Source, SourceContext } from '../ports/source.ts';
import type { WatermarkAlignmentParams } from '../time/watermark-strategy.ts';
import { compileChain, type CompiledChain } from './chain-compiler.ts';
import { address, type ChainLeaf, type ExchangeLeaf, type SinkLeaf } from './chain-leaf.ts';
import { keyHash } from '../state/key-bytes.ts';
import { operatorFailure, RecordFailure } from './failures.ts';
import { idlenessOf } from './idleness.ts';
import { followsWatermark } from './sink-progress.ts';
import type { SplitTask } from './split-task.ts';

export interface SourceWiring {
  readonly job: string;
  readonly node: JobNode;
  readonly source: Source<unknown>;
  readonly ctx: SourceContext;
  leaf(output: JobOutput): ChainLeaf;
  /** Rows of a channel for a keyed stage; the batch comes back through `release`. */
  deliver(leaf: ExchangeLeaf, batch: ExchangeBatch, rank: number): void;
  feed(leaf: SinkLeaf): void;
  /** Null: the job has no dead-letter output. */
  deadLetter: ((letter: DeadLetter, channel: number) => void) | null;
}

export class SourceTask {
  readonly splits: SplitTask[] = [];
  readonly counts = new Map<string, number>();
  readonly alignment: WatermarkAlignmentParams | null;
  readonly idlenessMs: number | null;
  clockMs = 0;
  private readonly wiring: SourceWiring;
  private chain: CompiledChain | null = null;
  private lazy = false;
  private readonly all: ChainLeaf[] = [];
  private readonly exchanges: ExchangeLeaf[] = [];
  private readonly sinks: SinkLeaf[] = [];
  /** Of them, those whose sink follows the watermark. */
  private readonly followed: SinkLeaf[] = [];
  private readonly spare: ExchangeBatch[] = [];
  /** Batches whose rows someone still refers to. */
  private readonly held = new Map<SourceBatch, { refs: number; readonly split: SplitTask }>();

  constructor(wiring: SourceWiring) {
    this.wiring = wiring;
    const { operator } = wiring.node;
    this.alignment = operator.kind === 'source' ? operator.strategy.alignment : null;
    this.idlenessMs = idlenessOf(wiring.node);
  }

  get uid(): string {
    return this.wiring.node.uid;
  }
  get node(): JobNode {
    return this.wiring.node;
  }
  get source(): Source<unknown> {
    return this.wiring.source;
  }
  get ctx(): SourceContext {
    return this.wiring.ctx;
  }

  /** The chain's leaves exist once it is compiled; before that no row has been seen. */
  get leaves(): readonly ExchangeLeaf[] {
    return this.exchanges;
  }

  /** The stages behind the chain are new: so are its leaves. */
  rewire(): void {
    if (this.chain !== null) takeChainCounts(this.chain, this.counts);
    this.chain = null;
    this.all.length = 0;
    this.exchanges.length = 0;
    this.sinks.length = this.followed.length = 0;
    this.spare.length = 0;
    this.held.clear();
  }

  /** Compiles the chain for the kind of rows the source makes; `sample` null: before the first batch. */
  private compiled(sample: SourceBatch | null): CompiledChain {
    const lazy = sample !== null && sample.row !== null;
    if (this.chain !== null && (sample === null || this.lazy === lazy || sample.n === 0)) return this.chain;
    if (this.chain !== null) takeChainCounts(this.chain, this.counts);
    let next = 0;
    const columns = new Map<string, boolean>();
    if (sample?.cols !== null && sample !== null)
      for (const [name, i] of sample.cols.fields) columns.set(name, sample.cols.start[i] !== null);
    this.lazy = lazy;
    this.chain = compileChain({
      head: this.wiring.node,
      tag: null,
      input: { kind: 'source', lazy, columns },
      // The tree is walked in the same order each time, so a second compilation meets the same leaves.
      leaf: (output) => {
        const known = this.all[next++];
        if (known !== undefined) return known;
        const leaf = this.wiring.leaf(output);
        this.all.push(leaf);
        if (leaf.kind === 'exchange') this.exchanges.push(leaf);
        else this.sinks.push(leaf);
        if (leaf.kind === 'sink' && followsWatermark(output.to)) this.followed.push(leaf);
        return leaf;
      },
    });
    return this.chain;
  }

  /** Initial channel state of a new split. */
  initialState(): readonly number[] {
    return this.compiled(null).initialState;
  }

  /** Watermarks of a split before anything is read in this epoch. */
  touch(split: SplitTask): void {
    const chain = this.compiled(null);
    chain.run(EMPTY, 0, 0, split.state, this.clockMs, this.objectsOf(split, chain));
    this.noteWatermarks(split);
  }

  /** Runs a batch of the split through the chain and hands its rows on. */
  process(split: SplitTask, batch: SourceBatch): void {
    const chain = this.compiled(batch);
    this.held.set(batch, { refs: 1, split });
    for (const leaf of this.exchanges) {
      if (leaf.key.kind === 'partition') leaf.partition = partitionOf(split, leaf.key.partitions);
      if (leaf.buffered) continue;
      const spare = this.spare.pop() ?? new ExchangeBatch(BATCH_ROWS);
      spare.n = 0;
      spare.source = batch;
      spare.split = split.id;
      address(leaf, spare);
      leaf.batch = spare;
    }
    const before = this.exchanges.map((leaf) => (leaf.buffered ? leaf.batch.n : 0));
    this.count('recordsIn', batch.n + batch.bad.length);
    this.runRows(chain, split, batch);
    split.position = batch.endPosition;
    split.rows += batch.n + batch.bad.length;
    this.noteWatermarks(split);
    this.exchanges.forEach((leaf, i) => {
      if (leaf.buffered) {
        leaf.batch.channel.fill(channelRank(split, i), before[i], leaf.batch.n);
        return;
      }
      this.retain(leaf.batch);
      this.wiring.deliver(leaf, leaf.batch, channelRank(split, i));
    });
    for (const leaf of this.sinks) this.wiring.feed(leaf);
    this.letGo(batch);
  }

  retain(batch: ExchangeBatch): void {
    const held = this.held.get(batch.source!);
    if (held !== undefined) held.refs++;
  }

  /** A stage has taken all rows of the batch. */
  release(batch: ExchangeBatch): void {
    const { source } = batch;
    batch.source = null;
    // Parts for several subtasks come back too: more than there were batches.
    if (this.spare.length < MAX_SPARE) this.spare.push(batch);
    if (source !== null) this.letGo(source);
  }

  owns(batch: ExchangeBatch): boolean {
    return batch.source !== null && this.held.has(batch.source);
  }

  takeCounts(into: Map<string, number>): void {
    for (const [name, n] of this.counts) into.set(name, (into.get(name) ?? 0) + n);
    this.counts.clear();
    for (const { reader } of this.splits) reader.takeCounts?.(into);
    if (this.chain !== null) takeChainCounts(this.chain, into);
  }

  /** Tells the source how far the committed epoch has read (`Source.committed`). */
  async committed(manifest: Manifest): Promise<void> {
    const { source, ctx, uid } = this;
    if (source.committed === undefined) return;
    const own = manifest.ranges.filter(({ id }) => id.startsWith(`${uid}/`));
    await source.committed(new Map(own.map(({ id, to }) => [id.slice(uid.length + 1), to])), ctx);
  }

  async close(): Promise<void> {
    for (const split of this.splits) await split.reader.close();
    this.splits.length = 0;
  }

  private noteWatermarks(split: SplitTask): void {
    split.leafWatermarks = this.exchanges.map((leaf) => leaf.wmEnd);
    if (this.alignment !== null && this.exchanges.length === 0)
      split.sinkWatermark = Math.min(MAX_WATERMARK, ...this.sinks.map((leaf) => leaf.wmEnd));
    if (this.followed.length > 0) split.sinkWatermarks = smallestBySink(this.followed);
  }

  private objectsOf(split: SplitTask, chain: CompiledChain): readonly ChannelObject[] {
    if (split.objects !== null) return split.objects;
    try {
      return split.makeObjects(this.uid, chain.makeObjects);
    } catch (thrown) {
      const { job, node } = this.wiring;
      throw operatorFailure(job, node.name, `the watermark generator of split ${split.id}`, thrown);
    }
  }

  private letGo(source: SourceBatch): void {
    const held = this.held.get(source);
    if (held === undefined || --held.refs > 0) return;
    this.held.delete(source);
    held.split.reader.release(source);
  }

  private runRows(chain: CompiledChain, split: SplitTask, batch: SourceBatch): void {
    let from = 0;
    let ran = false;
    let bad = 0;
    const { deadLetter } = this.wiring;
    const objects = this.objectsOf(split, chain);
    // A split's dead letters come in the order of its records, however it was read (E7a).
    const refuseBad = (before: number): void => {
      for (; bad < batch.bad.length && batch.bad[bad]!.position < before; bad++) {
        const { position, error, raw } = batch.bad[bad]!;
        this.refuse(split, position, this.wiring.node.name, error, () => raw, null);
      }
    };
    if (deadLetter === null) refuseBad(Infinity);
    for (;;) {
      const skipped = split.skip.size === 0 ? batch.n : nextSkipped(split.skip, batch, from);
      while (from < skipped) {
        const reached = chain.run(batch, from, skipped, split.state, this.clockMs, objects);
        ran = true;
        if (reached < skipped) {
          refuseBad(batch.positionOf(reached));
          const operator = chain.operators[chain.report.at]!.name;
          this.refuse(
            split,
            batch.positionOf(reached),
            operator,
            messageOf(chain.report.error),
            () => batch.rawOf(reached),
            chain.report.error,
          );
        }
        from = reached < skipped ? reached + 1 : skipped;
      }
      if (skipped === batch.n) break;
      refuseBad(batch.positionOf(skipped));
      const { operator, error } = split.skip.get(batch.positionOf(skipped))!;
      this.refuse(split, batch.positionOf(skipped), operator, error, () => batch.rawOf(skipped), null);
      from = skipped + 1;
    }
    refuseBad(Infinity);
    // The leaves' watermarks must be this split's, even if all its rows were skipped.
    if (!ran) chain.run(batch, 0, 0, split.state, this.clockMs, objects);
  }

  private refuse(
    split: SplitTask,
    position: number,
    operator: string,
    error: string,
    raw: () => string,
    thrown: unknown,
  ): void {
    const { job, deadLetter, node } = this.wiring;
    // A wrong program: no record is to blame, and another attempt is no better.
    if (thrown instanceof ConfigError) {
      throw new ConfigError(
        `job "${job}", operator "${operator}", split ${split.id}, position ${position}: ${thrown.message}\n  record: ${raw().slice(0, 500)}`,
        { job, operator, split: split.id, position },
        thrown,
      );
    }
    if (deadLetter !== null) {
      this.count('deadLettered', 1);
      deadLetter({ job, operator, split: split.id, position, error, record: raw() }, split.rank);
      return;
    }
    if (thrown !== null) throw new RecordFailure(job, operator, split.id, position, thrown, raw());
    throw new UserCodeError(
      `job "${job}", source "${node.name}", split ${split.id}, position ${position}: the record does not parse: ${error}\n  record: ${raw().slice(0, 500)}\n` +
        '  Mend the input, or take such records as env.deadLetters().',
      { job, operator: node.name, split: split.id, position },
    );
  }

  private count(name: string, n: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + n);
  }
}

/** A split reaches a stage once for each leaf: after a self-union its rows come by several ways. */
export function channelRank(split: SplitTask, leaf: number): number {
  return split.rank * MAX_LEAVES + leaf;
}
function partitionOf(split: SplitTask, partitions: number): number {
  return partitions === 1 ? 0 : keyHash(split.id) % partitions;
}
const MAX_LEAVES = 1024;
/** Exchange batches kept for reuse. */
const MAX_SPARE = 64;

export function takeChainCounts(chain: CompiledChain, into: Map<string, number>): void {
  chain.counterNames.forEach((name, i) => into.set(name, (into.get(name) ?? 0) + chain.counters[i]!));
  chain.counters.fill(0);
  for (const { operator } of chain.operators) if (operator.kind === 'stateless') operator.lifecycle?.takeCounts?.(into);
}

function nextSkipped(skip: ReadonlyMap<number, unknown>, batch: SourceBatch, from: number): number {
  for (let i = from; i < batch.n; i++) if (skip.has(batch.positionOf(i))) return i;
  return batch.n;
}

/** A sink may be reached by several ways: the furthest behind counts. */
function smallestBySink(leaves: readonly SinkLeaf[]): Record<string, number> {
  const watermarks: Record<string, number> = {};
  for (const { to, wmEnd } of leaves) watermarks[to] = Math.min(watermarks[to] ?? MAX_WATERMARK, wmEnd);
  return watermarks;
}

const EMPTY = { n: 0, values: [], row: null, timestamps: null };
