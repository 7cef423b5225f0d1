/** The public entry: the DataStream API with the embedded executor behind `execute`. */
import { injectExecutor } from './api/executor.ts';
import { runEmbedded } from './embedded/executor.ts';

export { AsyncDataStream, AsyncFunction, type AsyncLookup } from './api/async-data-stream.ts';
export type { ResultFuture } from './operators/async-request.ts';
export {
  ExponentialBackoffDelayRetryStrategyBuilder,
  FixedDelayRetryStrategyBuilder,
  RetryPredicates,
  type AsyncRetryStrategy,
} from './operators/async-retry.ts';
export { StreamExecutionEnvironment } from './api/environment.ts';
export { DataStream, DataStreamSink, SingleOutputStreamOperator } from './api/data-stream.ts';
export { KeyedStream } from './api/keyed-stream.ts';
export { WindowedStream } from './api/windowed-stream.ts';
export { defineJob, type Config, type ConfigDefaults, type JobModule } from './api/define-job.ts';
export type { JobExecutionResult } from './api/executor.ts';
export { JobClient } from './api/job-client.ts';
export {
  aggregatingState,
  keyedProcess,
  KeyedProcessFunction,
  listState,
  mapState,
  ProcessFunction,
  reducingState,
  valueState,
  type DefaultedValueState,
  type KeyedProcess,
  type KeyedProcessDefinition,
  type Nothing,
} from './api/functions.ts';
export { CheckpointConfig, RestartStrategies, type CheckpointRetention } from './api/job-settings.ts';
export type { RestartStrategy } from './model/restart-strategy.ts';
export type { DeadLetter } from './model/bad-record.ts';
export {
  ConfigError,
  CorruptionError,
  FencedError,
  InvariantError,
  MillraceError,
  RetryableError,
  UnknownOutcomeError,
  UserCodeError,
} from './model/errors.ts';
export { MAX_WATERMARK, MIN_WATERMARK } from './model/watermark.ts';
export type { Collector } from './operators/collector.ts';
export type {
  KeyedContext,
  OnTimerContext,
  OpenContext,
  TimeDomain,
  TimerServiceView,
} from './operators/keyed-process-function.ts';
export { OutputTag } from './operators/output-tag.ts';
export type { ProcessContext } from './operators/process-operator.ts';
export {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
  type AggregateFunction,
} from './state/descriptors.ts';
export type { AggregatingState, ListState, MapState, ReducingState, ValueState } from './state/states.ts';
export { StateTtlConfig } from './state/ttl.ts';
export { Duration } from './time/duration.ts';
export { WatermarkStrategy, type TimestampAssigner } from './time/watermark-strategy.ts';
export { TumblingEventTimeWindows, type AlignedWindows } from './windows/assigners.ts';
export type { TimeWindow } from './windows/time-window.ts';
export { ProcessWindowFunction, type WindowContext, type WindowFunction } from './windows/window-function.ts';
export type {
  DeliveryGuarantee,
  Publication,
  Sink,
  SinkContext,
  SinkPublisher,
  SinkWriter,
  StagedOutput,
} from './ports/sink.ts';
export type { FillResult, Source, SourceContext, SplitReader, SplitSpec } from './ports/source.ts';
export type { SourceBatch } from './model/source-batch.ts';
export type { BadRecord } from './model/bad-record.ts';
export type { EpochMode } from './model/epoch-mode.ts';
export { parseTimestamp } from './formats/timestamp.ts';
export { schema, t, type InferRow, type Schema } from './formats/schema.ts';

injectExecutor(async (graph, settings, signals) => {
  const { job, epochs, durationMs, counts, ending } = await runEmbedded(graph, settings, signals);
  return { job, epochs, durationMs, counts, ending };
});
