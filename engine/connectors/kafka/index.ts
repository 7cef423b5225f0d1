/** Public entry `millrace/connectors/kafka`: Kafka topics as sources and sinks, with the value formats they take. */
export { KafkaSource, KafkaSourceBuilder } from './source/kafka-source.ts';
export {
  OffsetResetStrategy,
  OffsetsInitializer,
  type PartitionOffsetsRetriever,
} from './source/offsets-initializer.ts';
export type { KafkaRecord } from './source/kafka-record.ts';
export type { RecordDeserializer } from './source/row-maker.ts';
export { KafkaSink, KafkaSinkBuilder } from './sink/kafka-sink.ts';
export {
  KafkaRecordSerializationSchema,
  KafkaRecordSerializationSchemaBuilder,
  type Content,
  type Headers,
  type KafkaPartitioner,
  type KafkaProducerRecord,
  type RecordSerializer,
  type SerializationSchema,
} from './sink/serialization.ts';
export { DEAD_LETTER_HEADERS, deadLetterRecords } from './sink/dead-letter-records.ts';
export { DeliveryGuarantee } from '../../ports/sink.ts';
export { parseProperties, readPropertiesFile } from './properties-file.ts';
export type { BearerToken, KafkaClientLibrary } from './client/kafka-connection.ts';
export type { KafkaClient, TopicPartition } from './client/kafka-client.ts';
export { jsonEncoder, textEncoder, type Encoder } from '../../formats/encoder.ts';
export { jsonLines } from '../../formats/json-lines.ts';
export { textLines } from '../../formats/text-lines.ts';
export { schema, t, type Field, type InferRow, type RowOf, type Schema } from '../../formats/schema.ts';
export { parseTimestamp } from '../../formats/timestamp.ts';
export type { ValueEncoder } from '../../formats/value-encoder.ts';
export type { ValueFormat } from '../../formats/value-format.ts';
