/** Public entry `millrace/connectors/files`: files as sources and sinks, with the formats they take. */
export { FileSource, FileSourceBuilder } from './file-source.ts';
export { FileSink, FileSinkBuilder, type BucketAssigner, type TimedBucketAssigner } from './file-sink.ts';
export { EventTimeBuckets } from './event-time-buckets.ts';
export type { PartitionCommitOptions } from './partition-commit.ts';
export { jsonLines } from '../../formats/json-lines.ts';
export { csvLines, type CsvOptions } from '../../formats/csv.ts';
export { textLines } from '../../formats/text-lines.ts';
export { schema, t, type Field, type InferRow, type RowOf, type Schema } from '../../formats/schema.ts';
export { parseTimestamp } from '../../formats/timestamp.ts';
export { csvEncoder, jsonEncoder, textEncoder, type Encoder } from '../../formats/encoder.ts';
export type { LineFormat } from '../../formats/decoder.ts';
export type { BulkEncoder, BulkFormat } from '../../formats/bulk-format.ts';
export { parquetEncoder, type ParquetOptions } from '../../formats/parquet/parquet-encoder.ts';
export { parquetRows } from '../../formats/parquet/parquet-rows.ts';
export type { ParquetCompression } from '../../formats/parquet/parquet-codec.ts';
export {
  p,
  parquetSchema,
  type ParquetField,
  type ParquetInput,
  type ParquetRow,
  type ParquetSchema,
} from '../../formats/parquet/parquet-schema.ts';
