/** WindowedStream (Flink): what happens to the rows of each key and window. */
import { ConfigError } from '../model/errors.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import type { AnyWindowFunction } from '../operators/window-function-context.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import type { Evictor } from '../windows/evictor.ts';
import type { TimeWindow, Window } from '../windows/time-window.ts';
import type { Trigger } from '../windows/trigger.ts';
import type { WindowAssigner } from '../windows/window-assigner.ts';
import { ProcessWindowFunction, type WindowApply, type WindowFunction } from '../windows/window-function.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { SingleOutputStreamOperator } from './data-stream.ts';
import { fieldReduce, type FieldReduction } from './field-reduce.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';
import { checkAggregate, checkMethod, checkSynchronous } from './synchronous.ts';
import { reduceAggregate, type Untyped } from './window-aggregates.ts';
import type { WindowRun } from './window-run.ts';
import { WindowSettings } from './window-settings.ts';

type ProcessFunction<IN, OUT, K, W extends Window> =
  WindowFunction<IN, OUT, K, W> | ProcessWindowFunction<IN, OUT, K, W>;

export class WindowedStream<T, K, W extends Window = TimeWindow> {
  private readonly input: KeyedStream<T, K>;
  private readonly settings: WindowSettings;

  /** @internal */
  constructor(input: KeyedStream<T, K>, windows: WindowAssigner<T, W>) {
    this.input = input;
    this.settings = new WindowSettings(windows);
  }

  /** Replaces the default trigger of the windows: with a CountTrigger nothing fires at a window's end. */
  trigger(trigger: Trigger<T, W>): this {
    this.settings.setTrigger(trigger);
    return this;
  }

  /** Removes elements when a window fires. Such a window keeps all its elements, also for a reduce or an aggregate. */
  evictor(evictor: Evictor<T, W>): this {
    this.settings.setEvictor(evictor);
    return this;
  }

  /** How long after the watermark has passed its end a window still takes rows; each fires it again. Milliseconds; event time only. */
  allowedLateness(latenessMs: number): this {
    this.settings.setAllowedLateness(latenessMs);
    return this;
  }

  /** Rows later than that go to this side output instead of being dropped. */
  sideOutputLateData(tag: OutputTag<T>): this {
    this.settings.setLateTag(tag);
    return this;
  }

  /** Incremental: only the accumulator is kept. With a window function, that sees the one result, the key and the window. */
  aggregate<ACC, OUT>(aggregate: AggregateFunction<T, ACC, OUT>): SingleOutputStreamOperator<OUT>;
  aggregate<ACC, V, OUT>(
    aggregate: AggregateFunction<T, ACC, V>,
    windowFunction: ProcessFunction<V, OUT, K, W>,
  ): SingleOutputStreamOperator<OUT>;
  aggregate<ACC, V, OUT>(
    aggregate: AggregateFunction<T, ACC, V>,
    windowFunction?: ProcessFunction<V, OUT, K, W>,
  ): SingleOutputStreamOperator<OUT> {
    checkAggregate(aggregate);
    return this.incremental<OUT>('Aggregate', aggregate, windowFunction);
  }

  reduce(reducer: (a: T, b: T) => T): SingleOutputStreamOperator<T>;
  reduce<OUT>(
    reducer: (a: T, b: T) => T,
    windowFunction: ProcessFunction<T, OUT, K, W>,
  ): SingleOutputStreamOperator<OUT>;
  reduce<OUT>(
    reducer: (a: T, b: T) => T,
    windowFunction?: ProcessFunction<T, OUT, K, W>,
  ): SingleOutputStreamOperator<OUT> {
    checkSynchronous(reducer, 'reduce');
    const aggregate = reduceAggregate(reducer as (a: unknown, b: unknown) => unknown);
    return this.incremental<OUT>('Reduce', aggregate, windowFunction);
  }

  /** All rows of the window are kept and handed over when it fires. */
  process<OUT>(windowFunction: ProcessFunction<T, OUT, K, W>): SingleOutputStreamOperator<OUT> {
    return this.add<OUT>('Process', this.settings.process(runOf(windowFunction)));
  }

  /** As `process`, with a function of (key, window, elements, out). */
  apply<OUT>(windowFunction: WindowApply<T, OUT, K, W>): SingleOutputStreamOperator<OUT> {
    checkSynchronous(windowFunction, 'apply');
    return this.process<OUT>((key, context, elements, out) => windowFunction(key, context.window, elements, out));
  }

  /** Sum of a numeric field; the other fields are those of the window's first row (Flink). */
  sum(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.field('sum', field);
  }
  /** Minimum of a field; the other fields are those of the first row. */
  min(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.field('min', field);
  }
  max(field: keyof T & string): SingleOutputStreamOperator<T> {
    return this.field('max', field);
  }
  /** The whole row with the smallest value of the field; the first of equals, or the last with `first` = false. */
  minBy(field: keyof T & string, first = true): SingleOutputStreamOperator<T> {
    return this.field('minBy', field, first);
  }
  maxBy(field: keyof T & string, first = true): SingleOutputStreamOperator<T> {
    return this.field('maxBy', field, first);
  }

  private field(kind: FieldReduction, field: string, first = true): SingleOutputStreamOperator<T> {
    return this.reduce(fieldReduce(kind, field, first) as (a: T, b: T) => T);
  }

  private incremental<OUT>(kind: string, aggregate: Untyped, windowFunction: unknown): SingleOutputStreamOperator<OUT> {
    const run = windowFunction === undefined ? null : runOf(windowFunction);
    return this.add<OUT>(kind, this.settings.incremental(kind.toLowerCase(), aggregate, run));
  }

  private add<OUT>(kind: string, factory: Parameters<KeyedStream<T, K>['keyed']>[1]): SingleOutputStreamOperator<OUT> {
    return this.input.keyed<OUT>(`${this.settings.name} ${kind}`, factory);
  }
}

function runOf(windowFunction: unknown): WindowRun {
  if (windowFunction instanceof ProcessWindowFunction) {
    const fn = windowFunction as ProcessWindowFunction<unknown, unknown, unknown, Window>;
    checkMethod(fn, 'process', 'the window function');
    return {
      run: (key, context, elements, out) => fn.process(key, context, elements, out),
      clear: fn.clear === undefined ? null : (context) => fn.clear!(context),
      open: async (ctx) => fn.open?.(ctx),
      close: async () => fn.close?.(),
    };
  }
  if (typeof windowFunction !== 'function')
    throw new ConfigError(
      'a window function is a function of (key, context, elements, out), or a class that extends ProcessWindowFunction.',
    );
  checkSynchronous(windowFunction, 'the window function');
  return { run: windowFunction as AnyWindowFunction, clear: null };
}
