/** The parts of an attempt, one per worker, as the attempt's one ack. Pure. */
import type { Ack, ReadRange, SegmentRef, StagedSlot } from '../../checkpoint/records.ts';
import { sumConsumption } from '../../model/consumption.ts';
import { sumCounts } from '../../checkpoint/sum-counts.ts';
import type { AttemptId } from '../../model/ids.ts';

export function mergeAcks(
  attempt: AttemptId,
  parts: readonly Ack[],
  watermarks: Readonly<Record<string, number>>,
  ended: boolean,
): Ack {
  const ranges: ReadRange[] = parts.flatMap((part) => part.ranges);
  const segments: SegmentRef[] = parts.flatMap((part) => part.segments);
  const consumed = sumConsumption(parts.map((part) => part.consumed));
  return {
    format: 1,
    attempt,
    ranges: ranges.sort((a, b) => (a.id < b.id ? -1 : 1)),
    watermarks,
    segments,
    staged: mergeStaged(parts.flatMap((part) => part.staged)),
    counts: sumCounts(parts.map((part) => part.counts)),
    nextTimers: {
      eventTime: earliest(parts.map((part) => part.nextTimers.eventTime)),
      processingTime: earliest(parts.map((part) => part.nextTimers.processingTime)),
    },
    keys: sumCounts(parts.map((part) => part.keys)),
    ended,
    ...(consumed === undefined ? {} : { consumed }),
  };
}

/** A slot publishes once an epoch: workers that share one give their objects to it together. */
function mergeStaged(parts: readonly StagedSlot[]): StagedSlot[] {
  const bySlot = new Map<string, StagedSlot>();
  for (const part of parts) {
    const at = `${part.sink}/${part.slot}`;
    const known = bySlot.get(at);
    bySlot.set(
      at,
      known === undefined
        ? part
        : { ...known, records: known.records + part.records, objects: [...known.objects, ...part.objects] },
    );
  }
  return [...bySlot.values()];
}

function earliest(times: readonly (number | null)[]): number | null {
  let first: number | null = null;
  for (const time of times) if (time !== null && (first === null || time < first)) first = time;
  return first;
}
