/**
 * Windows of every kind: any assigner, trigger and evictor (Flink: WindowOperator, EvictingWindowOperator).
 *
 * In: keyed rows. Out: what the window function makes of a window whenever its trigger fires, stamped with the window's max timestamp.
 * State, per key and window: the contents, the trigger's states and timers, and the function's (`sub` is [window, sub key]); per key:
 * the function's global state, and the set of windows where they merge. Timers fire in the order of (time, key, window).
 * An event-time window is over when the watermark reaches its max timestamp + allowed lateness, a processing-time one when the clock
 * reaches its max timestamp: a timer of its own then drops everything. A global window is never over.
 * A row of which no window is left is late: to the side output, or dropped and counted. Where windows merge, that is judged afterwards.
 * Restore: by entry.
 */
import { UserCodeError } from '../model/errors.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyIndex } from '../state/key-index.ts';
import type { NamespaceIndex } from '../state/namespace-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import type { TimerService } from '../state/timer-service.ts';
import type { Evictor, EvictorContext } from '../windows/evictor.ts';
import type { Window } from '../windows/time-window.ts';
import { isFire, isPurge, TriggerResult, type Trigger } from '../windows/trigger.ts';
import type { WindowAssigner, WindowAssignerContext } from '../windows/window-assigner.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext } from './keyed-operator.ts';
import { refusePromise } from './map-operator.ts';
import type { MergingWindows } from './merging-windows.ts';
import type { WindowContents } from './window-contents.ts';
import { WindowFunctionContext } from './window-function-context.ts';
import type { WindowOperatorOptions } from './window-operator-options.ts';
import { WindowStore } from './window-store.ts';
import type { WindowTriggerContext } from './window-trigger-context.ts';
import { contextOf } from './runtime-context.ts';

export class WindowOperator implements KeyedOperator, WindowAssignerContext, EvictorContext {
  failedRow = -1;
  private readonly options: WindowOperatorOptions;
  private readonly assigner: WindowAssigner<unknown, Window>;
  private readonly trigger: Trigger<unknown, Window>;
  private readonly evictor: Evictor<unknown, Window> | null;
  private readonly isEventTime: boolean;
  private ctx!: KeyedOperatorContext;
  private keys!: KeyIndex;
  private store!: WindowStore;
  private index!: NamespaceIndex<Window>;
  private contents!: WindowContents;
  private merging: MergingWindows | null = null;
  private triggers!: WindowTriggerContext;
  private functions!: WindowFunctionContext;
  private eventTimers!: TimerService;
  private processingTimers!: TimerService;
  private first = 0;
  /** Per key group, from `first`. */
  private watermarks = new Float64Array(0);
  private clockMs = 0;
  /** Of the group at hand: its watermark, and the one that emitted rows carry. */
  private watermark = MIN_WATERMARK;
  private tag = MIN_WATERMARK;

  constructor(options: WindowOperatorOptions) {
    this.options = options;
    this.assigner = options.assigner;
    this.trigger = options.trigger;
    this.evictor = options.evictor;
    this.isEventTime = options.assigner.isEventTime();
  }

  async open(ctx: KeyedOperatorContext): Promise<void> {
    this.ctx = ctx;
    this.keys = ctx.keys;
    this.first = ctx.keyGroups[0];
    this.watermarks = new Float64Array(ctx.keyGroups[1] - this.first).fill(MIN_WATERMARK);
    const store = new WindowStore(ctx, this.options);
    this.store = store;
    this.index = store.index;
    this.contents = store.contents;
    this.merging = store.merging;
    this.triggers = store.triggers;
    this.eventTimers = store.eventTimers;
    this.processingTimers = store.processingTimers;
    this.functions = new WindowFunctionContext(ctx, store.states, store.merging !== null);
    await this.options.open?.(contextOf(ctx));
  }

  beginEpoch(clockMs: number): void {
    this.clockMs = clockMs;
    this.triggers.beginEpoch(clockMs);
    this.store.states.beginEpoch(clockMs);
    this.functions.clockMs = clockMs;
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { keyIds, ts, wm, index, values, lazy } = batch;
    const row = lazy ? batch.source!.row! : null;
    const groups = this.keys.keyGroups;
    this.failedRow = -1;
    for (let j = from; j < to; j++) {
      const id = keyIds[j]!;
      const g = groups[id]! - this.first;
      const w = wm[j]! > cap ? cap : wm[j]!;
      if (w > this.watermarks[g]!) this.advanceGroup(g, w);
      let value = values[j];
      if (row !== null) {
        row.__i = index[j]!;
        value = row.__copy();
      }
      this.enter(this.watermarks[g]!, this.watermarks[g]!);
      this.failedRow = j;
      this.add(id, value, ts[j]!);
      // A window that fires before the next row is not this one's fault.
      this.failedRow = -1;
    }
  }

