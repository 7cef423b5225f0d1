/** DataStreamUtils (Flink). */
import type { DataStream } from './data-stream.ts';
import type { KeyedStream } from './keyed-stream.ts';

export const DataStreamUtils = {
  /**
   * Flink: a keyed stream without a shuffle, where the rows are known to stand with their keys already. Here it is `keyBy`: a fused
   * epoch has no shuffle, and in a fanned-out one a wrong claim would put a key's state in two places.
   */
  reinterpretAsKeyedStream: <T, K>(stream: DataStream<T>, keySelector: (value: T) => K): KeyedStream<T, K> =>
    (stream.keyBy as (selector: (value: T) => K) => KeyedStream<T, K>).call(stream, keySelector),
} as const;
