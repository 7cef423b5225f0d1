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
export { DataStreamUtils } from './api/reinterpret-as-keyed.ts';
export { DataStream, DataStreamSink, SingleOutputStreamOperator } from './api/data-stream.ts';
export { KeyedStream } from './api/keyed-stream.ts';
export { ConnectedStreams, KeyedConnectedStreams } from './api/connected-streams.ts';
export { BroadcastStream, type BroadcastStateDescriptor } from './api/broadcast-stream.ts';
export { BroadcastConnectedStream, KeyedBroadcastConnectedStream } from './api/broadcast-connected-stream.ts';
export { IntervalJoin, IntervalJoined } from './api/interval-join.ts';
export {
  CoFlatMapFunction,
  CoMapFunction,
  CoProcessFunction,
  keyedCoProcess,
  KeyedCoProcessFunction,
  type CoFlatMap,
  type CoMap,
  type CoOnTimerContext,
  type CoProcess,
  type CoProcessContext,
  type KeyedCoProcess,
  type KeyedCoProcessDefinition,
} from './api/co-functions.ts';
export {
  BroadcastProcessFunction,
  keyedBroadcastProcess,
  KeyedBroadcastProcessFunction,
  type BroadcastProcess,
  type KeyedBroadcastProcess,
  type KeyedBroadcastProcessDefinition,
} from './api/broadcast-functions.ts';
export {
  CoGroupFunction,
  FlatJoinFunction,
  JoinFunction,
  ProcessJoinFunction,
  type CoGroup,
  type ProcessJoin,
} from './api/join-functions.ts';
export { CoGroupedEqualTo, CoGroupedStreams, CoGroupedWhere, CoGroupedWindow } from './api/co-grouped-streams.ts';
export { JoinedEqualTo, JoinedStreams, JoinedWhere, JoinedWindow } from './api/joined-streams.ts';
export type { TaggedUnion } from './api/tagged-union.ts';
export { WindowedStream } from './api/windowed-stream.ts';
export { AllWindowedStream } from './api/all-windowed-stream.ts';
export { defineJob, type Config, type ConfigDefaults, type JobModule } from './api/define-job.ts';
export type { JobExecutionResult } from './api/executor.ts';
export { JobClient } from './api/job-client.ts';
export {
  HashMapStateBackend,
  TableStateBackend,
  type StateBackend,
  type StateBackendName,
} from './api/state-backends.ts';
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
export { RichFilterFunction, RichFlatMapFunction, RichMapFunction } from './api/rich-functions.ts';
export type { Counter, Histogram, Meter, MetricGroup, RuntimeContext } from './model/runtime-context.ts';
export { MAX_WATERMARK, MIN_WATERMARK } from './model/watermark.ts';
export type { Collector } from './operators/collector.ts';
export type {
  KeyedContext,
  OnTimerContext,
  OpenContext,
  TimeDomain,
  TimerServiceView,
} from './operators/keyed-process-function.ts';
export type {
  CheckpointedFunction,
  FunctionInitializationContext,
  OperatorStateStore,
} from './operators/checkpointed-process-operator.ts';
export { OutputTag } from './operators/output-tag.ts';
export type {
  BroadcastContext,
  BroadcastReadContext,
  KeyedBroadcastContext,
  KeyedBroadcastOnTimerContext,
  KeyedBroadcastReadContext,
} from './operators/broadcast-process-function.ts';
export type { ProcessJoinContext } from './operators/interval-join-operator.ts';
export type { BroadcastState, ReadOnlyBroadcastState } from './state/broadcast-states.ts';
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
export { StateTtlConfig, type TtlUpdateType, type TtlVisibility } from './state/ttl.ts';
export type { TypeSerializer } from './state/type-serializer.ts';
export { Duration } from './time/duration.ts';
export { IngestionTimeAssigner } from './time/ingestion-time.ts';
export {
  AscendingTimestampsWatermarks,
  BoundedOutOfOrdernessWatermarks,
  type WatermarkGenerator,
  type WatermarkGeneratorContext,
  type WatermarkGeneratorSupplier,
  type WatermarkOutput,
} from './time/watermark-generator.ts';
export { WatermarkStrategy, type TimestampAssigner } from './time/watermark-strategy.ts';
export {
  SlidingEventTimeWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type AlignedWindows,
} from './windows/assigners.ts';
export { ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger } from './windows/continuous-triggers.ts';
export { CountTrigger } from './windows/count-trigger.ts';
export { DeltaTrigger, type DeltaFunction } from './windows/delta-trigger.ts';
export { Evictor, type EvictableElements, type EvictorContext, type TimestampedValue } from './windows/evictor.ts';
export { CountEvictor, DeltaEvictor, TimeEvictor } from './windows/evictors.ts';
export { GlobalWindow } from './windows/global-window.ts';
export { EndOfStreamTrigger, GlobalWindows, NeverTrigger } from './windows/global-windows.ts';
export { ProcessingTimeoutTrigger } from './windows/processing-timeout-trigger.ts';
export { PurgingTrigger } from './windows/purging-trigger.ts';
export {
  EventTimeSessionWindows,
  mergeTimeWindows,
  ProcessingTimeSessionWindows,
  type SessionGap,
} from './windows/session-windows.ts';
export { TimeWindow, type Window } from './windows/time-window.ts';
export { EventTimeTrigger, ProcessingTimeTrigger } from './windows/time-triggers.ts';
export { Trigger, TriggerResult, type OnMergeContext, type TriggerContext } from './windows/trigger.ts';
export {
  MergingWindowAssigner,
  WindowAssigner,
  type MergeCallback,
  type WindowAssignerContext,
  type WindowSerializer,
} from './windows/window-assigner.ts';
export {
  ProcessAllWindowFunction,
  ProcessWindowFunction,
  type AllWindowApply,
  type AllWindowFunction,
  type WindowApply,
  type WindowCollector,
  type WindowContext,
  type WindowFunction,
} from './windows/window-function.ts';
export { TwoPhaseCommitSink, type CommitOutcome } from './operators/two-phase/two-phase-commit-sink.ts';
export {
  TwoPhaseCommitSinkFunction,
  type InvokeContext,
  type TwoPhaseCommitSinkFunctionOptions,
} from './operators/two-phase/two-phase-commit-sink-function.ts';
export type { SinkRecord, SinkTransaction, TransactionContext } from './operators/two-phase/transaction.ts';
export type { StateAccess } from './state/state-access.ts';
export {
  DeliveryGuarantee,
  type Publication,
  type Sink,
  type SinkContext,
  type SinkPublisher,
  type SinkWriter,
  type StagedOutput,
} from './ports/sink.ts';
export type { FillResult, Source, SourceContext, SplitReader, SplitSpec } from './ports/source.ts';
export type { SourceBatch } from './model/source-batch.ts';
export type { BadRecord } from './model/bad-record.ts';
export type { EpochMode } from './model/epoch-mode.ts';
export type { StateBackendKind } from './model/state-backend.ts';
export { parseTimestamp } from './formats/timestamp.ts';
export { schema, t, type InferRow, type Schema } from './formats/schema.ts';

injectExecutor(async (graph, settings, signals) => {
  const { job, epochs, durationMs, counts, ending } = await runEmbedded(graph, settings, signals);
  return { job, epochs, durationMs, counts, ending };
});
