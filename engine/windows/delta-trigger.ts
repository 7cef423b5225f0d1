/** Fires when an element is further than a threshold from the one that fired last (Flink: DeltaTrigger). */
import { ValueStateDescriptor } from '../state/descriptors.ts';
import { ElementTrigger } from './element-trigger.ts';
import type { Window } from './time-window.ts';
import { TriggerResult, type TriggerContext } from './trigger.ts';

/** How far `newDataPoint` is from `oldDataPoint`. */
export type DeltaFunction<T> = (oldDataPoint: T, newDataPoint: T) => number;

export class DeltaTrigger<T> extends ElementTrigger<T> {
  readonly threshold: number;
  private readonly delta: DeltaFunction<T>;
  private readonly last = new ValueStateDescriptor<T>('last-element');
  private constructor(threshold: number, delta: DeltaFunction<T>) {
    super();
    this.threshold = threshold;
    this.delta = delta;
  }
  /** The first element of a window only sets the mark. */
  static of<T>(threshold: number, delta: DeltaFunction<T>): DeltaTrigger<T> {
    return new DeltaTrigger<T>(threshold, delta);
  }

  onElement(element: T, _timestamp: number, _window: Window, ctx: TriggerContext): TriggerResult {
    const mark = ctx.getPartitionedState(this.last);
    const last = mark.value();
    if (last === null) {
      mark.update(element);
      return TriggerResult.CONTINUE;
    }
    if (!(this.delta(last, element) > this.threshold)) return TriggerResult.CONTINUE;
    mark.update(element);
    return TriggerResult.FIRE;
  }
  clear(_window: Window, ctx: TriggerContext): void {
    ctx.getPartitionedState(this.last).clear();
  }
}
