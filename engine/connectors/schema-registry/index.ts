/** Public entry `millrace/connectors/schema-registry`: Avro values for Kafka, with a Confluent schema registry and without. */
export {
  ConfluentRegistryAvroDeserializationSchema,
  type RegistryReadOptions,
} from './confluent-registry-avro-deserialization-schema.ts';
export {
  ConfluentRegistryAvroSerializationSchema,
  type RegistryWriteOptions,
} from './confluent-registry-avro-serialization-schema.ts';
export type { RegistryFetch, RegistryRequest, RegistryResponse, RegistryTls } from './registry-fetch.ts';
export type { RegistryAuth, SchemaRegistryOptions } from './registry-options.ts';
export type { SchemaReference } from './schema-registry-client.ts';
export { recordNameSubject, topicNameSubject, topicRecordNameSubject, type RecordPart } from './subject-names.ts';
export {
  AvroDeserializationSchema,
  type AvroDatumOptions,
  type AvroReadOptions,
} from '../../formats/avro/avro-deserialization-schema.ts';
export { AvroSerializationSchema } from '../../formats/avro/avro-serialization-schema.ts';
export type { AvroValue, AvroWritable } from '../../formats/avro/avro-value.ts';
export type { AvroDuration } from '../../formats/avro/logical-types.ts';
export type { AvroSchema, AvroSchemaObject } from '../../formats/avro/parse-schema.ts';
export { avroSchemaOf } from '../../formats/avro/row-schema.ts';
export { schema, t, type Field, type InferRow, type RowOf, type Schema } from '../../formats/schema.ts';
export type { ValueEncoder } from '../../formats/value-encoder.ts';
export type { ValueFormat } from '../../formats/value-format.ts';
