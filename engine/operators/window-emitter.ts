/** Fires a window of the aligned kind: its result, through the window function if there is one, with the window's max timestamp. */
import type { AggregateFunction } from '../state/descriptors.ts';
import { TimeWindow } from '../windows/time-window.ts';
import type { KeyedOperatorContext } from './keyed-operator.ts';
import { WindowFunctionContext, type AnyWindowFunction } from './window-function-context.ts';
import type { WindowStates } from './window-states.ts';
import { refusePromise } from './map-operator.ts';

export class WindowEmitter {
  private readonly context: WindowFunctionContext;
  private readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  private readonly windowFunction: AnyWindowFunction | null;
  private readonly mayRefire: boolean;
  private window = new TimeWindow(0, 0);

  constructor(
    ctx: KeyedOperatorContext,
    states: WindowStates,
    aggregate: AggregateFunction<unknown, unknown, unknown>,
    windowFunction: AnyWindowFunction | null,
    mayRefire: boolean,
  ) {
    this.context = new WindowFunctionContext(ctx, states, false);
    this.aggregate = aggregate;
    this.windowFunction = windowFunction;
    this.mayRefire = mayRefire;
  }

  set clockMs(clockMs: number) {
    this.context.clockMs = clockMs;
  }

  /** `tag`: the watermark that emitted rows carry; `watermark`: the one that user code sees. */
  fire(
    keyId: number,
    span: { start: number; end: number },
    accumulator: unknown,
    tag: number,
    watermark: number,
  ): void {
    if (this.window.start !== span.start || this.window.end !== span.end)
      this.window = new TimeWindow(span.start, span.end);
    const context = this.context.at(keyId, this.window, tag, watermark);
    let result = this.aggregate.getResult(accumulator);
    if (typeof result === 'object') refusePromise(result);
    // A window that may fire again goes on changing its accumulator, while what was emitted may still wait for its consumer.
    if (this.mayRefire && result === accumulator && typeof result === 'object') result = structuredClone(result);
    if (this.windowFunction === null) context.collect(result);
    else context.run(this.windowFunction, [result]);
  }
}
