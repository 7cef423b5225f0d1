/** Public entry `millrace/connectors/log`: log topics as sources and sinks, with the value formats they take. */
export { LogSource, LogSourceBuilder } from './log-source.ts';
export type { SourceRecord } from './log-split-reader.ts';
export { OffsetsInitializer } from './offsets-initializer.ts';
export { LogSink, LogSinkBuilder, type Content, type RecordSerializer } from './log-sink.ts';
export { jsonLines } from '../../formats/json-lines.ts';
export { textLines } from '../../formats/text-lines.ts';
export { schema, t, type Field, type InferRow, type RowOf, type Schema } from '../../formats/schema.ts';
export { parseTimestamp } from '../../formats/timestamp.ts';
export type { LineFormat } from '../../formats/decoder.ts';
