/**
 * Runs one fused epoch over the wired tasks (ARCHITECTURE section 2): read the planned ranges, or until the budget is used up;
 * drain the merges; bring every keyed stage to the epoch's final watermark, stage after stage; nothing is staged here.
 */
import type { Plan } from '../checkpoint/records.ts';
import { RetryableError } from '../model/errors.ts';
import { ALIGNED_BATCH_ROWS, BATCH_ROWS, MAX_BUFFERED_SHUFFLE_ROWS, MAX_STAGED_BYTES } from '../model/limits.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { Clock } from '../ports/clock.ts';
import { backlogOf, epochsLeft } from './backlog.ts';
import { breather } from './breathe.ts';
import type { CrashPoint } from './crash-point.ts';
import type { EpochBudget } from './epoch-runner.ts';
import type { KeyedStage } from './keyed-stage.ts';
import type { PauseMeter } from './pause-meter.ts';
import type { SinkTask } from './sink-task.ts';
import { stageWatermark, upstreamEnds, type ChannelEnd } from './stage-watermark.ts';
import { channelRank, type SourceTask } from './source-task.ts';
import type { SplitTask } from './split-task.ts';
import { WatermarkAlignment } from './watermark-alignment.ts';

export interface EpochTasks {
  readonly sources: readonly SourceTask[];
  /** In topological order. */
  readonly stages: readonly KeyedStage[];
  readonly sinks: readonly SinkTask[];
  flushDeadLetters(): void;
}

/** Milliseconds between two looks at a source that has nothing new. */
const POLL_MS = 5;
/** So much longer than its interval may an epoch take, and so much more may it read, if that is the end of the input. */
const LAST_STRETCH = 1 / 4;

export class FusedEpoch {
  private readonly tasks: EpochTasks;
  private readonly clock: Clock;
  private readonly pauses: PauseMeter;
  private readonly plan: Plan;
  private readonly budget: EpochBudget;
  private readonly crashPoint: (name: CrashPoint) => void;
  private readonly startMs: number;
  private readonly breathe: () => Promise<void>;
  /** Null: no source is aligned. */
  private readonly alignment: WatermarkAlignment | null;
  private rows = 0;
  /** Null: not asked yet. */
  private nearTheEnd: boolean | null = null;

  constructor(
    tasks: EpochTasks,
    clock: Clock,
    plan: Plan,
    budget: EpochBudget,
    pauses: PauseMeter,
    crash: (name: CrashPoint) => void,
  ) {
    this.crashPoint = crash;
    this.tasks = tasks;
    this.pauses = pauses;
    this.clock = clock;
    this.plan = plan;
    this.budget = budget;
    this.startMs = clock.monotonicMs();
    this.breathe = breather(clock);
    const aligned = tasks.sources.some((source) => source.alignment !== null);
    this.alignment = aligned ? new WatermarkAlignment(tasks.sources, plan) : null;
  }

  /** True when everything has ended. */
  async run(): Promise<boolean> {
    const { sources, stages } = this.tasks;
    this.begin();
    for (const stage of stages) await stage.advanceProcessingTime(this.plan.clock);
    await this.read();
    const ended = sources.every(
      (source) =>
        source.splits.every((split) => split.status === 'ended') &&
        (source.source.bounded || (source.splits.length > 0 && source.source.endless !== true)),
    );
    this.closeChannels();
    this.tasks.flushDeadLetters();
    for (const stage of stages) {
      const watermark = this.stageWatermark(stage, ended);
      await stage.processRest(watermark, this.breathe);
      await this.settle(stage);
      await stage.advance(watermark, this.breathe);
    }
    return ended;
  }

