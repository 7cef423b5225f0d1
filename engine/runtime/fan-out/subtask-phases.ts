/** What a subtask of a fanned-out epoch does, wherever it lives: read its splits, or run its part of a keyed stage. */
import type { Plan } from '../../checkpoint/records.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';
import type { Clock } from '../../ports/clock.ts';
import { backlogOf } from '../backlog.ts';
import type { CrashPoint } from '../crash-point.ts';
import type { EpochBudget } from '../epoch-runner.ts';
import { channelEnd, FusedEpoch } from '../fused-epoch.ts';
import type { KeyedStage, ShuffledChannel } from '../keyed-stage.ts';
import type { PauseMeter } from '../pause-meter.ts';
import type { ShuffleChannel, ShuffleReader } from '../shuffle/shuffle-reader.ts';
import type { WiredJob } from '../wire-job.ts';
import { PARTIALS_RANK } from './kept-partials.ts';
import type { ReadReport } from './subtask-peer.ts';

export interface Reading {
  readonly wired: WiredJob;
  readonly clock: Clock;
  readonly plan: Plan;
  readonly budget: EpochBudget;
  readonly pauses: PauseMeter;
  readonly crash: (name: CrashPoint) => void;
}

/** Reads the open splits and runs the chains behind them. */
export async function readSplits({ wired, clock, plan, budget, pauses, crash }: Reading): Promise<ReadReport> {
  const { sources, sinks } = wired;
  const tasks = { sources, stages: [], sinks, flushDeadLetters: () => wired.flushDeadLetters() };
  await new FusedEpoch(tasks, clock, plan, budget, pauses, crash).run();
  const ended = sources.every((source) => source.splits.every((split) => split.status === 'ended'));
  const channels = sources.flatMap((source) =>
    source.leaves.flatMap((leaf, i) =>
      source.splits.map((split) => ({
        stage: leaf.to,
        end: channelEnd(split, split.leafWatermarks[i] ?? MIN_WATERMARK),
      })),
    ),
  );
  return {
    blocks: wired.outgoing!.take(),
    channels,
    ranges: wired.ranges(plan),
    backlog: backlogOf(sources),
    ended,
  };
}

export interface StageRun {
  readonly stage: KeyedStage;
  readonly clockMs: number;
  readonly watermark: number;
  readonly blocks: readonly Uint8Array[];
  readonly reader: ShuffleReader;
  /** Partials that did not leave the worker. */
  readonly kept: readonly ShuffledChannel[];
  breathe(): Promise<void>;
  settle(): Promise<void>;
}

/** All rows for one subtask of a keyed stage, and then everything up to the stage's final watermark. */
export async function runKeyedStage({ stage, clockMs, watermark, blocks, ...run }: StageRun): Promise<void> {
  const breathe = (): Promise<void> => run.breathe();
  const read = run.reader.readAll(blocks).map(shuffled);
  const channels = read.filter(({ rank }) => rank !== PARTIALS_RANK);
  stage.begin(
    clockMs,
    channels.map(({ rank, bound }) => ({ rank, bound })),
    watermark,
  );
  await stage.advanceProcessingTime(clockMs);
  await stage.absorb([...run.kept, ...read.filter(({ rank }) => rank === PARTIALS_RANK)]);
  await stage.processChannels(channels, watermark, breathe);
  await run.settle();
  await stage.advance(watermark, breathe);
}

/** A channel's name in a block is its rank. */
function shuffled(channel: ShuffleChannel): ShuffledChannel {
  return {
    rank: channel.channel as number,
    get bound() {
      return channel.bound;
    },
    next: () => channel.next(),
  };
}
