/** Public entry `millrace/connectors/jdbc`: tables of PostgreSQL, MySQL and MariaDB as sinks and sources. */
export { JdbcConnectionOptions, JdbcConnectionOptionsBuilder, type JdbcTlsOptions } from './jdbc-connection-options.ts';
export { JdbcSink, JdbcSinkBuilder } from './sink/jdbc-sink.ts';
export type { JdbcTable } from './sink/jdbc-table.ts';
export {
  JdbcExactlyOnceOptions,
  JdbcExactlyOnceOptionsBuilder,
  JdbcExecutionOptions,
  JdbcExecutionOptionsBuilder,
  type OnConstraintViolation,
} from './sink/jdbc-execution-options.ts';
export type { JdbcValue } from './wire-value.ts';
export { JdbcSource, JdbcSourceBuilder } from './source/jdbc-source.ts';
export type { DatabaseRow } from './source/jdbc-split-reader.ts';
export {
  JdbcNumericBetweenParametersProvider,
  type JdbcParameterValuesProvider,
} from './source/parameters-provider.ts';
export type { BigIntegers } from './source/result-reader.ts';
