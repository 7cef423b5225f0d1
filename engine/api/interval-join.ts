/** Interval joins (Flink: KeyedStream.IntervalJoin, IntervalJoined). */
import { ConfigError } from '../model/errors.ts';
import { IntervalJoinFactory, type ProcessJoinLogic } from '../operators/interval-join-operator.ts';
import type { OutputTag } from '../operators/output-tag.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import { SingleOutputStreamOperator } from './data-stream.ts';
import { checkMethod } from './function-checks.ts';
import { copyOf } from './function-copy.ts';
import { ProcessJoinFunction, type ProcessJoin } from './join-functions.ts';
// oxlint-disable-next-line import/no-cycle -- the fluent API is a circle (scripts/tidy/exemptions.ts)
import type { KeyedStream } from './keyed-stream.ts';
import { checkSameEnvironment } from './same-environment.ts';

export class IntervalJoin<A, B, K> {
  private readonly left: KeyedStream<A, K>;
  private readonly right: KeyedStream<B, K>;

  /** @internal */
  constructor(left: KeyedStream<A, K>, right: KeyedStream<B, K>) {
    checkSameEnvironment('intervalJoin', left.ctx, right.ctx);
    this.left = left;
    this.right = right;
  }

  /** Interval joins go by event time; for those who write it out. */
  inEventTime(): this {
    return this;
  }

  /**
   * Right rows from `lowerMs` to `upperMs` after the left row's timestamp, both inclusive, milliseconds; negative: before it.
   * `between(Duration.ofMinutes(-5), Duration.ofMinutes(5))`.
   */
  between(lowerMs: number, upperMs: number): IntervalJoined<A, B, K> {
    for (const bound of [lowerMs, upperMs]) {
      if (!Number.isSafeInteger(bound))
        throw new ConfigError(
          `between(…) takes whole numbers of milliseconds; got ${String(bound)}. Use Duration.ofMinutes(5), for example.`,
        );
    }
    if (lowerMs > upperMs)
      throw new ConfigError(
        `between(${lowerMs}, ${upperMs}): the lower bound is above the upper one, so nothing could be joined.`,
      );
    return new IntervalJoined<A, B, K>(this.left, this.right, lowerMs, upperMs);
  }
}

export class IntervalJoined<A, B, K> {
  private readonly left: KeyedStream<A, K>;
  private readonly right: KeyedStream<B, K>;
  private readonly lowerMs: number;
  private readonly upperMs: number;
  private lowerInclusive = true;
  private upperInclusive = true;
  private leftLateTag: string | null = null;
  private rightLateTag: string | null = null;

  /** @internal */
  constructor(left: KeyedStream<A, K>, right: KeyedStream<B, K>, lowerMs: number, upperMs: number) {
    this.left = left;
    this.right = right;
    this.lowerMs = lowerMs;
    this.upperMs = upperMs;
  }

  lowerBoundExclusive(): this {
    this.lowerInclusive = false;
    return this;
  }
  upperBoundExclusive(): this {
    this.upperInclusive = false;
    return this;
  }

  /** Left rows behind the watermark go to this side output instead of being dropped. */
  sideOutputLeftLateData(tag: OutputTag<A>): this {
    this.leftLateTag = tag.id;
    return this;
  }
  sideOutputRightLateData(tag: OutputTag<B>): this {
    this.rightLateTag = tag.id;
    return this;
  }

  /** Called for each pair; what it emits has the later of the two timestamps. */
  process<R>(fn: ProcessJoinFunction<A, B, R> | ProcessJoin<A, B, R>): SingleOutputStreamOperator<R> {
    if (typeof fn !== 'function' && !(fn instanceof ProcessJoinFunction))
      throw new ConfigError(
        'process(…) of an interval join takes a ProcessJoinFunction or (left, right, ctx, out) => ….',
      );
    checkMethod(fn, 'processElement', 'process(…) of an interval join');
    const make = (): ProcessJoinLogic => (typeof fn === 'function' ? { processElement: fn } : copyOf(fn));
    const factory = new IntervalJoinFactory({
      lowerMs: this.lowerMs + (this.lowerInclusive ? 0 : 1),
      upperMs: this.upperMs - (this.upperInclusive ? 0 : 1),
      leftLateTag: this.leftLateTag,
      rightLateTag: this.rightLateTag,
      make,
    });
    const { ctx } = this.left;
    const edges = [this.left.edges, this.right.edges].flatMap((of, input) => of.map((edge) => ({ ...edge, input })));
    return new SingleOutputStreamOperator<R>(ctx, ctx.graph.add('Interval Join', { kind: 'keyed', factory }, edges));
  }
}
