/**
 * Event-time windows aligned for all keys (tumbling, sliding), with an incremental aggregation and the default trigger.
 *
 * In: keyed rows. Out: what the window function makes of each window's result, stamped with the window's max timestamp.
 * State: one accumulator per (key, window start), stored as entry ('pane', start). A pane holds one window of all keys, dense by
 * key id (HOTPATH section 7). What the window function keeps is in WindowStates. Timers are not stored: they follow from the panes and the group's watermark.
 * Watermark ≥ max timestamp: the window fires. Up to `allowedLateness` longer it stays, and every late row fires it again at once
 * (Flink: EventTimeTrigger). Rows for a window that is gone go to the side output of late rows, or are dropped and counted.
 * Restore: accumulators by entry; a window at or behind the restored watermark has fired already.
 */
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import { compareIds, type KeyIndex } from '../state/key-index.ts';
import { NamespaceIndex } from '../state/namespace-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { checkStorable, isPlainlyStorable } from '../state/storable.ts';
import type { AlignedWindows } from '../windows/assigners.ts';
import { timeWindow, type Window } from '../windows/time-window.ts';
import { BUILT_IN_WINDOWS } from '../windows/window-assigner.ts';
import { checkAggregate } from './aggregate-check.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import { generate } from './generated-loop.ts';
import { HeldRowCheck } from './held-row.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from './keyed-operator.ts';
import { Pane } from './pane.ts';
import type { PreAggregator } from './pre-aggregator.ts';
import { SLIDING_LOOP } from './sliding-window-loop.ts';
import { TUMBLING_LOOP } from './tumbling-window-loop.ts';
import { WindowEmitter } from './window-emitter.ts';
import { windowForm } from './window-form.ts';
import type { AnyWindowFunction } from './window-function-context.ts';
import { WindowPreAggregator } from './window-pre-aggregator.ts';
import { WindowStates } from './window-states.ts';
import { contextOf } from './runtime-context.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';

export interface WindowAggregateOptions {
  /** What the accumulators are of, e.g. 'aggregate': another kind cannot go on with them. */
  readonly stateKind: string;
  readonly windows: AlignedWindows;
  readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  readonly windowFunction: AnyWindowFunction | null;
  readonly allowedLatenessMs: number;
  readonly lateTag: string | null;
  readonly open?: (ctx: RuntimeContext) => void | Promise<void>;
  readonly close?: () => void | Promise<void>;
}

export class WindowAggregateFactory implements KeyedOperatorFactory {
  readonly kind = 'window';
  readonly needsTimestamps = true;
  readonly stateByKey = true;
  readonly options: WindowAggregateOptions;
  constructor(options: WindowAggregateOptions) {
    this.options = options;
  }
  create(): KeyedOperator {
    return new WindowAggregateOperator(this.options);
  }
  validate(operator: string): void {
    checkAggregate(this.options.aggregate, operator);
  }
  preAggregator(maxParallelism: number): PreAggregator | null {
    const { aggregate, windows } = this.options;
    return isMergedBefore(this.options) ? new WindowPreAggregator(windows, aggregate, maxParallelism) : null;
  }
}

/** Only tumbling windows: a row of a sliding one would travel once for each of its windows. */
function isMergedBefore({ aggregate, windows }: WindowAggregateOptions): boolean {
  return aggregate.preAggregate === true && windows.slideMs === windows.sizeMs;
}

type Loop = (batch: ExchangeBatch, from: number, to: number, cap: number) => void;

class WindowAggregateOperator implements KeyedOperator {
  failedRow = -1;
  private readonly options: WindowAggregateOptions;
  private readonly panes = new Map<number, Pane>();
  private ctx!: KeyedOperatorContext;
  private keys!: KeyIndex;
  private emitter!: WindowEmitter;
  private states!: WindowStates;
  private loop!: Loop;
  private first = 0;
  /** Per key group, from `first`: its watermark, and the next watermark at which something is due. */
  private watermarks = new Float64Array(0);
  private due = new Float64Array(0);
  /** Per key group: the panes in which it has keys, oldest first. */
  private openPanes: Pane[][] = [];
  private stamp = 1;
  private checks = 0;

