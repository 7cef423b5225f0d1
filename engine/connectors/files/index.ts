/** Public entry `millrace/connectors/files`: files as sources and sinks, with the formats they take. */
export { FileSource, FileSourceBuilder } from './file-source.ts';
export { FileSink, FileSinkBuilder, type BucketAssigner } from './file-sink.ts';
export { jsonLines } from '../../formats/json-lines.ts';
export { csvLines, type CsvOptions } from '../../formats/csv.ts';
export { textLines } from '../../formats/text-lines.ts';
export { schema, t, type Field, type InferRow, type RowOf, type Schema } from '../../formats/schema.ts';
export { parseTimestamp } from '../../formats/timestamp.ts';
export { csvEncoder, jsonEncoder, textEncoder, type Encoder } from '../../formats/encoder.ts';
export type { LineFormat } from '../../formats/decoder.ts';
