/** Window assigners (Flink: WindowAssigner). Sizes and offsets in milliseconds. */
import { ConfigError } from '../model/errors.ts';

/** Every row belongs to exactly one window: [start, start + size), start ≡ offset modulo size. */
export interface AlignedWindows {
  readonly kind: 'tumbling-event-time';
  readonly sizeMs: number;
  readonly offsetMs: number;
}

export const TumblingEventTimeWindows = {
  /** `TumblingEventTimeWindows.of(Duration.ofHours(1))`; the offset shifts all windows, e.g. to a time zone's day. */
  of(sizeMs: number, offsetMs = 0): AlignedWindows {
    if (!Number.isSafeInteger(sizeMs) || sizeMs <= 0) {
      throw new ConfigError(
        `TumblingEventTimeWindows.of takes a positive whole number of milliseconds; got ${sizeMs}. Use Duration.ofHours(1), for example.`,
      );
    }
    if (!Number.isSafeInteger(offsetMs) || Math.abs(offsetMs) >= sizeMs) {
      throw new ConfigError(`a window's offset must be smaller than its size (${sizeMs} ms); got ${offsetMs}.`);
    }
    return { kind: 'tumbling-event-time', sizeMs, offsetMs };
  },
} as const;