  advance(keyGroup: number, watermark: number): void {
    this.advanceGroup(keyGroup - this.first, watermark);
  }

  advanceProcessingTime(keyGroup: number, clockMs: number): void {
    const watermark = this.watermarks[keyGroup - this.first]!;
    this.enter(watermark, watermark);
    const timers = this.processingTimers;
    for (let time = timers.next(keyGroup); time < clockMs; time = timers.next(keyGroup))
      this.onTimer(timers.take(keyGroup), time, false);
    // What these register at the epoch's own time waits for the next epoch: a trigger that sets its timer anew would never end.
    const due: number[] = [];
    while (timers.next(keyGroup) <= clockMs) due.push(timers.take(keyGroup));
    for (const id of due) this.onTimer(id, clockMs, false);
  }

  private advanceGroup(g: number, watermark: number): void {
    const before = this.watermarks[g]!;
    if (watermark <= before) return;
    this.watermarks[g] = watermark;
    this.enter(before, watermark);
    const keyGroup = g + this.first;
    for (let time = this.eventTimers.next(keyGroup); time <= watermark; time = this.eventTimers.next(keyGroup))
      this.onTimer(this.eventTimers.take(keyGroup), time, true);
  }

  private enter(tag: number, watermark: number): void {
    this.tag = tag;
    this.watermark = watermark;
    this.triggers.watermark = watermark;
  }

  private add(keyId: number, value: unknown, timestamp: number): void {
    const windows = this.assigner.assignWindows(value, timestamp, this);
    if (!Array.isArray(windows)) {
      refusePromise(windows);
      throw new UserCodeError('assignWindows of the window assigner returned no array of windows.');
    }
    let taken = false;
    for (const assigned of windows) {
      const id = this.merging === null ? this.windowId(keyId, assigned) : this.merge(keyId, assigned);
      if (id < 0) continue;
      taken = true;
      const state = this.stateOf(keyId, id);
      this.contents.add(state, value, timestamp);
      const window = this.index.namespaces[id]!;
      const result = this.trigger.onElement(value, timestamp, window, this.triggers.at(id));
      if (isFire(result) && this.isEventTime && window.maxTimestamp() <= this.watermark) this.ctx.count('refired', 1);
      this.act(keyId, id, state, result);
      this.registerCleanup(id, window);
    }
    if (!taken) this.skipped(value, timestamp, keyId, windows.length);
  }

  /** Id of the window; −1: it is over. */
  private windowId(keyId: number, window: Window): number {
    return this.isLate(window) ? -1 : this.index.idOf(keyId, window);
  }

  private merge(keyId: number, assigned: Window): number {
    const id = this.merging!.add(keyId, assigned, (...merge) => this.onMerge(...merge));
    if (!this.isLate(this.index.namespaces[id]!)) return id;
    this.merging!.retire(keyId, id);
    return -1;
  }

  private onMerge(
    _keyId: number,
    result: number,
    merged: readonly number[],
    state: number,
    mergedStates: readonly number[],
  ): void {
    const window = this.index.namespaces[result]!;
    const over = this.isEventTime ? this.isLate(window) : window.maxTimestamp() <= this.clockMs;
    if (over)
      throw new UserCodeError(
        `the window assigner merged windows into ${JSON.stringify(this.index.storedForm(result))}, whose time is over: a merge must not end a window earlier.`,
      );
    this.trigger.onMerge?.(window, this.triggers.at(result, merged));
    for (const id of merged) {
      const gone = this.index.namespaces[id]!;
      this.trigger.clear(gone, this.triggers.at(id));
      this.deleteCleanup(id, gone);
      if (id !== result) this.triggers.states.drop(id);
    }
    this.contents.merge(state, mergedStates);
    for (const id of merged) if (id !== result) this.store.forget(id);
    for (const id of mergedStates) this.store.forget(id);
  }

  private onTimer(id: number, time: number, eventTime: boolean): void {
    this.index.suspect(id);
    const keyId = this.index.keyIds[id]!;
    const window = this.index.namespaces[id]!;
    const state = this.stateOf(keyId, id);
    // A timer that the trigger left behind when its window merged into another.
    if (state < 0) return;
    const context = this.triggers.at(id);
    const result = eventTime
      ? this.trigger.onEventTime(time, window, context)
      : this.trigger.onProcessingTime(time, window, context);
    this.act(keyId, id, state, result);
    if (this.isEventTime === eventTime && time === this.cleanupTime(window)) this.clear(keyId, id, state);
  }

