/**
 * The data plane of fused epochs: one invocation reads, processes, stages; later publishes (ARCHITECTURE section 2).
 *
 * In memory stands the state that `tag` names. The tag is cleared before the first change of an epoch and set again when the epoch's
 * own segments have won, or when nothing changed; whatever does not match is thrown away and read from the plan's segments.
 */
import type { Ack, BaseRef, Manifest, Plan, PlannedSplit, SegmentRef, StagedSlot } from '../checkpoint/records.ts';
import { ConfigError, messageOf } from '../model/errors.ts';
import type { AttemptId } from '../model/ids.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { KnownSplits } from '../ports/source.ts';
import { backlogOf, type SourceBacklog } from './backlog.ts';
import { breather } from './breathe.ts';
import { crashPoint, InjectedCrash, type CrashPoint } from './crash-point.ts';
import type { EpochBudget, EpochRunner, SplitOffer } from './epoch-runner.ts';
import { attemptFailure } from './failures.ts';
import { FusedEpoch } from './fused-epoch.ts';
import { ObjectIo } from './object-io.ts';
import { PauseMeter } from './pause-meter.ts';
import { stageEpoch } from './stage-epoch.ts';
import { bringTo, dumpState, foldedEpoch, rebased, stateTag } from './state-io.ts';
import { foldJob } from './table/fold-job.ts';
import type { RunnerOptions } from './runner-options.ts';
import { wireJob, type WiredJob } from './wire-job.ts';

/** An idle job looks this often for new splits, where its sources may still find some. */
const LOOK_FOR_SPLITS_MS = 200;

export class FusedRunner implements EpochRunner {
  readonly graphHash: string;
  readonly pauses = new PauseMeter();
  private readonly options: RunnerOptions;
  private readonly wired: WiredJob;
  private tag: string | null = null;
  /** What the tag is of. */
  private state: Plan['state'] | null = null;
  /** The stages' watermarks, as memory has them: an epoch may raise them and change no state, so the tag does not tell. */
  private watermarks = '';
  /** By this process. */
  private stampedRun: string | null = null;

  constructor(options: RunnerOptions) {
    this.options = options;
    this.graphHash = options.graph.hash;
    this.wired = wireJob(options);
  }

  /** Before anything runs: sources and sinks check what they need. `only`: whoever publishes needs no source. */
  async validate(only: 'sinks' | null = null): Promise<void> {
    if (only === null) for (const source of this.wired.sources) await source.source.validate(source.ctx);
    const targets = new Map<string, string>();
    for (const sink of this.wired.sinks) {
      await sink.validate();
      if (sink.target === null) continue;
      const other = targets.get(sink.target);
      if (other !== undefined) {
        throw new ConfigError(
          `sinks "${other}" and "${sink.node.name}" of job "${this.options.job}" both write to ${sink.target}, where each would take the other's output for its own. Give each a folder or a prefix of its own, or union the streams before one sink.`,
        );
      }
      targets.set(sink.target, sink.node.name);
    }
  }

  /** What the sinks have to say before the job starts. */
  notices(): readonly { readonly text: string; readonly sink: string }[] {
    return this.wired.sinks.flatMap(({ notice, node }) => (notice === null ? [] : [{ text: notice, sink: node.uid }]));
  }

  async discover(known: KnownSplits): Promise<readonly SplitOffer[]> {
    return await this.wired.discover(known);
  }

  subtasks(): Readonly<Record<string, number>> {
    const n = this.options.subtasks ?? 1;
    return Object.fromEntries(
      this.options.graph.nodes.filter((node) => node.operator.kind === 'keyed').map((node) => [node.uid, n]),
    );
  }

