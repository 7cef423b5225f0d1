/** Makes the tasks of a job graph and keeps them between epochs: sources with their splits, keyed stages, sinks, dead letters. */
import { detailsOf } from '../checkpoint/build-plan.ts';
import type { Plan, ReadRange, StagedSlot } from '../checkpoint/records.ts';
import type { JobNode, JobOutput } from '../graph/job-graph.ts';
import type { DeadLetter } from '../model/bad-record.ts';
import { ConfigError, InvariantError, messageOf } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { MIN_WATERMARK, NO_TIMESTAMP } from '../model/watermark.ts';
import type { ExchangeBatch } from '../operators/exchange-batch.ts';
import { OutputBuffer } from '../operators/output-buffer.ts';
import type { KnownSplits, SplitReader, SplitSpec } from '../ports/source.ts';
import { compileChain } from './chain-compiler.ts';
import { exchangeLeaf, sinkLeaf, type ChainLeaf, type ExchangeLeaf, type SinkLeaf } from './chain-leaf.ts';
import type { SplitOffer } from './epoch-runner.ts';
import type { RunnerOptions } from './runner-options.ts';
import type { FanOut } from './fan-out/fan-out-wiring.ts';
import type { Outgoing } from './fan-out/outgoing.ts';
import { FunctionLives } from './function-lives.ts';
import { KeyedStage } from './keyed-stage.ts';
import { OutputChain } from './output-chain.ts';
import { SinkTask } from './sink-task.ts';
import type { TableBackend } from './table/table-backend.ts';
import { SourceTask, takeChainCounts } from './source-task.ts';
import { splitsBefore, SplitTask } from './split-task.ts';
import { checkStages, isBuffered, keyedNodes } from './stage-graph.ts';

/** Ranks of channels: splits first, then the key groups of each stage, apart by this much. */
const STAGE_RANKS = 2 ** 32;

/** A split that has ended needs no reader. */
const ENDED: SplitReader = {
  fill: () => 'end',
  release: () => undefined,
  endPosition: () => null,
  close: async () => undefined,
};

export function wireJob(options: RunnerOptions, fanOut: FanOut | null = null): WiredJob {
  checkStages(options.graph);
  return new WiredJob(options, fanOut);
}

export class WiredJob {
  readonly sources: SourceTask[] = [];
  readonly sinks: SinkTask[] = [];
  stages: KeyedStage[] = [];
  /** Rows on their way to keyed stages, in a fanned-out epoch; null: they are processed here. */
  outgoing: Outgoing | null = null;
  /** Takes back batches that came out of a shuffle. */
  releaseShuffled: (batch: ExchangeBatch) => void = () => undefined;
  private readonly options: RunnerOptions;
  private readonly fanOut: FanOut | null;
  private readonly offers = new Map<string, { readonly source: SourceTask; readonly spec: SplitSpec }>();
  private readonly letterNode: JobNode | null;
  private letters: OutputBuffer | null = null;
  private chains: OutputChain[] = [];
  private readonly lives: FunctionLives;
  private sinksOpen = false;
  /** Number of splits at the last check: splits are only ever added. */
  private checkedSplits = -1;

  constructor(options: RunnerOptions, fanOut: FanOut | null) {
    this.options = options;
    this.fanOut = fanOut;
    const { graph, job, clock, log, blobs } = options;
    this.lives = fanOut?.lives ?? new FunctionLives(graph);
    this.letterNode = graph.nodes.find((node) => node.operator.kind === 'dead-letters') ?? null;
    for (const node of graph.nodes) {
      const { operator } = node;
      if (operator.kind === 'sink')
        this.sinks.push(new SinkTask(node, operator.sink, { job, sink: node.uid, clock, log, blobs }));
      if (operator.kind === 'source') this.sources.push(this.sourceTask(node));
    }
  }

