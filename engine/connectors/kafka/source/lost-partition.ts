/** What is said when the log under a split is not what the job has read of it: cut off, deleted, or another one. */
import { ConfigError } from '../../../model/errors.ts';

export interface Place {
  readonly operator: string;
  readonly split: string;
  readonly topic: string;
  /** The next offset to read. */
  readonly position: number;
}

export interface Retained {
  readonly earliest: number;
  readonly latest: number;
}

const ANEW =
  'To read the topic as it is now, give the source another uid, or start the job in a new state folder; to go on, restore the topic.';

export function truncated(place: Place, { earliest, latest }: Retained): ConfigError {
  return new ConfigError(
    `Source ${place.operator}: split ${place.split} is read up to offset ${place.position}, but topic "${place.topic}" now keeps offsets ${earliest} to ${latest} of it: ${earliest - place.position} offsets were deleted before they were read. ` +
      'Set the property auto.offset.reset to "earliest" (or "latest") to go on behind the gap, and keep records longer (retention.ms, retention.bytes of the topic).',
    at(place),
  );
}

export function behindPosition(place: Place, { earliest, latest }: Retained): ConfigError {
  return new ConfigError(
    `Source ${place.operator}: split ${place.split} is read up to offset ${place.position}, but topic "${place.topic}" ends at ${latest} (it keeps offsets ${earliest} to ${latest}): it was deleted and created again, or its brokers lost records (unclean leader election). ${ANEW}`,
    at(place),
  );
}

export function recreated(place: Place): ConfigError {
  return new ConfigError(
    `Source ${place.operator}: topic "${place.topic}" was deleted and created again since split ${place.split} was read up to offset ${place.position}: its offsets mean other records now. ${ANEW}`,
    at(place),
  );
}

export function deleted(place: Place, latest: number | null): ConfigError {
  const seen = latest === null ? '' : ` (it ended at ${latest} when last seen)`;
  return new ConfigError(
    `Source ${place.operator}: topic "${place.topic}" is gone; split ${place.split} was read up to offset ${place.position}${seen}. Restore the topic, or remove it from the source's topics: the split ends there then.`,
    at(place),
  );
}

export function endedBefore(place: Place): ConfigError {
  return new ConfigError(
    `Source ${place.operator}: split ${place.split} ended for this job at offset ${place.position}, when topic "${place.topic}" was deleted or not subscribed to. ${ANEW}`,
    at(place),
  );
}

function at({ operator, split, position }: Place): Readonly<Record<string, unknown>> {
  return { operator, split, position };
}
