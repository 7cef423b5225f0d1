/** WindowedStream (Flink): what happens to the rows of each key and window. */
import { ConfigError } from '../model/errors.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import { WindowAggregateFactory } from '../operators/window-aggregate-operator.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import type { AlignedWindows } from '../windows/assigners.ts';
import { ProcessWindowFunction, type WindowFunction } from '../windows/window-function.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { SingleOutputStreamOperator } from './data-stream.ts';
import { fieldReduce } from './field-reduce.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';

type AnyWindowFunction<IN, OUT, K> = WindowFunction<IN, OUT, K> | ProcessWindowFunction<IN, OUT, K>;
type Untyped = AggregateFunction<unknown, unknown, unknown>;

export class WindowedStream<T, K> {
  private readonly input: KeyedStream<T, K>;
  private readonly windows: AlignedWindows;
  private latenessMs = 0;
  private lateTag: string | null = null;

  /** @internal */
  constructor(input: KeyedStream<T, K>, windows: AlignedWindows) {
    this.input = input;
    this.windows = windows;
  }

  /** How long after the watermark has passed its end a window still takes rows; each fires it again. Milliseconds. */
  allowedLateness(latenessMs: number): this {
    if (!Number.isSafeInteger(latenessMs) || latenessMs < 0)
      throw new ConfigError(`allowedLateness takes a whole number of milliseconds, 0 or more; got ${latenessMs}.`);
    this.latenessMs = latenessMs;
    return this;
  }

  /** Rows later than that go to this side output instead of being dropped. */
  sideOutputLateData(tag: OutputTag<T>): this {
    this.lateTag = tag.id;
    return this;
  }

  /** Incremental: only the accumulator is kept. With a window function, that sees the one result, the key and the window. */
  aggregate<ACC, OUT>(aggregate: AggregateFunction<T, ACC, OUT>): SingleOutputStreamOperator<OUT>;
  aggregate<ACC, V, OUT>(
    aggregate: AggregateFunction<T, ACC, V>,
    windowFunction: AnyWindowFunction<V, OUT, K>,
  ): SingleOutputStreamOperator<OUT>;
  aggregate<ACC, V, OUT>(
    aggregate: AggregateFunction<T, ACC, V>,
    windowFunction?: AnyWindowFunction<V, OUT, K>,
  ): SingleOutputStreamOperator<OUT> {
    return this.build<OUT>('Aggregate', aggregate, windowFunction ?? null);
  }

  reduce(reducer: (a: T, b: T) => T): SingleOutputStreamOperator<T>;
  reduce<OUT>(
    reducer: (a: T, b: T) => T,
    windowFunction: AnyWindowFunction<T, OUT, K>,
  ): SingleOutputStreamOperator<OUT>;
  reduce<OUT>(
    reducer: (a: T, b: T) => T,
    windowFunction?: AnyWindowFunction<T, OUT, K>,
  ): SingleOutputStreamOperator<OUT> {
    return this.build<OUT>(
      'Reduce',
      reduceAggregate(reducer as (a: unknown, b: unknown) => unknown),
      windowFunction ?? null,
    );
  }

  /** All rows of the window are kept and handed over when it fires. */
  process<OUT>(windowFunction: AnyWindowFunction<T, OUT, K>): SingleOutputStreamOperator<OUT> {
    const fn = plain<unknown, unknown, unknown>(windowFunction as AnyWindowFunction<unknown, unknown, unknown>);
    const spread: WindowFunction<unknown, unknown, unknown> = (key, context, [rows], out) =>
      fn(key, context, rows as readonly unknown[], out);
    return this.build<OUT>('Process', LIST, spread, windowFunction);
  }

  sum(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.reduce(fieldReduce('sum', field) as (a: T, b: T) => T);
  }
  min(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.reduce(fieldReduce('min', field) as (a: T, b: T) => T);
  }
  max(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.reduce(fieldReduce('max', field) as (a: T, b: T) => T);
  }

  private build<OUT>(
    kind: string,
    aggregate: Untyped,
    windowFunction: unknown,
    lifecycle: unknown = windowFunction,
  ): SingleOutputStreamOperator<OUT> {
    const name = `Tumbling(${this.windows.sizeMs} ms) ${kind}`;
    const cycle = lifecycle instanceof ProcessWindowFunction ? lifecycle : null;
    const factory = new WindowAggregateFactory({
      stateKind: kind.toLowerCase(),
      windows: this.windows,
      aggregate,
      windowFunction:
        windowFunction === null ? null : plain(windowFunction as AnyWindowFunction<unknown, unknown, unknown>),
      allowedLatenessMs: this.latenessMs,
      lateTag: this.lateTag,
      ...(cycle === null ? {} : { open: async () => cycle.open?.(), close: async () => cycle.close?.() }),
    });
    return this.input.keyed<OUT>(name, factory);
  }
}

function plain<IN, OUT, K>(fn: AnyWindowFunction<IN, OUT, K>): WindowFunction<IN, OUT, K> {
  return fn instanceof ProcessWindowFunction
    ? (key, context, elements, out) => fn.process(key, context, elements, out)
    : fn;
}

/** The accumulator of a reduce is the value itself; a list of none is "nothing yet". */
function reduceAggregate(reduce: (a: unknown, b: unknown) => unknown): Untyped {
  return {
    createAccumulator: () => null,
    add: (value, accumulator) => (accumulator === null ? value : reduce(accumulator, value)),
    getResult: (accumulator) => accumulator,
  };
}

const LIST: Untyped = {
  createAccumulator: () => [],
  add: (value, accumulator) => {
    const row = value as { __copy?: () => object };
    (accumulator as unknown[]).push(
      typeof row === 'object' && row !== null && typeof row.__copy === 'function' ? row.__copy() : value,
    );
    return accumulator;
  },
  getResult: (accumulator) => (accumulator as unknown[]).slice(),
};
