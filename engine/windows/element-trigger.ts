/** A trigger that goes by the elements alone: time passes it by. */
import type { Window } from './time-window.ts';
import { Trigger, TriggerResult } from './trigger.ts';

export abstract class ElementTrigger<T> extends Trigger<T, Window> {
  onEventTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
  onProcessingTime(): TriggerResult {
    return TriggerResult.CONTINUE;
  }
}
