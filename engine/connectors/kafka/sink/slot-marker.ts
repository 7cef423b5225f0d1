/**
 * The marker of a slot (ARCHITECTURE section 6): which epoch of which run is in Kafka, and whose it is. It is a group offset, committed
 * inside the transaction that holds the epoch's records:
 *
 *     transactional id = group = <prefix>-<slot>      topic partition = <marker topic>, 0
 *     offset = epoch                                  metadata = {"format":1,"job":…,"sink":…,"run":…,"epoch":…,"writtenMs":…}
 *
 * Group and transactional id are the same word, so that one prefixed rule for each lets a job write. The epoch's truth is the metadata.
 */
import { ConfigError, CorruptionError } from '../../../model/errors.ts';
import { DEFAULT_SINK_SLOTS } from '../../../model/limits.ts';
import type { CommittedOffset, KafkaClient } from '../client/kafka-client.ts';

export interface MarkerOwner {
  readonly job: string;
  readonly sink: string;
}

export interface SlotMarker extends MarkerOwner {
  readonly run: string;
  readonly epoch: number;
  readonly writtenMs: number;
}

export interface MarkerPlace {
  readonly transactionalIdPrefix: string;
  readonly topic: string;
}

const FORMAT = 1;

/** Also the marker's group. */
export const transactionalIdOf = (place: MarkerPlace, slot: number): string => `${place.transactionalIdPrefix}-${slot}`;

export function offsetOfMarker(topic: string, marker: SlotMarker): CommittedOffset {
  return {
    topic,
    partition: 0,
    offset: marker.epoch,
    metadata: JSON.stringify({ format: FORMAT, ...marker }),
  };
}

/** `requireStable`: after whatever transaction is still being ended. */
export async function readMarkerOf(
  client: KafkaClient,
  group: string,
  topic: string,
  requireStable: boolean,
): Promise<SlotMarker | null> {
  const [committed] = await client.committed(group, [{ topic, partition: 0 }], requireStable);
  return committed == null ? null : decode(committed.metadata, group);
}

export const readMarker = (
  client: KafkaClient,
  place: MarkerPlace,
  slot: number,
  requireStable: boolean,
): Promise<SlotMarker | null> => readMarkerOf(client, transactionalIdOf(place, slot), place.topic, requireStable);

/** Negative when `a` comes before `b`. Run ids compare as strings, in the order in which the runs began. */
export function compareMarkers(a: SlotMarker, b: SlotMarker): number {
  if (a.run !== b.run) return a.run < b.run ? -1 : 1;
  return a.epoch - b.epoch;
}

export const isOwnMarker = ({ job, sink }: SlotMarker, owner: MarkerOwner): boolean =>
  job === owner.job && sink === owner.sink;

/** Another job's or sink's marker: both would fence each other for ever. */
export function foreignMarker(ctx: MarkerOwner, place: MarkerPlace, slot: number, marker: SlotMarker): ConfigError {
  const id = transactionalIdOf(place, slot);
  return new ConfigError(
    `job "${ctx.job}", sink "${ctx.sink}": transactional id prefix "${place.transactionalIdPrefix}" is in use by job "${marker.job}", sink "${marker.sink}" (marker of ${new Date(marker.writtenMs).toISOString()} in group "${id}"). Give each sink a prefix of its own with setTransactionalIdPrefix(). If that job is gone for good, or was renamed and is not to be continued, delete the groups "${place.transactionalIdPrefix}-0" to "${place.transactionalIdPrefix}-${DEFAULT_SINK_SLOTS - 1}" (kafka-consumer-groups --delete --group …).`,
    { prefix: place.transactionalIdPrefix, job: marker.job, sink: marker.sink },
  );
}

function decode(metadata: string, group: string): SlotMarker {
  let found: unknown;
  try {
    found = JSON.parse(metadata);
  } catch {
    found = null;
  }
  if (isMarker(found)) return found;
  throw new CorruptionError(
    `group "${group}" holds an offset that is no marker of Millrace (metadata ${JSON.stringify(metadata.slice(0, 80))}): something else commits under this name, or a newer version of Millrace wrote it. Choose another setTransactionalIdPrefix() for a new job, or run the version that wrote it.`,
    { group },
  );
}

function isMarker(found: unknown): found is SlotMarker {
  if (typeof found !== 'object' || found === null) return false;
  const { format, job, sink, run, epoch, writtenMs } = found as Record<string, unknown>;
  return (
    format === FORMAT &&
    [job, sink, run].every((word) => typeof word === 'string') &&
    [epoch, writtenMs].every((n) => typeof n === 'number')
  );
}
