/** Fires whenever the window has got so many more elements (Flink: CountTrigger). */
import { ConfigError } from '../model/errors.ts';
import { ReducingStateDescriptor } from '../state/descriptors.ts';
import { ElementTrigger } from './element-trigger.ts';
import type { Window } from './time-window.ts';
import { TriggerResult, type OnMergeContext, type TriggerContext } from './trigger.ts';

const COUNT = new ReducingStateDescriptor<number>('count', (a, b) => a + b);

export class CountTrigger extends ElementTrigger<unknown> {
  readonly maxCount: number;
  private constructor(maxCount: number) {
    super();
    this.maxCount = maxCount;
  }
  /** Alone it replaces the default trigger: nothing fires at the window's end. */
  static of(maxCount: number): CountTrigger {
    if (!Number.isSafeInteger(maxCount) || maxCount <= 0)
      throw new ConfigError(`CountTrigger.of takes a whole number of elements, 1 or more; got ${maxCount}.`);
    return new CountTrigger(maxCount);
  }

  onElement(_element: unknown, _timestamp: number, _window: Window, ctx: TriggerContext): TriggerResult {
    const count = ctx.getPartitionedState(COUNT);
    count.add(1);
    if (count.get()! < this.maxCount) return TriggerResult.CONTINUE;
    count.clear();
    return TriggerResult.FIRE;
  }
  clear(_window: Window, ctx: TriggerContext): void {
    ctx.getPartitionedState(COUNT).clear();
  }
  override canMerge(): boolean {
    return true;
  }
  override onMerge(_window: Window, ctx: OnMergeContext): void {
    ctx.mergePartitionedState(COUNT);
  }
}
