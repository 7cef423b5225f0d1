/** Harnesses for process functions, ready made (Flink: ProcessFunctionTestHarnesses). They take what `stream.process(…)` takes. */
import type {
  BroadcastProcess,
  BroadcastProcessFunction,
  KeyedBroadcastProcess,
  KeyedBroadcastProcessFunction,
} from '../api/broadcast-functions.ts';
import type { BroadcastStateDescriptor } from '../api/broadcast-stream.ts';
import type { CoProcess, CoProcessFunction, KeyedCoProcess, KeyedCoProcessFunction } from '../api/co-functions.ts';
import type { DataStream, Synchronous } from '../api/data-stream.ts';
import type { KeyedProcess, KeyedProcessFunction, Nothing, ProcessFunction } from '../api/functions.ts';
import type { KeyedStream } from '../api/keyed-stream.ts';
import type { Collector } from '../operators/collector.ts';
import type { ProcessContext } from '../operators/process-operator.ts';
import { OneInputStreamOperatorTestHarness, TwoInputStreamOperatorTestHarness } from './input-test-harnesses.ts';
import type { HarnessOptions } from './operator-test-harness.ts';

type OneInput<IN, OUT> = Promise<OneInputStreamOperatorTestHarness<IN, OUT>>;
type TwoInputs<IN1, IN2, OUT> = Promise<TwoInputStreamOperatorTestHarness<IN1, IN2, OUT>>;
type Selector<T, K> = (value: T) => K;
type Descriptors = readonly [BroadcastStateDescriptor, ...BroadcastStateDescriptor[]];

/** A promise as a key is an error when the first element comes. */
function keyed<T, K>(stream: DataStream<T>, selector: Selector<T, K>): KeyedStream<T, K> {
  return stream.keyBy(selector, ...([] as unknown as Synchronous<K>));
}

export const ProcessFunctionTestHarnesses = {
  forProcessFunction<IN, OUT>(
    fn: ProcessFunction<IN, OUT> | ((value: IN, ctx: ProcessContext, out: Collector<OUT>) => Nothing),
    options?: HarnessOptions,
  ): OneInput<IN, OUT> {
    return OneInputStreamOperatorTestHarness.create((input: DataStream<IN>) => input.process(fn), options);
  },

  forKeyedProcessFunction<K, IN, OUT>(
    fn: KeyedProcessFunction<K, IN, OUT> | KeyedProcess<K, IN, OUT>,
    key: Selector<IN, K>,
    options?: HarnessOptions,
  ): OneInput<IN, OUT> {
    return OneInputStreamOperatorTestHarness.create((input: DataStream<IN>) => keyed(input, key).process(fn), options);
  },

  forCoProcessFunction<IN1, IN2, OUT>(
    fn: CoProcessFunction<IN1, IN2, OUT> | CoProcess<IN1, IN2, OUT>,
    options?: HarnessOptions,
  ): TwoInputs<IN1, IN2, OUT> {
    return TwoInputStreamOperatorTestHarness.create(
      (first: DataStream<IN1>, second: DataStream<IN2>) => first.connect(second).process(fn),
      options,
    );
  },

  forKeyedCoProcessFunction<K, IN1, IN2, OUT>(
    fn: KeyedCoProcessFunction<K, IN1, IN2, OUT> | KeyedCoProcess<K, IN1, IN2, OUT>,
    key1: Selector<IN1, K>,
    key2: Selector<IN2, K>,
    options?: HarnessOptions,
  ): TwoInputs<IN1, IN2, OUT> {
    return TwoInputStreamOperatorTestHarness.create(
      (first: DataStream<IN1>, second: DataStream<IN2>) => keyed(first, key1).connect(keyed(second, key2)).process(fn),
      options,
    );
  },

  /** Input 2 is the broadcast one; `descriptors`: the states that it fills. */
  forBroadcastProcessFunction<IN1, IN2, OUT>(
    fn: BroadcastProcessFunction<IN1, IN2, OUT> | BroadcastProcess<IN1, IN2, OUT>,
    descriptors: Descriptors,
    options?: HarnessOptions,
  ): TwoInputs<IN1, IN2, OUT> {
    return TwoInputStreamOperatorTestHarness.create(
      (first: DataStream<IN1>, second: DataStream<IN2>) => first.connect(second.broadcast(...descriptors)).process(fn),
      options,
    );
  },

  forKeyedBroadcastProcessFunction<K, IN1, IN2, OUT>(
    fn: KeyedBroadcastProcessFunction<K, IN1, IN2, OUT> | KeyedBroadcastProcess<K, IN1, IN2, OUT>,
    key: Selector<IN1, K>,
    descriptors: Descriptors,
    options?: HarnessOptions,
  ): TwoInputs<IN1, IN2, OUT> {
    return TwoInputStreamOperatorTestHarness.create(
      (first: DataStream<IN1>, second: DataStream<IN2>) =>
        keyed(first, key)
          .connect(second.broadcast(...descriptors))
          .process(fn),
      options,
    );
  },
} as const;