  async run(
    plan: Plan,
    attempt: AttemptId,
    budget: EpochBudget,
  ): Promise<{ readonly ack: Ack; readonly idle: boolean }> {
    const { wired } = this;
    try {
      await this.prepare(plan);
      const tag = this.tag;
      this.tag = null;
      const maxRows = Math.min(budget.maxRows, this.options.maxRowsOf?.(plan.epoch) ?? Infinity);
      const epoch = new FusedEpoch(wired, this.options.clock, plan, { ...budget, maxRows }, this.pauses, (name) =>
        this.crash(name),
      );
      const ended = await epoch.run();
      const io = new ObjectIo(this.options.blobs, {
        job: this.options.job,
        run: plan.run,
        epoch: plan.epoch,
        generation: plan.generation,
        stage: 'fused',
        subtask: 0,
        attempt,
      });
      const ack = await stageEpoch(wired, plan, attempt, io, ended);
      if (ack.segments.length > 0 || ack.staged.length > 0) this.crash('segments-staged');
      const idle = isIdle(plan, ack);
      if (idle) this.tag = tag;
      return { ack, idle };
    } catch (thrown) {
      throw this.failure(plan, thrown);
    }
  }

  /** What the last epoch left to read. */
  backlog(): readonly SourceBacklog[] {
    return backlogOf(this.wired.sources);
  }

  committed(manifest: Manifest): void {
    this.tag = this.tagOf(manifest.state, this.subtasks());
    this.state = manifest.state;
    for (const stage of this.wired.stages) stage.paged?.committed();
    this.watermarks = JSON.stringify(manifest.watermarks);
  }

  async publish(manifest: Manifest): Promise<void> {
    const io = new ObjectIo(this.options.blobs, null);
    this.checkStaged(manifest);
    for (const sink of this.wired.sinks) await sink.publish(manifest, io, () => this.crash('slot-published'));
    await this.refreshSinks();
    for (const source of this.wired.sources) {
      if (source.source.committed === undefined) continue;
      await source.committed(manifest).catch((thrown: unknown) => {
        const about = { source: source.node.name, epoch: manifest.epoch, why: messageOf(thrown) };
        this.options.notice?.('a source could not tell how far it is read; the job is not affected', about);
      });
    }
  }

  /** Some of a committed epoch's slots. Sources and sinks are told of the epoch where the rest is published. */
  async publishSlots(manifest: Manifest, slots: readonly StagedSlot[]): Promise<void> {
    const io = new ObjectIo(this.options.blobs, null);
    const part = { ...manifest, staged: slots };
    this.checkStaged(part);
    for (const sink of this.wired.sinks) await sink.publishSlots(part, io, () => this.crash('slot-published'));
  }

  /** Output is committed: every slot has a sink that can publish it, or nothing goes on (E5). */
  private checkStaged(manifest: Manifest): void {
    for (const staged of manifest.staged) {
      const sink = this.wired.sinks.find(({ node }) => node.uid === staged.sink);
      if (sink !== undefined) sink.checkStaged(manifest, staged);
      else
        throw new ConfigError(
          `job "${this.options.job}": epoch ${manifest.epoch} is committed, with ${staged.records} records for sink "${staged.sink}", which the job has no more. Run the job with that sink until the epoch is published, then remove it.`,
          { job: this.options.job, sink: staged.sink, epoch: manifest.epoch },
        );
    }
  }

  async stamp(run: string, epoch: number): Promise<void> {
    for (const sink of this.wired.sinks) await sink.stamp(run, epoch);
    this.stampedRun = run;
  }

  async resume(run: string, epoch: number): Promise<void> {
    if (this.stampedRun === run) return;
    for (const sink of this.wired.sinks) if (sink.needsRefresh) await sink.stamp(run, epoch);
  }

  async fold(base: BaseRef | null, log: readonly SegmentRef[], run: string, tag: string): Promise<BaseRef> {
    const { blobs, job, graph, clock } = this.options;
    const isWhole = this.wired.stages.every((stage) => stage.paged === null);
    // Memory stands at that very state: writing it down is a hundred times cheaper than merging the log.
    if (isWhole && this.tag === this.tagOf({ base, log }, this.subtasks())) {
      return await dumpState(this.wired.stages, blobs, job, foldedEpoch(base, log), run, tag);
    }
    const { maxParallelism } = graph;
    const options = { job, blobs, table: this.wired.table, maxParallelism, breathe: breather(clock) };
    return await foldJob(options, { base, log }, run, tag);
  }

