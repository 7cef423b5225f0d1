/**
 * A worker's side of a fanned-out epoch: the tasks of one job, of which it runs subtask i of n. Holds the state of its key groups between
 * epochs, tagged with the committed segments that it stands for, like the fused runner.
 */
import type { Ack, BaseRef, Plan } from '../../checkpoint/records.ts';
import { InvariantError } from '../../model/errors.ts';
import type { AttemptId } from '../../model/ids.ts';
import { breather } from '../breathe.ts';
import { crashPoint, type CrashPoint } from '../crash-point.ts';
import type { RunnerOptions } from '../runner-options.ts';
import { ObjectIo } from '../object-io.ts';
import { PauseMeter } from '../pause-meter.ts';
import { ShuffleBatch } from '../shuffle/shuffle-batch.ts';
import { ShuffleReader } from '../shuffle/shuffle-reader.ts';
import { stageEpoch } from '../stage-epoch.ts';
import { splitsBefore } from '../split-task.ts';
import { bringTo, dumpState, foldedEpoch, rebased, stateTag } from '../state-io.ts';
import { wireJob, type WiredJob } from '../wire-job.ts';
import { Outgoing } from './outgoing.ts';
import { readSplits, runKeyedStage } from './subtask-phases.ts';
import type { ReadBudget, ReadReport, StageReport, SubtaskPeer } from './subtask-peer.ts';

export class SubtaskHost implements SubtaskPeer {
  readonly dead = false;
  private readonly options: RunnerOptions;
  private readonly index: number;
  private readonly wired: WiredJob;
  private readonly reader = new ShuffleReader();
  private readonly pauses = new PauseMeter();
  private tag: string | null = null;
  /** What the tag is of. */
  private state: Plan['state'] | null = null;
  /** As in the fused runner: an epoch may raise watermarks and change no state. */
  private watermarks = '';
  private plan: Plan | null = null;
  private stop = new AbortController();

  constructor(options: RunnerOptions, index: number) {
    this.options = options;
    this.index = index;
    this.wired = wireJob(options, { index, outgoing: (subtasks) => new Outgoing(options.graph, subtasks, index) });
    this.wired.releaseShuffled = (batch) => {
      if (batch instanceof ShuffleBatch) this.reader.release(batch);
    };
  }

  async begin(plan: Plan, splits: readonly string[]): Promise<void> {
    const { wired } = this;
    const tag = this.tagOf(plan, plan.state);
    this.plan = plan;
    this.stop = new AbortController();
    const watermarks = JSON.stringify(plan.watermarks);
    if (this.watermarks !== watermarks || !(this.tag === tag || this.isFoldOnly(plan))) {
      this.tag = null;
      await bringTo(plan, wired, this.options.blobs);
    }
    this.tag = null;
    this.state = plan.state;
    await wired.discover(splitsBefore(plan));
    await wired.openSplits(plan, new Set(splits));
    wired.outgoing!.begin(plan.watermarks);
  }

  async read(budget: ReadBudget): Promise<ReadReport> {
    const { wired, pauses } = this;
    const { clock } = this.options;
    const plan = this.current();
    const until = { ...budget, signal: this.stop.signal };
    return await readSplits({ wired, clock, plan, budget: until, pauses, crash: (name) => this.crash(name) });
  }

  async stage(uid: string, watermark: number, blocks: readonly Uint8Array[]): Promise<StageReport> {
    const { wired, reader } = this;
    const plan = this.current();
    const stage = wired.stages.find((s) => s.uid === uid);
    if (stage === undefined) throw new InvariantError(`no stage ${uid}`);
    await runKeyedStage({
      stage,
      clockMs: plan.clock,
      watermark,
      blocks,
      reader,
      kept: wired.outgoing!.takeKept(uid),
      breathe: breather(this.options.clock),
      settle: () => stage.settle(),
    });
    return { blocks: wired.outgoing!.take() };
  }

  async finish(attempt: AttemptId): Promise<Ack> {
    const { wired, options, index } = this;
    const plan = this.current();
    const of = {
      job: options.job,
      run: plan.run,
      epoch: plan.epoch,
      generation: plan.generation,
      stage: 'fanned-out',
      subtask: index,
      attempt,
    };
    const io = new ObjectIo(options.blobs, of);
    const ack = await stageEpoch(wired, plan, attempt, io, false);
    if (ack.segments.length > 0 || ack.staged.length > 0) this.crash('segments-staged');
    return ack;
  }

  async dump(state: Plan['state'], run: string, tag: string): Promise<BaseRef | null> {
    const { blobs, job } = this.options;
    if (this.plan === null || this.tag !== this.tagOf(this.plan, state)) return null;
    if (this.wired.stages.some((stage) => stage.paged !== null)) return null;
    return await dumpState(this.wired.stages, blobs, job, foldedEpoch(state.base, state.log), run, tag);
  }

  committed(state: Plan['state'], watermarks: Plan['watermarks']): void {
    if (this.plan === null) return;
    this.tag = this.tagOf(this.plan, state);
    this.state = state;
    for (const stage of this.wired.stages) stage.paged?.committed();
    this.watermarks = JSON.stringify(watermarks);
  }

  stopReading(): void {
    this.stop.abort();
  }

  async discard(): Promise<void> {
    this.tag = null;
    this.wired.discard();
  }

  async close(): Promise<void> {
    await this.wired.close();
  }

  /** As in the fused runner: memory stands at the plan's state, which was folded meanwhile. */
  private isFoldOnly(plan: Plan): boolean {
    const before = this.state;
    return before !== null && this.tag === this.tagOf(plan, before) && rebased(this.wired.stages, before, plan.state);
  }

  /** How many subtasks the sources have does not touch state. */
  private tagOf({ subtasks }: Plan, state: Plan['state']): string {
    return `${JSON.stringify(this.wired.stages.map(({ uid }) => subtasks[uid]))} ${stateTag(state)}`;
  }

  private crash(name: CrashPoint): void {
    (this.options.crashPoint ?? crashPoint)(name);
  }

  private current(): Plan {
    if (this.plan === null) throw new InvariantError('a subtask begins before it reads');
    return this.plan;
  }
}
