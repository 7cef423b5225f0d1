/** What a trigger sees: its states (entries 'trigger/…') and timers, of the key and window that `at` names. */
import { ConfigError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { OwnerScope } from '../state/cell.ts';
import { NamespacedStates, type AnyDescriptor } from '../state/namespaced-states.ts';
import type { NamespaceIndex } from '../state/namespace-index.ts';
import type { TimerService } from '../state/timer-service.ts';
import type { Window } from '../windows/time-window.ts';
import type { OnMergeContext } from '../windows/trigger.ts';

export class WindowTriggerContext implements OnMergeContext {
  readonly states: NamespacedStates;
  readonly eventTimers: TimerService;
  readonly processingTimers: TimerService;
  /** The watermark of the group at hand. */
  watermark = MIN_WATERMARK;
  private readonly scope: OwnerScope;
  private merged: readonly number[] = [];

  constructor(
    index: NamespaceIndex<Window>,
    operator: string,
    eventTimers: TimerService,
    processingTimers: TimerService,
  ) {
    this.scope = { id: -1, clockMs: 0, keys: index, operator };
    this.states = new NamespacedStates('trigger/', this.scope);
    this.eventTimers = eventTimers;
    this.processingTimers = processingTimers;
  }

  /** `merged`: while merging, the windows that have become this one. */
  at(id: number, merged: readonly number[] = []): this {
    this.scope.id = id;
    this.merged = merged;
    return this;
  }

  beginEpoch(clockMs: number): void {
    this.scope.clockMs = clockMs;
  }

  getCurrentWatermark(): number {
    return Math.max(MIN_WATERMARK, this.watermark);
  }
  getCurrentProcessingTime(): number {
    return this.scope.clockMs;
  }
  registerEventTimeTimer(time: number): void {
    this.eventTimers.register(this.scope.id, this.timerTime(time));
  }
  registerProcessingTimeTimer(time: number): void {
    this.processingTimers.register(this.scope.id, this.timerTime(time));
  }
  deleteEventTimeTimer(time: number): void {
    this.eventTimers.delete(this.scope.id, this.timerTime(time));
  }
  deleteProcessingTimeTimer(time: number): void {
    this.processingTimers.delete(this.scope.id, this.timerTime(time));
  }
  getPartitionedState(descriptor: unknown): never {
    return this.states.handle(descriptor as AnyDescriptor) as never;
  }
  mergePartitionedState(descriptor: unknown): void {
    this.states.merge(descriptor as AnyDescriptor, this.scope.id, this.merged);
  }

  private timerTime(time: number): number {
    if (typeof time === 'number' && !Number.isNaN(time)) return Math.floor(time);
    throw new ConfigError(
      `the trigger of operator "${this.scope.operator}" used a timer at ${String(time)}; a timer's time is a number of epoch milliseconds.`,
    );
  }
}
