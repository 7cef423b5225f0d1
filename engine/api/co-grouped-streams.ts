/**
 * coGroup (Flink: CoGroupedStreams): the rows of two streams with one key and in one window, handed over together.
 *
 *     a.coGroup(b).where('id').equalTo('id').window(TumblingEventTimeWindows.of(Duration.ofMinutes(1))).apply(fn)
 *
 * As in Flink it is a window over the union of both streams, tagged.
 */
import { ConfigError } from '../model/errors.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import type { Evictor } from '../windows/evictor.ts';
import type { TimeWindow, Window } from '../windows/time-window.ts';
import type { Trigger } from '../windows/trigger.ts';
import type { WindowAssigner } from '../windows/window-assigner.ts';
import { ProcessWindowFunction, type WindowCollector, type WindowContext } from '../windows/window-function.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { DataStream, type SingleOutputStreamOperator } from './data-stream.ts';
import type { KeysOfType } from './field-types.ts';
import { checkMethod } from './function-checks.ts';
import type { Nothing } from './functions.ts';
import { CoGroupFunction, type CoGroup } from './join-functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';
import { checkSameEnvironment } from './same-environment.ts';
import { checkSynchronous } from './synchronous.ts';
import { tagged, type TaggedUnion } from './tagged-union.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { WindowedStream } from './windowed-stream.ts';

/** The two streams, and how their keys are found. */
interface Sides<A, B> {
  readonly first: DataStream<A>;
  readonly second: DataStream<B>;
}
type Select = (value: never) => unknown;

export class CoGroupedStreams<A, B> {
  private readonly sides: Sides<A, B>;

  /** @internal */
  constructor(first: DataStream<A>, second: DataStream<B>, call = 'coGroup') {
    if (!(second instanceof DataStream))
      throw new ConfigError(`${call}(…) takes a stream without keys: where(…) and equalTo(…) say the keys.`);
    checkSameEnvironment(call, first.ctx, second.ctx);
    this.sides = { first, second };
  }

  /** The first stream's key: a field, or a function. */
  where<F extends keyof A & string>(field: F): CoGroupedWhere<A, B, A[F]>;
  where<K>(selector: (value: A) => K): CoGroupedWhere<A, B, K>;
  where(key: unknown): unknown {
    return new CoGroupedWhere<A, B, unknown>(this.sides, selectorOf(key, 'where'));
  }
}

export class CoGroupedWhere<A, B, K> {
  private readonly sides: Sides<A, B>;
  private readonly key1: Select;

  /** @internal */
  constructor(sides: Sides<A, B>, key1: Select) {
    this.sides = sides;
    this.key1 = key1;
  }

  /** The second stream's key, of the same type. */
  equalTo<F extends KeysOfType<B, K> & string>(field: F): CoGroupedEqualTo<A, B, K>;
  equalTo(selector: (value: B) => K): CoGroupedEqualTo<A, B, K>;
  equalTo(key: unknown): CoGroupedEqualTo<A, B, K> {
    return new CoGroupedEqualTo<A, B, K>(this.sides, this.key1, selectorOf(key, 'equalTo'));
  }
}

export class CoGroupedEqualTo<A, B, K> {
  private readonly sides: Sides<A, B>;
  private readonly key1: Select;
  private readonly key2: Select;

  /** @internal */
  constructor(sides: Sides<A, B>, key1: Select, key2: Select) {
    this.sides = sides;
    this.key1 = key1;
    this.key2 = key2;
  }

  window<W extends Window>(windows: WindowAssigner<TaggedUnion<A, B>, W>): CoGroupedWindow<A, B, K, W> {
    const { first, second } = this.sides;
    const { key1, key2 } = this;
    const both = first
      .map<TaggedUnion<A, B>>(tagged<1, A>(1))
      .name('Tag 1')
      .union(second.map<TaggedUnion<A, B>>(tagged<2, B>(2)).name('Tag 2'));
    const keyed = both.keyBy<unknown>((row) => (row.side === 1 ? key1(row.value as never) : key2(row.value as never)));
    return new CoGroupedWindow<A, B, K, W>((keyed as KeyedStream<TaggedUnion<A, B>, K>).window(windows));
  }
}

export class CoGroupedWindow<A, B, K, W extends Window = TimeWindow> {
  private readonly windowed: WindowedStream<TaggedUnion<A, B>, K, W>;

  /** @internal */
  constructor(windowed: WindowedStream<TaggedUnion<A, B>, K, W>) {
    this.windowed = windowed;
  }

  trigger(trigger: Trigger<TaggedUnion<A, B>, W>): this {
    this.windowed.trigger(trigger);
    return this;
  }
  evictor(evictor: Evictor<TaggedUnion<A, B>, W>): this {
    this.windowed.evictor(evictor);
    return this;
  }
  /** How long after its end a window still takes rows; each fires it again. Milliseconds. */
  allowedLateness(latenessMs: number): this {
    this.windowed.allowedLateness(latenessMs);
    return this;
  }
  /** Rows of either stream that are later than that go to this side output instead of being dropped. */
  sideOutputLateData(tag: OutputTag<TaggedUnion<A, B>>): this {
    this.windowed.sideOutputLateData(tag);
    return this;
  }

  /** A CoGroupFunction, or (firsts, seconds, out) => …. */
  apply<R>(fn: CoGroupFunction<A, B, R> | CoGroup<A, B, R>): SingleOutputStreamOperator<R> {
    checkMethod(fn, 'coGroup', 'apply(…) of a coGroup');
    return this.run<R>('CoGroup', fn instanceof CoGroupFunction ? fn : { coGroup: fn });
  }

  /** @internal */
  run<R>(name: string, fn: CoGroupLogic<A, B, R>): SingleOutputStreamOperator<R> {
    return this.windowed.process<R>(new WindowCoGroup<A, B, R, K, W>(fn)).name(name);
  }
}

/** @internal */
export interface CoGroupLogic<A, B, R> {
  open?(ctx: RuntimeContext): void | Promise<void>;
  coGroup(first: readonly A[], second: readonly B[], out: WindowCollector<R>): Nothing | Iterable<R>;
  close?(): void | Promise<void>;
}

/** The window's rows, by stream. */
class WindowCoGroup<A, B, R, K, W extends Window> extends ProcessWindowFunction<TaggedUnion<A, B>, R, K, W> {
  private readonly fn: CoGroupLogic<A, B, R>;
  constructor(fn: CoGroupLogic<A, B, R>) {
    super();
    this.fn = fn;
  }
  override async open(ctx: RuntimeContext): Promise<void> {
    await this.fn.open?.(ctx);
  }
  process(
    _key: K,
    _context: WindowContext<W>,
    elements: readonly TaggedUnion<A, B>[],
    out: WindowCollector<R>,
  ): Nothing | Iterable<R> {
    const first: A[] = [];
    const second: B[] = [];
    for (const row of elements) {
      if (row.side === 1) first.push(row.value);
      else second.push(row.value);
    }
    return this.fn.coGroup(first, second, out);
  }
  override async close(): Promise<void> {
    await this.fn.close?.();
  }
}

function selectorOf(key: unknown, call: string): Select {
  if (typeof key === 'string') return (row: Readonly<Record<string, unknown>>) => row[key];
  checkSynchronous(key, `${call}(…): a key`);
  return key as Select;
}