  /** Where the window's contents are; −1: it is not in flight any more. */
  private stateOf(keyId: number, id: number): number {
    return this.merging === null ? id : this.merging.stateOf(keyId, id);
  }

  private act(keyId: number, id: number, state: number, result: TriggerResult): void {
    if (result === 'CONTINUE') return;
    if (!Object.hasOwn(TriggerResult, result)) {
      refusePromise(result);
      throw new UserCodeError(`the trigger returned ${String(result)}; it returns one of TriggerResult.`);
    }
    if (isFire(result)) this.fire(keyId, id, state);
    if (!isPurge(result)) return;
    this.contents.clearAt(state);
    this.index.suspect(id);
  }

  private fire(keyId: number, id: number, state: number): void {
    const window = this.index.namespaces[id]!;
    const context = this.functions.at(keyId, window, this.tag, this.watermark);
    if (this.evictor !== null) return this.fireEvicting(this.evictor, window, state);
    const elements = this.contents.elements(state);
    if (elements !== null) context.run(this.options.windowFunction, elements);
  }

  private fireEvicting(evictor: Evictor<unknown, Window>, window: Window, state: number): void {
    const elements = this.store.elements!.evictable(state);
    if (elements === null) return;
    evictor.evictBefore(elements, elements.size, window, this);
    this.functions.run(this.options.windowFunction, elements.values.slice());
    evictor.evictAfter(elements, elements.size, window, this);
    this.store.elements!.replace(state, elements);
  }

  /** The window is over. */
  private clear(keyId: number, id: number, state: number): void {
    const window = this.index.namespaces[id]!;
    this.contents.clearAt(state);
    this.trigger.clear(window, this.triggers.at(id));
    if (this.options.clear !== null) {
      const returned = this.options.clear(this.functions.at(keyId, window, this.tag, this.watermark));
      if (returned !== undefined) refusePromise(returned);
    }
    this.triggers.states.drop(id);
    this.store.states.drop(keyId, window);
    this.merging?.retire(keyId, id);
    this.store.forget(id);
    if (state !== id) this.store.forget(state);
  }

  private isLate(window: Window): boolean {
    return this.isEventTime && this.cleanupTime(window) <= this.watermark;
  }

  private cleanupTime(window: Window): number {
    return window.maxTimestamp() + (this.isEventTime ? this.options.allowedLatenessMs : 0);
  }

  private registerCleanup(id: number, window: Window): void {
    const time = this.cleanupTime(window);
    if (time >= MAX_WATERMARK) return;
    (this.isEventTime ? this.eventTimers : this.processingTimers).register(id, time);
  }

  private deleteCleanup(id: number, window: Window): void {
    const time = this.cleanupTime(window);
    if (time >= MAX_WATERMARK) return;
    (this.isEventTime ? this.eventTimers : this.processingTimers).delete(id, time);
  }

  /** A row that no window took. */
  private skipped(value: unknown, timestamp: number, keyId: number, windows: number): void {
    const isLate = this.isEventTime && timestamp + this.options.allowedLatenessMs <= this.watermark;
    const side = isLate && this.options.lateTag !== null ? this.ctx.side(this.options.lateTag) : null;
    if (side !== null) {
      this.ctx.count('late', 1);
      side.emit(value, timestamp, this.watermark, this.keys.keyGroups[keyId]!);
    } else this.ctx.count(isLate || windows > 0 ? 'lateDropped' : 'withoutWindow', 1);
  }

  getCurrentProcessingTime(): number {
    return this.clockMs;
  }

  getCurrentWatermark(): number {
    return Math.max(MIN_WATERMARK, this.watermark);
  }

  snapshot(writer: StateWriter): void {
    this.store.snapshot(writer);
  }

  dump(writer: StateWriter): void {
    this.store.dump(writer);
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    this.store.restore(key, name, sub, value);
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    this.store.restoreRemoved(key, name, sub);
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
    this.store.restored();
  }

  dueOf(id: number): KeyTimes {
    return this.store.dueOf(id);
  }

  loaded(ids: readonly number[]): void {
    this.store.loaded(ids);
  }

  evict(ids: readonly number[]): void {
    this.store.evict(new Set(ids));
  }

  nextEventTimer(keyGroup: number): number {
    return this.eventTimers.next(keyGroup);
  }

  nextProcessingTimer(keyGroup: number): number {
    return this.processingTimers.next(keyGroup);
  }

  isLive(id: number): boolean {
    return this.store.isKeyLive(id);
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }
}