  constructor(options: WindowAggregateOptions) {
    this.options = options;
  }

  async open(ctx: KeyedOperatorContext): Promise<void> {
    this.ctx = ctx;
    this.keys = ctx.keys;
    this.first = ctx.keyGroups[0];
    const groups = ctx.keyGroups[1] - ctx.keyGroups[0];
    this.watermarks = new Float64Array(groups).fill(MIN_WATERMARK);
    this.due = new Float64Array(groups).fill(Infinity);
    this.openPanes = Array.from({ length: groups }, () => []);
    this.states = new WindowStates(new NamespaceIndex<Window>(ctx.keys, windowForm(BUILT_IN_WINDOWS)), ctx.name);
    this.emitter = new WindowEmitter(
      ctx,
      this.states,
      this.options.aggregate,
      this.options.windowFunction,
      this.options.allowedLatenessMs > 0,
    );
    this.loop = this.compile();
    await this.options.open?.(contextOf(ctx));
  }

  beginEpoch(clockMs: number): void {
    this.emitter.clockMs = clockMs;
    this.states.beginEpoch(clockMs);
  }

  advanceProcessingTime(): void {
    // Event time only.
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    this.failedRow = -1;
    this.loop(batch, from, to, cap);
  }

  absorb({ n, keyIds, ts, values }: ExchangeBatch): void {
    this.failedRow = -1;
    const { aggregate } = this.options;
    const { keyGroups } = this.keys;
    let pane: Pane | null = null;
    for (let j = 0; j < n; j++) {
      const id = keyIds[j]!;
      // A sender's partials come window by window.
      if (pane === null || pane.start !== ts[j]) pane = this.pane(ts[j]!);
      if (id >= pane.stamps.length) pane.widen(id);
      const known = pane.accumulators[id];
      if (known === undefined) this.opened(pane, keyGroups[id]! - this.first, id, values[j]);
      else pane.replace(id, aggregate.merge!(known, values[j]));
      if (pane.stamps[id] === this.stamp) continue;
      pane.stamps[id] = this.stamp;
      pane.changed.push(id);
    }
  }

  advance(keyGroup: number, watermark: number): void {
    this.advanceGroup(keyGroup - this.first, watermark);
  }

  snapshot(writer: StateWriter): void {
    for (const pane of this.panes.values()) {
      pane.writeChanges(writer, this.keys, this.state, this.stamp, (value) => this.check(value));
      if (pane.live === 0) this.panes.delete(pane.start);
    }
    this.stamp++;
    this.states.snapshot(writer);
    this.states.sweep();
  }

  dump(writer: StateWriter): void {
    this.states.dump(writer);
    for (const pane of this.panes.values()) pane.writeAll(writer, this.keys, this.state);
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    if (this.states.owns(name)) return this.states.restore(key, name, sub, value);
    this.own(name);
    const id = this.keys.idOf(key);
    this.pane(sub as number).restore(id, this.keys.keyGroups[id]! - this.first, value);
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    if (this.states.owns(name)) return this.states.restoreRemoved(key, name, sub);
    this.own(name);
    const id = this.keys.idOf(key);
    this.panes.get(sub as number)?.drop(id, this.keys.keyGroups[id]! - this.first);
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
    for (const pane of this.panes.values())
      pane.groups.forEach((ids, g) => ids !== undefined && this.openPane(g, pane));
    for (let g = 0; g < this.due.length; g++) this.due[g] = this.nextDue(g, watermark);
  }

  dueOf(id: number): KeyTimes {
    const watermark = this.watermarks[this.keys.keyGroups[id]! - this.first]!;
    let eventTime = Infinity;
    for (const pane of this.panes.values()) {
      if (pane.accumulators[id] === undefined) continue;
      const last = pane.end - 1;
      eventTime = Math.min(eventTime, last > watermark ? last : last + this.options.allowedLatenessMs);
    }
    return { eventTime, processingTime: Infinity };
  }

