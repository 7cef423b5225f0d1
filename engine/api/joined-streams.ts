/**
 * Window joins (Flink: JoinedStreams): every pair of rows of two streams with one key and in one window.
 *
 *     a.join(b).where('id').equalTo('id').window(TumblingEventTimeWindows.of(Duration.ofMinutes(1))).apply((l, r) => …)
 *
 * As in Flink it is a coGroup that pairs: the first stream's rows in order of arrival, each with all of the second's.
 */
import { ConfigError } from '../model/errors.ts';
import { collectReturned } from '../operators/collect-returned.ts';
import { refusePromise } from '../operators/map-operator.ts';
import type { OutputTag } from '../operators/output-tag.ts';
import type { Evictor } from '../windows/evictor.ts';
import type { TimeWindow, Window } from '../windows/time-window.ts';
import type { Trigger } from '../windows/trigger.ts';
import type { WindowAssigner } from '../windows/window-assigner.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { CoGroupedStreams } from './co-grouped-streams.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { CoGroupedEqualTo, CoGroupedWhere, CoGroupedWindow } from './co-grouped-streams.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { DataStream, SingleOutputStreamOperator, Synchronous } from './data-stream.ts';
import type { KeysOfType } from './field-types.ts';
import { checkMethod } from './function-checks.ts';
import { FlatJoinFunction, type JoinFunction } from './join-functions.ts';
import type { TaggedUnion } from './tagged-union.ts';

export class JoinedStreams<A, B> {
  private readonly grouped: CoGroupedStreams<A, B>;

  /** @internal */
  constructor(first: DataStream<A>, second: DataStream<B>) {
    this.grouped = new CoGroupedStreams<A, B>(first, second, 'join');
  }

  /** The first stream's key: a field, or a function. */
  where<F extends keyof A & string>(field: F): JoinedWhere<A, B, A[F]>;
  where<K>(selector: (value: A) => K): JoinedWhere<A, B, K>;
  where(key: never): unknown {
    return new JoinedWhere<A, B, unknown>(this.grouped.where<unknown>(key));
  }
}

export class JoinedWhere<A, B, K> {
  private readonly grouped: CoGroupedWhere<A, B, K>;

  /** @internal */
  constructor(grouped: CoGroupedWhere<A, B, K>) {
    this.grouped = grouped;
  }

  /** The second stream's key, of the same type. */
  equalTo<F extends KeysOfType<B, K> & string>(field: F): JoinedEqualTo<A, B, K>;
  equalTo(selector: (value: B) => K): JoinedEqualTo<A, B, K>;
  equalTo(key: never): JoinedEqualTo<A, B, K> {
    return new JoinedEqualTo<A, B, K>(this.grouped.equalTo(key));
  }
}

export class JoinedEqualTo<A, B, K> {
  private readonly grouped: CoGroupedEqualTo<A, B, K>;

  /** @internal */
  constructor(grouped: CoGroupedEqualTo<A, B, K>) {
    this.grouped = grouped;
  }

  window<W extends Window>(windows: WindowAssigner<TaggedUnion<A, B>, W>): JoinedWindow<A, B, K, W> {
    return new JoinedWindow<A, B, K, W>(this.grouped.window(windows));
  }
}

export class JoinedWindow<A, B, K, W extends Window = TimeWindow> {
  private readonly grouped: CoGroupedWindow<A, B, K, W>;

  /** @internal */
  constructor(grouped: CoGroupedWindow<A, B, K, W>) {
    this.grouped = grouped;
  }

  trigger(trigger: Trigger<TaggedUnion<A, B>, W>): this {
    this.grouped.trigger(trigger);
    return this;
  }
  evictor(evictor: Evictor<TaggedUnion<A, B>, W>): this {
    this.grouped.evictor(evictor);
    return this;
  }
  /** How long after its end a window still takes rows; each fires it again, with all its pairs. Milliseconds. */
  allowedLateness(latenessMs: number): this {
    this.grouped.allowedLateness(latenessMs);
    return this;
  }
  /** Rows of either stream that are later than that go to this side output instead of being dropped. */
  sideOutputLateData(tag: OutputTag<TaggedUnion<A, B>>): this {
    this.grouped.sideOutputLateData(tag);
    return this;
  }

  /** (first, second) => result, a JoinFunction, or a FlatJoinFunction. */
  apply<R>(fn: JoinFunction<A, B, R> | FlatJoinFunction<A, B, R>): SingleOutputStreamOperator<R>;
  apply<R>(fn: (first: A, second: B) => R, ..._sync: Synchronous<R>): SingleOutputStreamOperator<R>;
  apply<R>(
    fn: JoinFunction<A, B, R> | FlatJoinFunction<A, B, R> | ((first: A, second: B) => R),
    ..._sync: readonly unknown[]
  ): SingleOutputStreamOperator<R> {
    const plain = typeof fn === 'function';
    checkMethod(fn, 'join', 'apply(…) of a join');
    if (plain && fn.length > 2)
      throw new ConfigError(
        'apply(…) of a join takes (first, second) => result. To collect any number of results, extend FlatJoinFunction.',
      );
    return this.grouped.run<R>('Join', {
      open: async (ctx) => (plain ? undefined : await fn.open?.(ctx)),
      coGroup(first, second, out) {
        for (const a of first) {
          for (const b of second) {
            if (fn instanceof FlatJoinFunction) collectReturned(fn.join(a, b, out), out);
            else out.collect(synchronous(plain ? fn(a, b) : fn.join(a, b)));
          }
        }
      },
      close: async () => (plain ? undefined : await fn.close?.()),
    });
  }
}

function synchronous<R>(result: R): R {
  refusePromise(result);
  return result;
}
