/** The end of an attempt: state changes and sink output become segments (E2), and the ack says what there is. */
import type { Ack, Plan, SegmentRef, StagedSlot } from '../checkpoint/records.ts';
import type { AttemptId } from '../model/ids.ts';
import { MAX_WATERMARK } from '../model/watermark.ts';
import type { ObjectIo } from './object-io.ts';
import type { WiredJob } from './wire-job.ts';

export async function stageEpoch(
  wired: WiredJob,
  plan: Plan,
  attempt: AttemptId,
  io: ObjectIo,
  ended: boolean,
): Promise<Ack> {
  const segments: SegmentRef[] = [];
  let eventTime = Infinity;
  let processingTime = Infinity;
  for (const stage of wired.stages) {
    for (const [i, subtask] of stage.subtasks.entries()) {
      for (const [n, bytes] of stage.snapshot(subtask, plan.epoch).entries()) {
        const object = await io.write(`state-${stage.uid}-${i}${n === 0 ? '' : `.${n}`}`, [bytes], false);
        const dues = stage.paged === null ? {} : ({ dues: true } as const);
        segments.push({ object, epoch: plan.epoch, stage: stage.uid, keyGroups: subtask.keyGroups, ...dues });
      }
    }
    const next = stage.nextTimers();
    eventTime = Math.min(eventTime, next.eventTime);
    processingTime = Math.min(processingTime, next.processingTime);
    stage.sweepKeys(stage.watermark === MAX_WATERMARK);
  }
  const staged: StagedSlot[] = [];
  for (const sink of wired.sinks) staged.push(...(await sink.stage(io)));
  return {
    format: 1,
    attempt,
    ranges: wired.ranges(plan),
    watermarks: Object.fromEntries(wired.stages.map((stage) => [stage.uid, stage.watermark])),
    segments,
    staged,
    counts: wired.takeCounts(staged),
    nextTimers: { eventTime: timeOrNull(eventTime), processingTime: timeOrNull(processingTime) },
    keys: Object.fromEntries(wired.stages.map((stage) => [stage.uid, stage.keys.size])),
    ended,
  };
}

function timeOrNull(time: number): number | null {
  return time === Infinity ? null : Math.min(time, MAX_WATERMARK);
}