  loaded(ids: readonly number[]): void {
    const groups = new Set(ids.map((id) => this.groupOf(id)));
    for (const g of groups) this.reopenPanes(g);
  }

  evict(ids: readonly number[]): void {
    const gone = new Set(ids);
    const groups = new Set<number>();
    for (const pane of this.panes.values()) {
      for (const g of pane.evict(gone, (id) => this.groupOf(id))) groups.add(g);
      if (pane.live === 0) this.panes.delete(pane.start);
    }
    for (const g of groups) this.reopenPanes(g);
    this.states.evictKeys(gone);
  }

  private groupOf(id: number): number {
    return this.keys.keyGroups[id]! - this.first;
  }

  private reopenPanes(g: number): void {
    const panes = [...this.panes.values()].filter(({ groups }) => groups[g] !== undefined);
    this.openPanes[g] = panes.sort((a, b) => a.start - b.start);
    this.due[g] = this.nextDue(g, this.watermarks[g]!);
  }

  nextEventTimer(keyGroup: number): number {
    return this.due[keyGroup - this.first]!;
  }

  nextProcessingTimer(): number {
    return Infinity;
  }

  isLive(id: number): boolean {
    for (const pane of this.panes.values()) if (pane.accumulators[id] !== undefined) return true;
    return this.states.isKeyLive(id);
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }

  private pane(start: number): Pane {
    let pane = this.panes.get(start);
    if (pane === undefined) {
      pane = new Pane(start, start + this.options.windows.sizeMs, this.due.length, this.keys.keys.length);
      this.panes.set(start, pane);
    }
    return pane;
  }

  /** Moves a group's watermark, firing and cleaning up in the order of time. */
  private advanceGroup(g: number, watermark: number): void {
    const before = this.watermarks[g]!;
    if (watermark <= before) return;
    if (watermark >= this.due[g]!) {
      const lateness = this.options.allowedLatenessMs;
      const open = this.openPanes[g]!;
      let over = 0;
      for (const pane of open) {
        if (pane.end - 1 > watermark) break;
        if (pane.end - 1 > before) this.firePane(pane, g, before, watermark);
        // Panes are of one size: those that are over come first.
        if (pane.end - 1 + lateness > watermark) continue;
        if (this.states.isUsed) this.states.dropAll(pane.groups[g]!, timeWindow(pane.start, pane.end));
        pane.dropGroup(g);
        over++;
        if (pane.live === 0) this.panes.delete(pane.start);
      }
      open.splice(0, over);
      this.due[g] = this.nextDue(g, watermark);
    }
    this.watermarks[g] = watermark;
  }

  /**
   * What a window emits carries the watermark before the one that made it fire (Flink). Where rows are merged before they get here, which
   * rows the group has had must not show: as if time passed every millisecond, it is the last one before the window's end.
   */
  private firePane(pane: Pane, g: number, before: number, watermark: number): void {
    const ids = pane.groups[g]!;
    ids.sort((a, b) => compareIds(this.keys, a, b));
    const isMergedEarly = isMergedBefore(this.options);
    const tag = isMergedEarly ? pane.end - 2 : before;
    const seen = isMergedEarly ? pane.end - 1 : watermark;
    for (const id of ids) this.emitter.fire(id, pane, pane.accumulators[id], tag, seen);
  }

  private nextDue(g: number, watermark: number): number {
    const open = this.openPanes[g]!;
    const first = open[0];
    if (first === undefined) return Infinity;
    if (first.end - 1 > watermark) return first.end - 1;
    const cleanup = first.end - 1 + this.options.allowedLatenessMs;
    const unfired = open.find((pane) => pane.end - 1 > watermark);
    return unfired === undefined ? cleanup : Math.min(cleanup, unfired.end - 1);
  }

