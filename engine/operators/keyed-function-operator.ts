/**
 * User code per row and per timer, with keyed state: what KeyedProcessFunction, CoProcessFunction and the broadcast functions share.
 *
 * In: rows of one or two inputs, as copies that user code may keep; the batch says which input, and that has an element function of
 * its own. Out: what it collects, with the row's timestamp or the timer's time, on the main and the side outputs.
 * State: what it declares, and its timers (entries 'timers:event', 'timers:processing'). On streams without a key there is neither:
 * asking for one is an error.
 * Watermark: fires the group's timers in order of (time, key); timers registered while firing, at or before the watermark,
 * fire in the same advance; one registered behind the watermark waits for the next advance (as in Flink).
 * Restore: states and timers by entry. A throw in onTimer fails the epoch; one in an element function may be skipped with its record.
 */
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK, NO_TIMESTAMP } from '../model/watermark.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyScope } from '../state/cell.ts';
import type { KeyIndex } from '../state/key-index.ts';
import { KeyedStateStore } from '../state/keyed-state-store.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { TimerService } from '../state/timer-service.ts';
import type { Collector } from './collector.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext } from './keyed-operator.ts';
import type { OnTimerContext, OpenContext, TimeDomain } from './keyed-process-function.ts';
import { refusePromise } from './map-operator.ts';
import type { OutputTag } from './output-tag.ts';
import { runtimeContext } from './runtime-context.ts';

const EVENT_TIMERS = 'timers:event';
const PROCESSING_TIMERS = 'timers:processing';

export type ElementFunction = (value: never, ctx: never, out: Collector<never>) => unknown;

/** The user's functions; a new one per subtask. */
export interface FunctionLogic {
  /** By input of the operator. */
  readonly elements: readonly ElementFunction[];
  readonly onTimer?: ((timestamp: number, ctx: never, out: Collector<never>) => unknown) | undefined;
  readonly open?: ((ctx: OpenContext) => void | Promise<void>) | undefined;
  readonly close?: (() => void | Promise<void>) | undefined;
}

export class KeyedFunctionOperator implements KeyedOperator, OnTimerContext<unknown>, Collector<unknown>, KeyScope {
  failedRow = -1;
  id = -1;
  clockMs = 0;
  operator = '';
  keys!: KeyIndex;
  timeDomain: TimeDomain = 'event-time';
  protected readonly logic: FunctionLogic;
  protected ctx!: KeyedOperatorContext;
  protected states!: KeyedStateStore;
  /** Per key group, from `first`. */
  protected watermarks = new Float64Array(0);
  protected first = 0;
  /** False: rows have a partition in place of a key, and there is neither state nor timers. */
  protected readonly isKeyed: boolean;
  private eventTimers!: TimerService;
  private processingTimers!: TimerService;
  protected ts = NO_TIMESTAMP;
  private group = 0;
  private tag = MIN_WATERMARK;
  private watermark = MIN_WATERMARK;

  constructor(logic: FunctionLogic, isKeyed = true) {
    this.logic = logic;
    this.isKeyed = isKeyed;
  }

  async open(ctx: KeyedOperatorContext): Promise<void> {
    this.ctx = ctx;
    this.keys = ctx.keys;
    this.operator = ctx.name;
    this.first = ctx.keyGroups[0];
    this.watermarks = new Float64Array(ctx.keyGroups[1] - this.first).fill(MIN_WATERMARK);
    this.eventTimers = new TimerService(ctx.keys, EVENT_TIMERS, ctx.keyGroups);
    this.processingTimers = new TimerService(ctx.keys, PROCESSING_TIMERS, ctx.keyGroups);
    this.states = new KeyedStateStore(this);
    await this.logic.open?.(this.openContext());
    this.states.seal();
  }

  private openContext(): OpenContext {
    const states = (): KeyedStateStore => {
      if (this.isKeyed) return this.states;
      throw new ConfigError(
        `operator "${this.operator}" asked for keyed state, but its streams have no key. Call keyBy(…) on both streams before they are connected.`,
      );
    };
    const { uid, name, keys } = this.ctx;
    const count = (metric: string, n: number): void => this.ctx.count(metric, n);
    return {
      ...runtimeContext({ uid, name, maxParallelism: keys.maxParallelism }, count),
      getState: (d) => states().value(d),
      getListState: (d) => states().list(d),
      getMapState: (d) => states().map(d),
      getReducingState: (d) => states().reducing(d),
      getAggregatingState: (d) => states().aggregating(d),
    };
  }