  /** Requests that are never answered must not hold the job for ever. */
  private async settle(stage: KeyedStage): Promise<void> {
    const { timeoutMs } = this.budget;
    const leftMs = Math.max(0, timeoutMs - (this.clock.monotonicMs() - this.startMs));
    if (leftMs === Infinity || !stage.settles) return await stage.settle();
    await new Promise<void>((resolve, reject) => {
      const giveUp = this.clock.after(leftMs, () =>
        reject(
          new RetryableError(
            `operator "${stage.wiring.node.name}": requests were not answered within the checkpoint timeout of ${timeoutMs} ms. Give them a timeout of their own.`,
          ),
        ),
      );
      stage.settle().then(resolve, reject).finally(giveUp);
    });
  }

  private begin(): void {
    const { sources, stages } = this.tasks;
    for (const source of sources) {
      source.clockMs = this.plan.clock;
      for (const split of source.splits) source.touch(split);
    }
    for (const stage of stages) stage.begin(this.plan.clock, stage.wiring.buffered ? [] : this.channelsOf(stage));
  }

  private channelsOf(stage: KeyedStage): { rank: number; bound: number }[] {
    const channels: { rank: number; bound: number }[] = [];
    for (const { split, rank, watermark } of this.inputsOf(stage))
      if (split.status !== 'ended') channels.push({ rank, bound: watermark });
    return channels;
  }

  /** The channels that sources feed into the stage, with the watermark of each. */
  private *inputsOf(stage: KeyedStage): Iterable<{ split: SplitTask; rank: number; watermark: number }> {
    for (const source of this.tasks.sources) {
      for (const [i, leaf] of source.leaves.entries()) {
        if (leaf.to !== stage.uid) continue;
        for (const split of source.splits)
          yield { split, rank: channelRank(split, i), watermark: split.leafWatermarks[i] ?? MIN_WATERMARK };
      }
    }
  }

  /** Reads until every range is done, or, in an epoch that was not planned ahead, until the budget says so. */
  private async read(): Promise<void> {
    const middle = Math.max(1, Math.floor(this.budget.intervalMs / 2));
    let pastMiddle = false;
    for (;;) {
      const elapsed = this.clock.monotonicMs() - this.startMs;
      if (elapsed > this.budget.timeoutMs)
        throw new RetryableError(`the epoch took longer than the checkpoint timeout of ${this.budget.timeoutMs} ms.`);
      if (!pastMiddle && (elapsed >= middle || this.rows > 0)) {
        pastMiddle = true;
        this.crashPoint('run-middle');
      }
      const next = this.nextSplit();
      if (next === null) {
        if (!this.waitsForMore() || this.overBudget(elapsed)) return;
        await this.clock.sleep(POLL_MS);
        for (const source of this.tasks.sources)
          for (const split of source.splits) if (split.status === 'waiting') split.status = 'reading';
        continue;
      }
      if (next.split.plan.to === null && this.overBudget(elapsed)) return;
      await this.readSome(next.source, next.split);
      await this.breathe();
    }
  }

  private waitsForMore(): boolean {
    const splits = this.tasks.sources.flatMap((source) => source.splits);
    if (this.budget.untilDry === true)
      return splits.some(({ status, reader }) => status === 'waiting' && reader.asking === true);
    return this.rows > 0 && splits.some(hasMoreLater);
  }

  private overBudget(elapsedMs: number): boolean {
    if (this.isLate(elapsedMs) || this.rows >= this.budget.maxRows || this.budget.signal.aborted) return true;
    let waiting = 0;
    for (const stage of this.tasks.stages) {
      if (stage.paged?.isFull === true) return true;
      waiting += stage.waiting;
    }
    if (waiting > MAX_BUFFERED_SHUFFLE_ROWS) return true;
    let bytes = 0;
    for (const sink of this.tasks.sinks) bytes += sink.bytes;
    return bytes > MAX_STAGED_BYTES;
  }

