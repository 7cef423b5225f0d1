/** AllWindowedStream (Flink): windows over a stream without keys, all of it in one place. Made from a stream with one constant key. */
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import type { Evictor } from '../windows/evictor.ts';
import type { TimeWindow, Window } from '../windows/time-window.ts';
import type { Trigger } from '../windows/trigger.ts';
import type { WindowAssigner } from '../windows/window-assigner.ts';
import {
  ProcessAllWindowFunction,
  ProcessWindowFunction,
  type AllWindowApply,
  type AllWindowFunction,
  type WindowCollector,
  type WindowContext,
  type WindowFunction,
} from '../windows/window-function.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { SingleOutputStreamOperator } from './data-stream.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';
import { checkMethod, checkSynchronous } from './synchronous.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { WindowedStream } from './windowed-stream.ts';

type ProcessAll<IN, OUT, W extends Window> = AllWindowFunction<IN, OUT, W> | ProcessAllWindowFunction<IN, OUT, W>;

export class AllWindowedStream<T, W extends Window = TimeWindow> {
  private readonly windowed: WindowedStream<T, unknown, W>;

  /** @internal `input` has one key, whatever the row. */
  constructor(input: KeyedStream<T, unknown>, windows: WindowAssigner<NoInfer<T>, W>) {
    this.windowed = new WindowedStream<T, unknown, W>(input, windows);
  }

  /** Replaces the default trigger of the windows. */
  trigger(trigger: Trigger<T, W>): this {
    this.windowed.trigger(trigger);
    return this;
  }

  /** Removes elements when a window fires. */
  evictor(evictor: Evictor<T, W>): this {
    this.windowed.evictor(evictor);
    return this;
  }

  /** How long after the watermark has passed its end a window still takes rows; each fires it again. Milliseconds; event time only. */
  allowedLateness(latenessMs: number): this {
    this.windowed.allowedLateness(latenessMs);
    return this;
  }

  /** Rows later than that go to this side output instead of being dropped. */
  sideOutputLateData(tag: OutputTag<T>): this {
    this.windowed.sideOutputLateData(tag);
    return this;
  }

  /** Incremental: only the accumulator is kept. With a window function, that sees the one result and the window. */
  aggregate<ACC, OUT>(aggregate: AggregateFunction<T, ACC, OUT>): SingleOutputStreamOperator<OUT>;
  aggregate<ACC, V, OUT>(
    aggregate: AggregateFunction<T, ACC, V>,
    windowFunction: ProcessAll<V, OUT, W>,
  ): SingleOutputStreamOperator<OUT>;
  aggregate<ACC, V, OUT>(
    aggregate: AggregateFunction<T, ACC, V>,
    windowFunction?: ProcessAll<V, OUT, W>,
  ): SingleOutputStreamOperator<OUT> | SingleOutputStreamOperator<V> {
    if (windowFunction === undefined) return this.windowed.aggregate(aggregate);
    return this.windowed.aggregate<ACC, V, OUT>(aggregate, withoutKey(windowFunction));
  }

  reduce(reducer: (a: T, b: T) => T): SingleOutputStreamOperator<T>;
  reduce<OUT>(reducer: (a: T, b: T) => T, windowFunction: ProcessAll<T, OUT, W>): SingleOutputStreamOperator<OUT>;
  reduce<OUT>(
    reducer: (a: T, b: T) => T,
    windowFunction?: ProcessAll<T, OUT, W>,
  ): SingleOutputStreamOperator<OUT> | SingleOutputStreamOperator<T> {
    if (windowFunction === undefined) return this.windowed.reduce(reducer);
    return this.windowed.reduce<OUT>(reducer, withoutKey(windowFunction));
  }

  /** All rows of the window are kept and handed over when it fires. */
  process<OUT>(windowFunction: ProcessAll<T, OUT, W>): SingleOutputStreamOperator<OUT> {
    return this.windowed.process<OUT>(withoutKey(windowFunction));
  }

  /** As `process`, with a function of (window, elements, out). */
  apply<OUT>(windowFunction: AllWindowApply<T, OUT, W>): SingleOutputStreamOperator<OUT> {
    checkSynchronous(windowFunction, 'apply');
    return this.windowed.apply<OUT>((_key, window, elements, out) => windowFunction(window, elements, out));
  }

  /** Sum of a numeric field; the other fields are those of the window's first row. */
  sum(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.windowed.sum(field);
  }
  /** Minimum of a field; the other fields are those of the first row. */
  min(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.windowed.min(field);
  }
  max(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.windowed.max(field);
  }
  /** The whole row with the smallest value of the field; the first of equals, or the last with `first` = false. */
  minBy(field: keyof T & string, first = true): SingleOutputStreamOperator<T> {
    return this.windowed.minBy(field, first);
  }
  maxBy(field: keyof T & string, first = true): SingleOutputStreamOperator<T> {
    return this.windowed.maxBy(field, first);
  }
}

function withoutKey<IN, OUT, W extends Window>(
  fn: ProcessAll<IN, OUT, W>,
): WindowFunction<IN, OUT, unknown, W> | ProcessWindowFunction<IN, OUT, unknown, W> {
  if (fn instanceof ProcessAllWindowFunction) return new Keyless(fn);
  checkSynchronous(fn, 'the window function');
  return (_key, context, elements, out) => fn(context, elements, out);
}

class Keyless<IN, OUT, W extends Window> extends ProcessWindowFunction<IN, OUT, unknown, W> {
  private readonly fn: ProcessAllWindowFunction<IN, OUT, W>;
  override readonly clear?: (context: WindowContext<W>) => void | undefined;
  constructor(fn: ProcessAllWindowFunction<IN, OUT, W>) {
    super();
    this.fn = fn;
    checkMethod(fn, 'process', 'the window function');
    if (fn.clear !== undefined) this.clear = (context) => fn.clear!(context);
  }
  process(
    _key: unknown,
    context: WindowContext<W>,
    elements: readonly IN[],
    out: WindowCollector<OUT>,
  ): void | undefined | Iterable<OUT> {
    return this.fn.process(context, elements, out);
  }
  override open(ctx: RuntimeContext): void | Promise<void> {
    return this.fn.open?.(ctx);
  }
  override close(): void | Promise<void> {
    return this.fn.close?.();
  }
}