  beginEpoch(clockMs: number): void {
    this.clockMs = clockMs;
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { keyIds, ts, wm, index, values, lazy } = batch;
    const row = lazy ? batch.source!.row! : null;
    const groups = this.keys.keyGroups;
    const element = this.logic.elements[batch.input]!;
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
      this.at(id, g, ts[j]!, this.watermarks[g]!, this.watermarks[g]!);
      this.failedRow = j;
      const result = element(value as never, this as never, this);
      if (result !== undefined) refusePromise(result);
      // A timer that throws before the next row is not this one's fault.
      this.failedRow = -1;
    }
    this.id = -1;
  }

  advance(keyGroup: number, watermark: number): void {
    const g = keyGroup - this.first;
    if (watermark > this.watermarks[g]!) this.advanceGroup(g, watermark);
    this.id = -1;
  }

  advanceProcessingTime(keyGroup: number, clockMs: number): void {
    const g = keyGroup - this.first;
    this.timeDomain = 'processing-time';
    const watermark = this.watermarks[g]!;
    const timers = this.processingTimers;
    this.fire(timers, keyGroup, clockMs - 1, watermark, watermark);
    // Timers that these register at the epoch's own time wait for the next epoch: one that sets itself anew would never end.
    const due: number[] = [];
    while (timers.next(keyGroup) <= clockMs) due.push(timers.take(keyGroup));
    for (const id of due) this.fireAt(id, g, clockMs, watermark, watermark);
    this.id = -1;
  }

  protected advanceGroup(g: number, watermark: number): void {
    const before = this.watermarks[g]!;
    this.watermarks[g] = watermark;
    this.timeDomain = 'event-time';
    this.fire(this.eventTimers, g + this.first, watermark, before, watermark);
  }

  private fire(timers: TimerService, keyGroup: number, upTo: number, tag: number, watermark: number): void {
    for (let time = timers.next(keyGroup); time <= upTo; time = timers.next(keyGroup)) {
      this.fireAt(timers.take(keyGroup), keyGroup - this.first, time, tag, watermark);
    }
  }

  private fireAt(id: number, g: number, time: number, tag: number, watermark: number): void {
    this.at(id, g, time, tag, watermark);
    const result = this.logic.onTimer?.(time, this as never, this);
    if (result !== undefined) refusePromise(result);
  }

  /** `tag`: the watermark that emitted rows carry; `watermark`: the one that user code sees. */
  protected at(id: number, g: number, ts: number, tag: number, watermark: number): void {
    this.id = id;
    this.group = g + this.first;
    this.ts = ts;
    this.tag = tag;
    this.watermark = watermark;
  }

  snapshot(writer: StateWriter): void {
    this.states.snapshot(writer);
    this.eventTimers.snapshot(writer);
    this.processingTimers.snapshot(writer);
  }

  dump(writer: StateWriter): void {
    this.states.dump(writer);
    this.eventTimers.dump(writer);
    this.processingTimers.dump(writer);
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    if (name === EVENT_TIMERS) this.eventTimers.restore(this.keys.idOf(key), value as number[]);
    else if (name === PROCESSING_TIMERS) this.processingTimers.restore(this.keys.idOf(key), value as number[]);
    else this.states.restore(key, name, sub, value);
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    if (name === EVENT_TIMERS) this.eventTimers.restoreRemoved(this.keys.idOf(key));
    else if (name === PROCESSING_TIMERS) this.processingTimers.restoreRemoved(this.keys.idOf(key));
    else this.states.restoreRemoved(key, name, sub);
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
  }

  nextEventTimer(keyGroup: number): number {
    return this.eventTimers.next(keyGroup);
  }

  nextProcessingTimer(keyGroup: number): number {
    return this.processingTimers.next(keyGroup);
  }

  isLive(id: number): boolean {
    return this.states.isLive(id) || this.eventTimers.isLive(id) || this.processingTimers.isLive(id);
  }

  dueOf(id: number): KeyTimes {
    return { eventTime: this.eventTimers.firstOf(id), processingTime: this.processingTimers.firstOf(id) };
  }

  loaded(_ids: readonly number[]): void {
    // Each entry is whole.
  }

  evict(ids: readonly number[]): void {
    this.states.evict(ids);
    const all = new Set(ids);
    this.eventTimers.evict(all);
    this.processingTimers.evict(all);
  }

  async close(): Promise<void> {
    await this.logic.close?.();
  }

  // What user code sees: Context, OnTimerContext and TimerService.

  timestamp(): number | null {
    return this.ts === NO_TIMESTAMP ? null : this.ts;
  }
  getCurrentKey(): unknown {
    return this.keys.keys[this.id];
  }
  timerService(): this {
    return this;
  }
  currentWatermark(): number {
    return Math.max(MIN_WATERMARK, this.watermark);
  }
  currentProcessingTime(): number {
    return this.clockMs;
  }
  registerEventTimeTimer(time: number): void {
    this.eventTimers.register(this.id, this.timerTime(time));
  }
  registerProcessingTimeTimer(time: number): void {
    this.processingTimers.register(this.id, this.timerTime(time));
  }
  deleteEventTimeTimer(time: number): void {
    this.eventTimers.delete(this.id, this.timerTime(time));
  }
  deleteProcessingTimeTimer(time: number): void {
    this.processingTimers.delete(this.id, this.timerTime(time));
  }
  output<X>(tag: OutputTag<X>, value: X): void {
    this.ctx.side(tag.id)?.emit(value, this.ts, this.tag, this.group);
  }
  collect(value: unknown): void {
    this.ctx.output.emit(value, this.ts, this.tag, this.group);
  }

  private timerTime(time: number): number {
    if (!this.isKeyed)
      throw new ConfigError(
        `operator "${this.operator}" used a timer, but its streams have no key, and a timer belongs to one. Call keyBy(…) on both streams before they are connected.`,
      );
    if (this.id < 0)
      throw new ConfigError(
        `operator "${this.operator}" used a timer where there is no current key. Use it in processElement or onTimer.`,
      );
    if (typeof time !== 'number' || Number.isNaN(time)) {
      throw new UserCodeError(
        `operator "${this.operator}" used a timer at ${String(time)}; a timer's time is a number of epoch milliseconds.`,
      );
    }
    return Math.floor(time);
  }
}
