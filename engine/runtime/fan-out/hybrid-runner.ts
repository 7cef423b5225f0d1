/**
 * Fused and fanned-out epochs of one job: the plan decides per epoch (ARCHITECTURE section 2). State belongs to key groups and is read from
 * the segments that a plan names, so the two may alternate from one epoch to the next; whoever did not run the last epoch finds its
 * memory stale by the tag and reads it anew.
 * 'auto' goes by mode-choice.ts.
 */
import type { BaseRef, Manifest, Plan, PlannedSplit, SegmentRef, Ack } from '../../checkpoint/records.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { EpochMode } from '../../model/epoch-mode.ts';
import type { AttemptId } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import { AttemptFailure, type EpochBudget, type EpochRunner, type SplitOffer } from '../epoch-runner.ts';
import { isIdle, type FusedRunner } from '../fused-runner.ts';
import { attemptFailure } from '../failures.ts';
import { ModeChoice } from './mode-choice.ts';
import { runFannedOut } from './fan-out-epoch.ts';
import type { SubtaskPeer } from './subtask-peer.ts';

export interface HybridOptions {
  readonly graph: JobGraph;
  readonly clock: Clock;
  readonly mode: EpochMode;
  /** Workers, at most the job's parallelism. */
  readonly workers: number;
  /** The worker i, started anew if it has died. */
  peer(index: number): Promise<SubtaskPeer>;
  /** It will be asked for soon: what takes time may begin. */
  preparePeer?(index: number): void;
  closePeers(): Promise<void>;
  /** Tests: the splits' ranges of an epoch, as another run read them. */
  rangesOf?(epoch: number): readonly PlannedSplit[];
}

const POLL_MS = 50;

export class HybridRunner implements EpochRunner {
  readonly graphHash: string;
  private readonly fused: FusedRunner;
  private readonly options: HybridOptions;
  private peers: SubtaskPeer[] = [];
  private readonly choice = new ModeChoice();
  private lastWasFannedOut = false;

  constructor(fused: FusedRunner, options: HybridOptions) {
    this.fused = fused;
    this.options = options;
    this.graphHash = fused.graphHash;
    if (options.mode === 'fanned-out') this.prepare();
  }

  discover(): Promise<readonly SplitOffer[]> {
    return this.fused.discover();
  }

  subtasks(): Readonly<Record<string, number>> {
    const { graph, workers, mode } = this.options;
    const fanOut = mode === 'fanned-out' || (mode === 'auto' && workers > 1 && this.choice.fanOut);
    if (!fanOut) return this.fused.subtasks();
    const heads = graph.nodes.filter(({ operator }) => operator.kind === 'keyed' || operator.kind === 'source');
    return Object.fromEntries(heads.map((node) => [node.uid, workers]));
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
    const answer = this.lastWasFannedOut
      ? await this.fanOut(plan, attempt, budget)
      : await this.fused.run(plan, attempt, budget);
    this.choice.note({
      fannedOut: this.lastWasFannedOut,
      rows: answer.ack.counts['recordsIn'] ?? 0,
      tookMs: this.options.clock.monotonicMs() - startedMs,
      intervalMs: budget.intervalMs,
      ended: answer.ack.ended,
    });
    if (this.options.mode === 'auto' && this.options.workers > 1 && this.choice.mayFanOutSoon) this.prepare();
    return answer;
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
    await this.options.closePeers();
    await this.fused.close();
  }

  private prepare(): void {
    for (let i = 0; i < this.options.workers; i++) this.options.preparePeer?.(i);
  }

  /** Plans of fanned-out epochs give subtasks to sources as well. */
  private isFannedOut(plan: Plan): boolean {
    return this.options.graph.nodes.some(
      (node) => node.operator.kind === 'source' && plan.subtasks[node.uid] !== undefined,
    );
  }

  private async fanOut(plan: Plan, attempt: AttemptId, budget: EpochBudget): Promise<{ ack: Ack; idle: boolean }> {
    const workers = Math.max(...Object.values(plan.subtasks));
    this.peers = await Promise.all(Array.from({ length: workers }, (_, i) => this.options.peer(i)));
    const stop = (): void => {
      for (const peer of this.peers) peer.stopReading();
    };
    budget.signal.addEventListener('abort', stop, { once: true });
    try {
      const { intervalMs, timeoutMs, maxRows } = budget;
      const ack = await runFannedOut(this.options.graph, this.peers, plan, attempt, { intervalMs, timeoutMs, maxRows });
      const idle = isIdle(plan, ack);
      if (idle) for (const peer of this.peers) peer.committed(plan.state, plan.watermarks);
      return { ack, idle };
    } catch (thrown) {
      await Promise.allSettled(this.peers.map((peer) => peer.discard()));
      throw thrown instanceof AttemptFailure ? thrown : attemptFailure(thrown, null, this.options.graph.hasDeadLetters);
    } finally {
      budget.signal.removeEventListener('abort', stop);
    }
  }
}