  /** Bounded input of which little is left is read to its end: an epoch more would write down, and then drop, every window that is open. */
  private isLate(elapsedMs: number): boolean {
    const { intervalMs } = this.budget;
    if (elapsedMs < intervalMs) return false;
    if (elapsedMs >= intervalMs * (1 + LAST_STRETCH)) return true;
    const { sources } = this.tasks;
    this.nearTheEnd ??=
      sources.every(({ source }) => source.bounded) && (epochsLeft(backlogOf(sources)) ?? Infinity) <= LAST_STRETCH;
    return !this.nearTheEnd;
  }

  /** Always the split furthest behind; among equals the one that has been read least. */
  private nextSplit(): { source: SourceTask; split: SplitTask } | null {
    let best: { source: SourceTask; split: SplitTask } | null = null;
    this.alignment?.look();
    for (const source of this.tasks.sources) {
      for (const split of source.splits) {
        if (split.status !== 'reading' || split.paused) continue;
        if (best === null || before(split, best.split)) best = { source, split };
      }
    }
    return best;
  }

  private async readSome(source: SourceTask, split: SplitTask): Promise<void> {
    const { to } = split.plan;
    let batch = split.pending;
    split.pending = null;
    if (batch === null) {
      const most = source.alignment === null ? BATCH_ROWS : ALIGNED_BATCH_ROWS;
      const room = to === null ? Math.min(most, Math.max(1, this.budget.maxRows - this.rows)) : BATCH_ROWS;
      const filled = split.reader.fill(room, to);
      const result = filled instanceof Promise ? await filled : filled;
      if (result === 'empty') {
        split.status = 'waiting';
        return;
      }
      if (result === 'end') {
        this.endOf(source, split, to === null || split.plan.ends === true ? 'ended' : 'done');
        return;
      }
      batch = result;
    }
    this.rows += batch.n + batch.bad.length;
    split.idleByClock = false;
    source.process(split, batch);
    this.pauses.progress(this.clock.monotonicMs());
  }

  private endOf(source: SourceTask, split: SplitTask, status: 'done' | 'ended'): void {
    split.status = status;
    if (status === 'done') return;
    for (const [i, leaf] of source.leaves.entries()) {
      const stage = this.tasks.stages.find((s) => s.uid === leaf.to);
      // In a fanned-out epoch the stage is behind the shuffle.
      if (stage === undefined || stage.wiring.buffered) continue;
      stage.close(channelRank(split, i), MAX_WATERMARK);
      stage.drain();
    }
  }

  /** The cut: no channel sends more in this epoch, and each holds its watermark. */
  private closeChannels(): void {
    for (const stage of this.tasks.stages) {
      if (stage.wiring.buffered) continue;
      for (const { split, rank, watermark } of this.inputsOf(stage)) {
        if (split.status === 'ended') continue;
        stage.close(rank, split.idle ? null : watermark);
      }
    }
  }

  private stageWatermark(stage: KeyedStage, ended: boolean): number {
    const watermarkOf = (uid: string): number | undefined => this.tasks.stages.find((s) => s.uid === uid)?.watermark;
    const channels = [...this.channelEnds(stage), ...upstreamEnds(stage.wiring.node, watermarkOf, ended)];
    return stageWatermark(stage.watermark, channels);
  }

  /** The stage's source channels at the end of the epoch. */
  private channelEnds(stage: KeyedStage): ChannelEnd[] {
    return [...this.inputsOf(stage)].map(({ split, watermark }) => channelEnd(split, watermark));
  }
}

/** A split as a channel, at the end of the epoch. */
export function channelEnd(split: SplitTask, watermark: number): ChannelEnd {
  if (split.status === 'ended') return { kind: 'ended', watermark };
  return split.idle ? { kind: 'idle' } : { kind: 'open', watermark };
}

/** It may have something to read before the epoch is over. */
function hasMoreLater(split: SplitTask): boolean {
  return split.status === 'waiting' || (split.status === 'reading' && split.paused);
}

function before(a: SplitTask, b: SplitTask): boolean {
  const x = a.watermark;
  const y = b.watermark;
  return x !== y ? x < y : a.rows !== b.rows ? a.rows < b.rows : a.rank < b.rank;
}
