/**
 * Fused and fanned-out epochs of one job: the plan decides per epoch, and per operator, how many subtasks there are (ARCHITECTURE section 2).
 * State belongs to key groups and is read from the segments that a plan names, so the numbers may change from one epoch to the
 * next; whoever did not run the last epoch finds its memory stale by the tag and reads it anew.
 * 'auto' goes by mode-choice.ts. A source gets no more subtasks than there are splits with input, an operator no more than its parallelism.
 */
import type { BaseRef, Manifest, Plan, PlannedSplit, SegmentRef, Ack } from '../../checkpoint/records.ts';
import type { JobGraph, JobNode } from '../../graph/job-graph.ts';
import type { EpochMode } from '../../model/epoch-mode.ts';
import { InvariantError } from '../../model/errors.ts';
import type { AttemptId } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import type { KnownSplits } from '../../ports/source.ts';
import { epochsLeft, type SourceBacklog } from '../backlog.ts';
import { AttemptFailure, type EpochBudget, type EpochRunner, type SplitOffer } from '../epoch-runner.ts';
import { isIdle, type FusedRunner } from '../fused-runner.ts';
import { attemptFailure } from '../failures.ts';
import { runFannedOut, workersOf } from './fan-out-epoch.ts';
import type { Owners } from './assign-splits.ts';
import { ModeChoice } from './mode-choice.ts';
import { STRAGGLER_LIMITS, type StragglerLimits } from './straggler-policy.ts';
import type { PeerPool, SubtaskPeer } from './subtask-peer.ts';

export interface HybridOptions {
  readonly graph: JobGraph;
  readonly clock: Clock;
  readonly mode: EpochMode;
  /** Workers, at most the job's parallelism. */
  readonly workers: number;
  /** Absent: fanned-out epochs run elsewhere. */
  readonly pool?: PeerPool;
  readonly limits?: StragglerLimits;
  onNotice?(text: string, data: Readonly<Record<string, unknown>>): void;
  /** Tests: subtasks of an operator, at most `most`. Default: its parallelism, if that is less. */
  subtasksOf?(node: JobNode, most: number): number;
  /** Tests: the splits' ranges of an epoch, as another run read them. */
  rangesOf?(epoch: number): readonly PlannedSplit[];
}

/** Runs fanned-out epochs, instead of a pool's workers. */
export interface FannedOutElsewhere {
  run(
    plan: Plan,
    attempt: AttemptId,
    budget: EpochBudget,
  ): Promise<{ readonly ack: Ack; readonly idle: boolean; readonly backlog: readonly SourceBacklog[] }>;
}

const POLL_MS = 50;

const NO_WORKERS: PeerPool = {
  peer: () => Promise.reject(new InvariantError('the job has no workers')),
  close: async () => undefined,
};

export class HybridRunner implements EpochRunner {
  readonly graphHash: string;
  private readonly fused: FusedRunner;
  private readonly options: HybridOptions;
  private readonly elsewhere: FannedOutElsewhere | null;
  private readonly pool: PeerPool;
  private readonly choice: ModeChoice;
  private peers: SubtaskPeer[] = [];
  private lastWasFannedOut = false;
  private owners: Owners = new Map();
  private offers: readonly SplitOffer[] = [];
  /** What the last epoch had, and left. */
  private last: { readonly splits: ReadonlySet<string>; readonly backlog: readonly SourceBacklog[] } | null = null;

  constructor(fused: FusedRunner, options: HybridOptions, elsewhere: FannedOutElsewhere | null = null) {
    this.fused = fused;
    this.options = options;
    this.elsewhere = elsewhere;
    this.pool = options.pool ?? NO_WORKERS;
    this.choice = new ModeChoice(options.workers);
    this.graphHash = fused.graphHash;
    if (options.mode === 'fanned-out') this.prepare();
  }

  async discover(known: KnownSplits): Promise<readonly SplitOffer[]> {
    this.offers = await this.fused.discover(known);
    return this.offers;
  }

  subtasks(): Readonly<Record<string, number>> {
    const { graph, workers, mode } = this.options;
    const width = mode === 'fanned-out' ? workers : mode === 'auto' ? this.choice.width : 1;
    if (width === 1 && mode !== 'fanned-out') return this.fused.subtasks();
    const subtasksOf = (node: JobNode, most: number): number =>
      this.options.subtasksOf?.(node, most) ?? Math.min(most, node.parallelism);
    const splits = Math.max(1, this.splitsWithInput());
    const subtasks: Record<string, number> = {};
    for (const node of graph.nodes) {
      const { kind } = node.operator;
      if (kind === 'keyed') subtasks[node.uid] = subtasksOf(node, width);
      else if (kind === 'source') subtasks[node.uid] = subtasksOf(node, Math.min(width, splits));
    }
    return subtasks;
  }

