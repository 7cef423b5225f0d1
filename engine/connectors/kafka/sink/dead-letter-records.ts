/**
 * `env.deadLetters()` as Kafka records: the record as it came is the value, and headers say where and why.
 *
 *     env.deadLetters().sinkTo(
 *       KafkaSink.builder().setBootstrapServers(servers).setRecordSerializer(deadLetterRecords('orders-dead')).build(),
 *     );
 */
import type { DeadLetter } from '../../../model/bad-record.ts';
import type { RecordSerializer } from './serialization.ts';

/** Header names. */
export const DEAD_LETTER_HEADERS = {
  job: 'millrace.job',
  operator: 'millrace.operator',
  /** Of a Kafka source: `<its uid>/<topic>-<partition>`. */
  split: 'millrace.split',
  /** In the split; of a Kafka source the offset. */
  position: 'millrace.position',
  error: 'millrace.error',
  /** When it was refused: ISO 8601, UTC. */
  time: 'millrace.time',
} as const;

export function deadLetterRecords(topic: string): RecordSerializer<DeadLetter> {
  const names = DEAD_LETTER_HEADERS;
  return {
    topic,
    value: (letter) => letter.record,
    headers: (letter) => [
      [names.job, letter.job],
      [names.operator, letter.operator],
      [names.split, letter.split],
      [names.position, String(letter.position)],
      [names.error, letter.error],
      [names.time, new Date().toISOString()],
    ],
  };
}