  /** Keeps the group's panes in the order of time. */
  private openPane(g: number, pane: Pane): void {
    const open = this.openPanes[g]!;
    let at = open.length;
    while (at > 0 && open[at - 1]!.start > pane.start) at--;
    open.splice(at, 0, pane);
  }

  /** The first row of a key in a window: the group has something due. */
  private opened(pane: Pane, g: number, id: number, accumulator: unknown): unknown {
    if (pane.groups[g] === undefined) this.openPane(g, pane);
    pane.insert(id, g, accumulator);
    const last = pane.end - 1;
    const due = last > this.watermarks[g]! ? last : last + this.options.allowedLatenessMs;
    if (due < this.due[g]!) this.due[g] = due;
    return accumulator;
  }

  private get state(): string {
    return `pane:${this.options.stateKind}/${this.options.windows.sizeMs} ms`;
  }

  private own(name: string): void {
    if (name === this.state) return;
    throw new ConfigError(
      `operator "${this.ctx.name}" has state "${name}" in the checkpoint, and is now a window whose state is "${this.state}". Give the new operator another uid, or restore with the old one.`,
    );
  }

  /** A late row within the allowed lateness: its window fires again. */
  private refire(pane: Pane, g: number, id: number): void {
    const watermark = this.watermarks[g]!;
    this.ctx.count('refired', 1);
    this.emitter.fire(id, pane, pane.accumulators[id], watermark, watermark);
  }

  private late(value: unknown, ts: number, g: number): void {
    const side = this.options.lateTag === null ? null : this.ctx.side(this.options.lateTag);
    if (side === null) {
      this.ctx.count('lateDropped', 1);
      return;
    }
    this.ctx.count('late', 1);
    side.emit(value, ts, this.watermarks[g]!, g + this.first);
  }

  /** A row that none of its windows took, if it has any: where windows do not overlap there may be gaps between them. */
  private skipped(value: unknown, ts: number, g: number, hasWindow: boolean): void {
    if (hasWindow || ts + this.options.allowedLatenessMs <= this.watermarks[g]!) this.late(value, ts, g);
    else this.ctx.count('withoutWindow', 1);
  }

  private noTimestamp(): never {
    throw new UserCodeError(
      'a row has no timestamp, but event-time windows need one: give the source a WatermarkStrategy with withTimestampAssigner(...), or call assignTimestampsAndWatermarks(...) before keyBy.',
    );
  }

  private check(value: unknown): void {
    if (this.checks < 64) this.checks++;
    else if (isPlainlyStorable(value)) return;
    checkStorable(value, `an accumulator of operator "${this.ctx.name}"`);
  }

  private compile(): Loop {
    const { windows, allowedLatenessMs } = this.options;
    const self = {
      advance: (g: number, wm: number): void => this.advanceGroup(g, wm),
      pane: (start: number): Pane => this.pane(start),
      opened: (pane: Pane, g: number, id: number): unknown =>
        this.opened(pane, g, id, this.options.aggregate.createAccumulator()),
      refire: (pane: Pane, g: number, id: number): void => this.refire(pane, g, id),
      late: (value: unknown, ts: number, g: number): void => this.late(value, ts, g),
      skipped: (value: unknown, ts: number, g: number, has: boolean): void => this.skipped(value, ts, g, has),
      noTimestamp: (): never => this.noTimestamp(),
      failed: (row: number): void => {
        this.failedRow = row;
      },
      stamp: (): number => this.stamp,
    };
    const add = this.options.aggregate;
    const numbers = `const SIZE=${windows.sizeMs},SLIDE=${windows.slideMs},OFFSET=${windows.offsetMs},LAST=${windows.sizeMs - 1},KEEP=${windows.sizeMs - 1 + allowedLatenessMs};`;
    const { keys, watermarks, due, first } = this;
    const params = { self, agg: add, held: new HeldRowCheck(), keys, watermarks, due, FIRST: first };
    return generate<Loop>(params, `${numbers}\n${windows.slideMs === windows.sizeMs ? TUMBLING_LOOP : SLIDING_LOOP}`);
  }
}