  async run(
    plan: Plan,
    attempt: AttemptId,
    budget: EpochBudget,
  ): Promise<{ readonly ack: Ack; readonly idle: boolean }> {
    const startedMs = this.options.clock.monotonicMs();
    const splits = this.options.rangesOf?.(plan.epoch);
    if (splits !== undefined) plan = { ...plan, splits };
    this.lastWasFannedOut = this.isFannedOut(plan);
    const { ack, idle, backlog } = this.lastWasFannedOut
      ? await (this.elsewhere?.run(plan, attempt, budget) ?? this.fanOut(plan, attempt, budget))
      : { ...(await this.fused.run(plan, attempt, budget)), backlog: this.fused.backlog() };
    this.last = { splits: new Set(plan.splits.map((split) => split.id)), backlog };
    this.choice.note({
      // A plan of another process may be wider than anything tried here.
      width: this.lastWasFannedOut ? (this.choice.width > 1 ? this.choice.width : workersOf(plan)) : 1,
      rows: ack.counts['recordsIn'] ?? 0,
      tookMs: this.options.clock.monotonicMs() - startedMs,
      intervalMs: budget.intervalMs,
      ended: ack.ended,
      epochsLeft: epochsLeft(backlog),
    });
    if (this.options.mode === 'auto' && this.options.workers > 1 && this.choice.mayFanOutSoon) this.prepare();
    return { ack, idle };
  }

  committed(manifest: Manifest): void {
    if (this.lastWasFannedOut) for (const peer of this.peers) peer.committed(manifest.state, manifest.watermarks);
    else this.fused.committed(manifest);
  }

  publish(manifest: Manifest): Promise<void> {
    return this.fused.publish(manifest);
  }

  stamp(run: string, epoch: number): Promise<void> {
    return this.fused.stamp(run, epoch);
  }

  resume(run: string, epoch: number): Promise<void> {
    return this.fused.resume(run, epoch);
  }

  async fold(base: BaseRef | null, log: readonly SegmentRef[], run: string, tag: string): Promise<BaseRef> {
    if (this.lastWasFannedOut) {
      const parts = await Promise.all(this.peers.map((peer) => peer.dump({ base, log }, run, tag)));
      if (parts.length > 0 && parts.every((part) => part !== null)) {
        return { epoch: parts[0]!.epoch, snapshots: parts.flatMap((part) => part.snapshots) };
      }
    }
    return await this.fused.fold(base, log, run, tag);
  }

  async waitForInput(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.lastWasFannedOut) await this.fused.waitForInput(timeoutMs, signal);
    else await this.options.clock.sleep(Math.min(timeoutMs, POLL_MS), signal);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.peers.map((peer) => peer.close()));
    await this.pool.close();
    await this.fused.close();
  }

  /** Splits of which the last epoch left something, and those that are new. */
  private splitsWithInput(): number {
    const { last } = this;
    if (last === null) return this.offers.length;
    const fresh = this.offers.filter(({ id }) => !last.splits.has(id)).length;
    return last.backlog.reduce((sum, { splits }) => sum + splits, fresh);
  }

  private prepare(): void {
    for (let i = 0; i < this.options.workers; i++) this.pool.prepare?.(i);
  }

  /** Plans of fanned-out epochs give subtasks to sources as well. */
  private isFannedOut(plan: Plan): boolean {
    return this.options.graph.nodes.some(
      (node) => node.operator.kind === 'source' && plan.subtasks[node.uid] !== undefined,
    );
  }

  private async fanOut(
    plan: Plan,
    attempt: AttemptId,
    { intervalMs, timeoutMs, maxRows, signal }: EpochBudget,
  ): Promise<{ ack: Ack; idle: boolean; backlog: readonly SourceBacklog[] }> {
    const { graph, clock, limits = STRAGGLER_LIMITS } = this.options;
    const { owners, pool } = this;
    const budget = { intervalMs, timeoutMs, maxRows };
    try {
      const ran = await runFannedOut({
        graph,
        pool,
        clock,
        plan,
        attempt,
        budget,
        signal,
        owners,
        limits,
        notice: (text, data) => this.options.onNotice?.(text, data),
      });
      this.owners = ran.owners;
      // Those that won: some may have been replaced.
      this.peers = await Promise.all(Array.from({ length: workersOf(plan) }, (_, i) => pool.peer(i)));
      const idle = isIdle(plan, ran.ack);
      if (idle) for (const peer of this.peers) peer.committed(plan.state, plan.watermarks);
      const reissues = ran.reissues === 0 || idle ? {} : { reissues: ran.reissues };
      return { ack: { ...ran.ack, counts: { ...ran.ack.counts, ...reissues } }, idle, backlog: ran.backlog };
    } catch (thrown) {
      throw thrown instanceof AttemptFailure ? thrown : attemptFailure(thrown, null, graph.hasDeadLetters);
    }
  }
}
