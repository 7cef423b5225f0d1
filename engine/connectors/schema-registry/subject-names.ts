/** Names of subjects, as Confluent's strategies give them to the serializers of a topic. */
import { parsed } from '../../formats/avro/avro-deserialization-schema.ts';
import { branchName } from '../../formats/avro/avro-types.ts';
import type { AvroSchema } from '../../formats/avro/parse-schema.ts';

export type RecordPart = 'key' | 'value';

/** `<topic>-value` or `<topic>-key`: one type a topic. Confluent's default. */
export function topicNameSubject(topic: string, part: RecordPart = 'value'): string {
  return `${topic}-${part}`;
}

/** The record's full name: one type wherever it is written. */
export function recordNameSubject(schema: AvroSchema): string {
  return branchName(parsed('recordNameSubject', schema));
}

/** `<topic>-<record's full name>`: several types in a topic. */
export function topicRecordNameSubject(topic: string, schema: AvroSchema): string {
  return `${topic}-${recordNameSubject(schema)}`;
}
