/** Fires a window: its result, through the window function if there is one, to the main output with the window's max timestamp. */
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import { timeWindow, type TimeWindow } from '../windows/time-window.ts';
import type { SideOutput, WindowCollector, WindowContext, WindowFunction } from '../windows/window-function.ts';
import type { KeyedOperatorContext } from './keyed-operator.ts';
import { refusePromise } from './map-operator.ts';

export class WindowEmitter implements WindowContext, WindowCollector<unknown> {
  clockMs = 0;
  window: TimeWindow = timeWindow(0, 0);
  private readonly ctx: KeyedOperatorContext;
  private readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  private readonly windowFunction: WindowFunction<unknown, unknown, unknown> | null;
  private readonly mayRefire: boolean;
  private group = 0;
  private tag = MIN_WATERMARK;
  private watermark = MIN_WATERMARK;

  constructor(
    ctx: KeyedOperatorContext,
    aggregate: AggregateFunction<unknown, unknown, unknown>,
    windowFunction: WindowFunction<unknown, unknown, unknown> | null,
    mayRefire: boolean,
  ) {
    this.ctx = ctx;
    this.aggregate = aggregate;
    this.windowFunction = windowFunction;
    this.mayRefire = mayRefire;
  }

  /** `tag`: the watermark that emitted rows carry; `watermark`: the one that user code sees. */
  fire(
    key: unknown,
    span: { start: number; end: number },
    accumulator: unknown,
    keyGroup: number,
    tag: number,
    watermark: number,
  ): void {
    if (this.window.start !== span.start || this.window.end !== span.end)
      this.window = timeWindow(span.start, span.end);
    this.group = keyGroup;
    this.tag = tag;
    this.watermark = watermark;
    let result = this.aggregate.getResult(accumulator);
    // A window that may fire again goes on changing its accumulator, while what was emitted may still wait for its consumer.
    if (this.mayRefire && result === accumulator && typeof result === 'object') result = structuredClone(result);
    if (this.windowFunction === null) {
      this.collect(result);
      return;
    }
    const returned = this.windowFunction(key, this, [result], this);
    if (returned === undefined) return;
    refusePromise(returned);
    for (const value of returned) this.collect(value);
  }

  collect(value: unknown): void {
    this.ctx.output.emit(value, this.window.end - 1, this.tag, this.group);
  }

  currentWatermark(): number {
    return Math.max(MIN_WATERMARK, this.watermark);
  }

  currentProcessingTime(): number {
    return this.clockMs;
  }

  output<X>(tag: SideOutput<X>, value: X): void {
    this.ctx.side(tag.id)?.emit(value, this.window.end - 1, this.tag, this.group);
  }
}