  /** `known`: the splits that the job has read already. */
  async discover(known: KnownSplits): Promise<readonly SplitOffer[]> {
    for (const source of this.sources) {
      const offered = [...this.offers.values()].some((offer) => offer.source === source);
      if (source.source.bounded && offered) continue;
      for (const spec of await source.source.discover(source.ctx, splitsOf(source, known)))
        this.offers.set(`${source.uid}/${spec.id}`, { source, spec });
    }
    const offers = [...this.offers].map(([id, { spec }]) => ({
      id,
      startPosition: spec.startPosition,
      ...detailsOf(spec),
    }));
    return offers.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Fresh operators; whatever was in memory is gone. */
  async reset(subtasks: Readonly<Record<string, number>>): Promise<void> {
    // What failed is known already, and the next attempt has operators of its own: an operator that cannot be closed must not stop it.
    for (const stage of this.stages)
      await stage.closeOperators((thrown) =>
        this.options.notice?.('an operator could not be closed after a failed attempt', { why: messageOf(thrown) }),
      );
    for (const source of this.sources) await source.close();
    this.discard();
    if (!this.sinksOpen) for (const sink of this.sinks) await sink.open();
    this.sinksOpen = true;
    await this.lives.open();
    this.wire(subtasks);
    for (const stage of this.stages) await stage.open();
  }

  /** Splits at the positions and with the channel state that the plan says. */
  async openSplits(plan: Plan, only: ReadonlySet<string> | null = null): Promise<void> {
    this.checkSplits(plan);
    if (only !== null) await this.dropSplits(only);
    for (const [rank, planned] of plan.splits.entries()) {
      if (only !== null && !only.has(planned.id)) continue;
      const source = this.sourceOf(planned.id);
      const known = source.splits.find((split) => split.id === planned.id);
      const skip = new Map(
        plan.skip.filter((record) => record.split === planned.id).map((record) => [record.position, record] as const),
      );
      let split = known;
      if (split === undefined || split.position !== planned.from || split.rank !== rank) {
        await split?.reader.close();
        if (split !== undefined) source.splits.splice(source.splits.indexOf(split), 1);
        const offer = this.offers.get(planned.id);
        const startPosition = offer?.spec.startPosition ?? planned.from;
        const spec = { id: planned.id.slice(source.uid.length + 1), startPosition, ...detailsOf(planned) };
        const kept = planned.state?.generators[source.uid];
        const initial = source.initialState();
        const reader = planned.state?.ended === true ? ENDED : await source.source.open(spec, planned.from, source.ctx);
        split = new SplitTask(planned.id, rank, reader, planned.from, kept?.length === initial.length ? kept : initial);
        source.splits.push(split);
      }
      split.begin(planned, plan.clock, source.idlenessMs, skip);
    }
    for (const chain of this.chains) chain.clockMs = plan.clock;
  }

  /** Splits that another worker has now: a new split may have moved them. */
  private async dropSplits(keep: ReadonlySet<string>): Promise<void> {
    for (const source of this.sources) {
      for (const split of source.splits.filter(({ id }) => !keep.has(id))) {
        await split.reader.close();
        source.splits.splice(source.splits.indexOf(split), 1);
      }
    }
  }

  /** Once for every set of splits: sources refuse what they could not read on from. */
  private checkSplits(plan: Plan): void {
    if (plan.splits.length === this.checkedSplits) return;
    for (const source of this.sources) {
      const own = plan.splits.filter(({ id }) => this.sourceOf(id) === source);
      source.source.checkSplits?.(own.map(({ id }) => id.slice(source.uid.length + 1)));
    }
    this.checkedSplits = plan.splits.length;
  }

  ranges(plan: Plan): ReadRange[] {
    const all = this.sources.flatMap((source) =>
      source.splits.map((split) => split.range(source.uid, plan.clock, source.idlenessMs !== null)),
    );
    return all.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** What a failed attempt had read; null if it had not begun. */
  rangesRead(plan: Plan): ReadRange[] | null {
    const ranges = this.ranges(plan);
    return ranges.length === plan.splits.length ? ranges : null;
  }

  /** The attempt failed: forget its output and counts. State and readers go with the next reset. */
  discard(): void {
    for (const sink of this.sinks) sink.discard();
    this.takeCounts([]);
    if (this.letters !== null) this.letters.n = 0;
    this.outgoing?.discard();
  }

  flushDeadLetters(): void {
    this.letters?.flush();
  }

  takeCounts(staged: readonly StagedSlot[]): Record<string, number> {
    const counts = new Map<string, number>();
    for (const source of this.sources) source.takeCounts(counts);
    for (const { chain } of this.chains) takeChainCounts(chain, counts);
    for (const stage of this.stages) {
      for (const subtask of stage.subtasks) {
        for (const [name, n] of subtask.counts) counts.set(name, (counts.get(name) ?? 0) + n);
        subtask.counts.clear();
      }
    }
    for (const { sink, records } of staged) {
      counts.set('recordsOut', (counts.get('recordsOut') ?? 0) + records);
      counts.set(`recordsOut:${sink}`, (counts.get(`recordsOut:${sink}`) ?? 0) + records);
    }
    return Object.fromEntries([...counts].filter(([, n]) => n !== 0));
  }

  timerDue(nowMs: number): boolean {
    return this.stages.some((stage) => stage.nextTimers().processingTime <= nowMs);
  }

  /** True when a source that may still find splits has found one. */
  async hasNewSplit(): Promise<boolean> {
    for (const source of this.sources) {
      if (source.source.bounded) continue;
      const known = new Set(source.splits.map((split) => split.id));
      const found = await source.source.discover(
        source.ctx,
        splitsOf(source, splitsBefore({ splits: source.splits.map((split) => split.plan) })),
      );
      if (found.some(({ id }) => !known.has(`${source.uid}/${id}`))) return true;
    }
    return false;
  }

  /** True when some split has something to read, or has ended, or has become idle. */
  async hasInput(nowMs: number): Promise<boolean> {
    for (const source of this.sources) {
      const { idlenessMs } = source;
      for (const split of source.splits) {
        if (split.status === 'ended' || split.paused) continue;
        if (split.pending !== null) return true;
        if (idlenessMs !== null && !split.idle && split.idleSince !== null && nowMs - split.idleSince >= idlenessMs)
          return true;
        const filled = await split.reader.fill(BATCH_ROWS, null);
        if (filled === 'empty') continue;
        if (filled !== 'end') split.pending = filled;
        return true;
      }
    }
    return false;
  }

  /** Closes everything, also behind an operator that throws; then throws what the first one threw. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const stage of this.stages) await stage.closeOperators((thrown) => failures.push(thrown));
    await this.quiesce();
    if (this.fanOut?.lives === undefined) await this.lives.close();
    if (failures.length > 0) throw failures[0];
  }

  /** Closes what holds a connection or would act by itself: readers, sources, publishers. They open again when they are needed. */
  async quiesce(): Promise<void> {
    for (const source of this.sources) {
      await source.close();
      await source.source.close?.();
    }
    for (const sink of this.sinks) await sink.close();
  }

  get job(): string {
    return this.options.job;
  }

  get table(): TableBackend | null {
    return this.options.table ?? null;
  }

  /** A keyed stage of the job that this is not wired for. */
  livesElsewhere(uid: string): boolean {
    const { stages } = this.fanOut ?? {};
    return stages !== undefined && !stages.includes(uid) && keyedNodes(this.options.graph).some((n) => n.uid === uid);
  }

  private sourceOf(splitId: string): SourceTask {
    const source = this.sources.find((s) => splitId.startsWith(`${s.uid}/`));
    if (source === undefined) {
      throw new ConfigError(
        `the checkpoint has read split ${splitId}, but the job has no source with uid "${splitId.split('/')[0]}" any more. Give the source its old uid, or start the job in a new state folder.`,
      );
    }
    return source;
  }

  private sourceTask(node: JobNode): SourceTask {
    const { job, clock, log, blobs } = this.options;
    if (node.operator.kind !== 'source') throw new InvariantError('not a source');
    return new SourceTask({
      job,
      node,
      source: node.operator.source,
      ctx: {
        job,
        operator: node.name,
        clock,
        log,
        blobs,
        notice: (text, data) => this.options.notice?.(text, data),
      },
      leaf: (output) => this.leaf(node, output),
      deliver: (leaf, batch, rank) => this.deliver(leaf, batch, rank),
      feed: (leaf) => this.feed(leaf, this.fanOut?.index ?? 0),
      deadLetter: this.letterNode === null ? null : (letter, channel) => this.deadLetter(letter, channel),
    });
  }

  /** New stages and new chains behind them; sources keep their leaves and are wired to the new stages. */
  private wire(subtasks: Readonly<Record<string, number>>): void {
    const { graph, job, clock } = this.options;
    this.chains = [];
    this.outgoing = this.fanOut?.outgoing(subtasks) ?? null;
    this.stages = keyedNodes(graph)
      .filter(({ uid }) => this.fanOut?.stages?.includes(uid) ?? true)
      .map(
        (node) =>
          new KeyedStage({
            job,
            clock,
            node,
            maxParallelism: graph.maxParallelism,
            buffered: isBuffered(node),
            subtasks: subtasks[node.uid] ?? 1,
            only: this.fanOut?.index ?? null,
            table: this.table,
            chain: (subtask, tag) => this.outputChain(node, tag, subtask),
            retain: (batch) => this.sourceHolding(batch)?.retain(batch),
            release: (batch) => this.release(batch),
          }),
      );
    for (const source of this.sources) source.rewire();
    this.letters = this.letterNode === null ? null : this.letterBuffer(this.letterNode);
  }

  private release(batch: ExchangeBatch): void {
    const source = this.sourceHolding(batch);
    if (source === undefined) this.releaseShuffled(batch);
    else source.release(batch);
  }

  private sourceHolding(batch: ExchangeBatch): SourceTask | undefined {
    return this.sources.find((source) => source.owns(batch));
  }

  private leaf(head: JobNode, { to, key, input }: JobOutput): ChainLeaf {
    if (to.operator.kind === 'sink') return sinkLeaf(to.uid);
    if (key === null || to.operator.kind !== 'keyed')
      throw new InvariantError(`edge into ${to.name} is neither a shuffle nor a sink`);
    const fromSource = head.operator.kind === 'source';
    const leaf = exchangeLeaf(
      { to, key, input },
      this.outgoing === null ? isBuffered(to) : !fromSource,
      this.options.graph.maxParallelism,
    );
    if (!leaf.buffered) return leaf;
    const rankBase = (keyedNodes(this.options.graph).indexOf(head) + 1) * STAGE_RANKS;
    if (this.outgoing === null) this.stages.find((s) => s.uid === to.uid)!.inputs.push({ leaf, rankBase });
    else this.outgoing.register(leaf, rankBase);
    return leaf;
  }

  private deliver(leaf: ExchangeLeaf, batch: ExchangeBatch, rank: number): void {
    if (this.outgoing === null) {
      this.stages.find((stage) => stage.uid === leaf.to)!.accept(leaf, batch, rank, leaf.wmEnd);
      return;
    }
    this.outgoing.add(leaf, batch, rank);
    this.sourceHolding(batch)?.release(batch);
  }

  private outputChain(node: JobNode, tag: string | null, subtask: number): OutputChain | null {
    if (!node.outputs.some((output) => output.tag === tag)) return null;
    const sinks: SinkLeaf[] = [];
    const chain = compileChain({
      head: node,
      tag,
      input: { kind: 'buffer' },
      leaf: (output) => {
        const leaf = this.leaf(node, output);
        if (leaf.kind === 'sink') sinks.push(leaf);
        return leaf;
      },
    });
    const made = new OutputChain(this.options.job, chain, sinks, (leaf) => this.feed(leaf, subtask));
    this.chains.push(made);
    return made;
  }

  private letterBuffer(node: JobNode): OutputBuffer {
    const chain = this.outputChain(node, null, this.fanOut?.index ?? 0);
    return new OutputBuffer((buffer) => chain?.run(buffer));
  }

  private deadLetter(letter: DeadLetter, channel: number): void {
    this.letters!.emit(letter, NO_TIMESTAMP, MIN_WATERMARK, channel);
  }

  private feed(leaf: SinkLeaf, subtask: number): void {
    this.sinks.find((sink) => sink.node.uid === leaf.to)!.write(leaf, subtask);
  }
}

/** Of these splits, the source's own, by the names that it gave them. */
function splitsOf({ uid }: SourceTask, splits: KnownSplits): KnownSplits {
  return new Map(
    [...splits].filter(([id]) => id.startsWith(`${uid}/`)).map(([id, split]) => [id.slice(uid.length + 1), split]),
  );
}