  async waitForInput(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    this.pauses.idle();
    await this.refreshSinks();
    const until = clock.monotonicMs() + timeoutMs;
    let lookedMs = clock.monotonicMs();
    for (let pauseMs = 2; !signal.aborted && clock.monotonicMs() < until; pauseMs = Math.min(100, pauseMs * 2)) {
      if (this.tag === null || this.wired.timerDue(clock.nowMs()) || (await this.wired.hasInput(clock.nowMs()))) return;
      if (clock.monotonicMs() - lookedMs >= LOOK_FOR_SPLITS_MS) {
        lookedMs = clock.monotonicMs();
        if (await this.wired.hasNewSplit()) return;
      }
      await clock.sleep(Math.min(pauseMs, Math.max(1, until - clock.monotonicMs())), signal);
    }
  }

  /** Before the process is frozen: nothing is under way any more, and the state stays in memory. */
  async quiesce(): Promise<void> {
    await this.wired.quiesce();
  }

  async close(): Promise<void> {
    await this.wired.close();
  }

  private async refreshSinks(): Promise<void> {
    for (const sink of this.wired.sinks) await sink.refresh((text, data) => this.options.notice?.(text, data));
  }

  /** Brings memory to the plan's state, and the splits to its positions. */
  private async prepare(plan: Plan): Promise<void> {
    const { wired } = this;
    const tag = this.tagOf(plan.state, plan.subtasks);
    const watermarks = JSON.stringify(plan.watermarks);
    if (this.watermarks !== watermarks || !(this.tag === tag || this.isFoldOnly(plan))) {
      this.tag = null;
      await bringTo(plan, wired, this.options.blobs);
      this.watermarks = watermarks;
    }
    this.tag = tag;
    this.state = plan.state;
    await wired.openSplits(plan);
  }

  /** Memory stands at the plan's state, which was folded meanwhile. */
  private isFoldOnly({ state, subtasks }: Plan): boolean {
    const before = this.state;
    return before !== null && this.tag === this.tagOf(before, subtasks) && rebased(this.wired.stages, before, state);
  }

  private tagOf(state: Plan['state'], subtasks: Readonly<Record<string, number>>): string {
    return `${JSON.stringify(subtasks)} ${stateTag(state)}`;
  }

  private crash(name: CrashPoint): void {
    (this.options.crashPoint ?? crashPoint)(name);
  }

  private failure(plan: Plan, thrown: unknown): unknown {
    if (thrown instanceof InjectedCrash) return thrown;
    const { wired } = this;
    const ranges = wired.rangesRead(plan);
    wired.discard();
    this.tag = null;
    return attemptFailure(thrown, ranges, this.options.graph.hasDeadLetters);
  }
}

/** Nothing was read or emitted, and no watermark, idleness or end came to pass: the epoch says nothing new. */
export function isIdle(plan: Plan, ack: Ack): boolean {
  if (ack.segments.length > 0 || ack.staged.length > 0 || Object.values(ack.counts).some((n) => n > 0)) return false;
  if (ack.ended) return false;
  for (const [stage, watermark] of Object.entries(ack.watermarks))
    if (watermark !== (plan.watermarks[stage] ?? MIN_WATERMARK)) return false;
  const before = new Map(plan.splits.map((split): [string, PlannedSplit] => [split.id, split]));
  return ack.ranges.every((range) => {
    const planned = before.get(range.id)!;
    return (
      range.from === range.to &&
      (planned.state?.ended ?? false) === range.state.ended &&
      (planned.state?.idleSince ?? null) === range.state.idleSince
    );
  });
}
