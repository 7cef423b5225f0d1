/** Event-time windows need event time. */
import { UserCodeError } from '../model/errors.ts';
import { NO_TIMESTAMP } from '../model/watermark.ts';

export function requireTimestamp(timestamp: number): void {
  if (timestamp > NO_TIMESTAMP) return;
  throw new UserCodeError(
    'a row has no timestamp, but event-time windows need one: give the source a WatermarkStrategy with withTimestampAssigner(...), or call assignTimestampsAndWatermarks(...) before keyBy.',
  );
}
