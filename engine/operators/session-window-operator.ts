/**
 * Event-time sessions with an incremental aggregation and the default trigger: what WindowOperator does with them, without its general means.
 *
 * In: keyed rows. Out: what the window function makes of each session's result, stamped with the session's max timestamp.
 * State: an entry per key, 'session:' + kind of accumulator → [start, end, accumulator] of each session. What the window function keeps
 * per key is in WindowStates. Timers are not stored: a session has fired if its max timestamp is not beyond the group's watermark, so all
 * moments follow from the sessions. A heap knows one moment per key, which may be too early where a session has grown since.
 * Watermark ≥ max timestamp: the session fires. Up to `allowedLateness` longer it stays; a row that it takes fires it at once, or, where the
 * row moves its end beyond the watermark, when that is passed. A row of which the session would be gone, after merging, is late: to the
 * side output, or dropped and counted. Rows that fall into a key's last session change nothing but it: the short way in `process`.
 * Restore: by entry.
 */
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyIndex } from '../state/key-index.ts';
import { NamespaceIndex } from '../state/namespace-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { checkStorable, isPlainlyStorable } from '../state/storable.ts';
import { requireTimestamp } from '../windows/require-timestamp.ts';
import { EventTimeSessionWindows } from '../windows/session-windows.ts';
import { EventTimeTrigger } from '../windows/time-triggers.ts';
import { TimeWindow, type Window } from '../windows/time-window.ts';
import { BUILT_IN_WINDOWS } from '../windows/window-assigner.ts';
import { DueHeap } from './due-heap.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext } from './keyed-operator.ts';
import { KeySessions, restoredSessions, type Session } from './key-sessions.ts';
import { windowForm } from './window-form.ts';
import { WindowFunctionContext } from './window-function-context.ts';
import type { WindowOperatorOptions } from './window-operator-options.ts';
import { WindowStates } from './window-states.ts';
import { contextOf } from './runtime-context.ts';
import { HeldRowCheck } from './held-row.ts';
import { refusePromise } from './map-operator.ts';

export interface SessionWindowOptions extends WindowOperatorOptions {
  readonly assigner: EventTimeSessionWindows;
  readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
}

/** True where this operator gives the answers of the general one: nothing else fires, and nothing is to be done when a session is over. */
export function isPlainSession(options: WindowOperatorOptions): options is SessionWindowOptions {
  const { assigner, trigger, aggregate, evictor, clear } = options;
  const isDefault = assigner.constructor === EventTimeSessionWindows && trigger.constructor === EventTimeTrigger;
  return isDefault && aggregate !== null && evictor === null && clear === null;
}

/** Deep checks of this many first accumulators; after that the top level only. */
const DEEP_CHECKS = 64;

export class SessionWindowOperator implements KeyedOperator {
  private readonly held = new HeldRowCheck();
  failedRow = -1;
  private readonly options: SessionWindowOptions;
  private readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  private readonly latenessMs: number;
  private readonly state: string;
  private ctx!: KeyedOperatorContext;
  private keys!: KeyIndex;
  private due!: DueHeap;
  private states!: WindowStates;
  private functions!: WindowFunctionContext;
  private first = 0;
  /** Per key group, from `first`. */
  private watermarks = new Float64Array(0);
  /** By key id; undefined: the key has no sessions, and none in stored state. */
  private readonly byId: (KeySessions | undefined)[] = [];
  private readonly changed: number[] = [];
  private stamp = 1;
  private checks = 0;

  constructor(options: SessionWindowOptions) {
    this.options = options;
    this.aggregate = options.aggregate;
    this.latenessMs = options.allowedLatenessMs;
    this.state = `session:${options.stateKind}`;
  }

  async open(ctx: KeyedOperatorContext): Promise<void> {
    this.ctx = ctx;
    this.keys = ctx.keys;
    this.first = ctx.keyGroups[0];
    this.watermarks = new Float64Array(ctx.keyGroups[1] - this.first).fill(MIN_WATERMARK);
    this.due = new DueHeap(ctx.keys, ctx.keyGroups);
    this.states = new WindowStates(new NamespaceIndex<Window>(ctx.keys, windowForm(BUILT_IN_WINDOWS)), ctx.name);
    this.functions = new WindowFunctionContext(ctx, this.states, true);
    await this.options.open?.(contextOf(ctx));
  }

  beginEpoch(clockMs: number): void {
    this.states.beginEpoch(clockMs);
    this.functions.clockMs = clockMs;
  }

  advanceProcessingTime(): void {
    // Event time only.
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { keyIds, ts, wm, index, values, lazy } = batch;
    const { byId, watermarks, due, aggregate, stamp, first } = this;
    const { assigner } = this.options;
    const fixedGap = assigner.gapMs;
    const row = lazy ? batch.source!.row! : null;
    const groups = this.keys.keyGroups;
    this.failedRow = -1;
    for (let j = from; j < to; j++) {
      const id = keyIds[j]!;
      const group = groups[id]!;
      const g = group - first;
      const w = wm[j]! > cap ? cap : wm[j]!;
      if (w > watermarks[g]!) {
        if (w >= due.next(group)) this.advanceGroup(g, w);
        else watermarks[g] = w;
      }
      const watermark = watermarks[g]!;
      const start = ts[j]!;
      let value = values[j];
      this.failedRow = j;
      requireTimestamp(start);
      if (row !== null) {
        row.__i = index[j]!;
        value = row;
      }
      const end = start + (fixedGap ?? assigner.gapOf(value));
      let of = byId[id];
      let session = of?.sessions.at(-1);
      if (session !== undefined && start >= session.start && start <= session.end && session.end - 1 > watermark) {
        if (end > session.end) session.end = end;
      } else {
        session = this.enter(id, watermark, start, end);
        if (session === undefined) {
          this.late(row === null ? value : row.__copy(), start, group);
          this.failedRow = -1;
          continue;
        }
        of = byId[id];
      }
      const after = aggregate.add(value, session.accumulator);
      if (row !== null) this.held.check(after, row);
      if (after !== session.accumulator) session.accumulator = after === row ? row!.__copy() : whole(after);
      if (of!.stamp !== stamp) this.touch(id, of!);
      if (session.end - 1 <= watermark) this.refire(id, session, watermark);
      // A session that fires before the next row is not this one's fault.
      this.failedRow = -1;
    }
  }

  /** The session that takes a row of [start, end), merged with what it touches; undefined: it would be over already. */
  private enter(id: number, watermark: number, start: number, end: number): Session | undefined {
    const of = this.byId[id];
    const range = of?.range(start, end) ?? [0, 0];
    let session: Session;
    if (of !== undefined && range[0] < range[1]) {
      session = of.join(range, start, end, (a, b) => this.aggregate.merge!(a, b));
    } else {
      if (end - 1 + this.latenessMs <= watermark) return undefined;
      session = { start, end, accumulator: this.aggregate.createAccumulator() };
      (of ?? this.add(id, new KeySessions())).insert(range[0], session);
    }
    const last = session.end - 1;
    const due = last > watermark ? last : last + this.latenessMs;
    if (due < this.due.timeOf(id)) this.due.set(id, due);
    return session;
  }

  private add(id: number, of: KeySessions): KeySessions {
    while (this.byId.length <= id) this.byId.push(undefined);
    this.byId[id] = of;
    return of;
  }

  private touch(id: number, of: KeySessions): void {
    if (of.stamp === this.stamp) return;
    of.stamp = this.stamp;
    this.changed.push(id);
  }

  /** A late row within the allowed lateness: its session fires again. */
  private refire(id: number, session: Session, watermark: number): void {
    this.ctx.count('refired', 1);
    this.fire(id, session, watermark, watermark);
  }

  private late(value: unknown, ts: number, group: number): void {
    const side = this.options.lateTag === null ? null : this.ctx.side(this.options.lateTag);
    if (side === null) return this.ctx.count('lateDropped', 1);
    this.ctx.count('late', 1);
    return side.emit(value, ts, this.watermarks[group - this.first]!, group);
  }

  advance(keyGroup: number, watermark: number): void {
    const g = keyGroup - this.first;
    if (watermark > this.watermarks[g]!) this.advanceGroup(g, watermark);
  }

  private advanceGroup(g: number, watermark: number): void {
    const before = this.watermarks[g]!;
    this.watermarks[g] = watermark;
    const group = g + this.first;
    for (let time = this.due.next(group); time <= watermark; time = this.due.next(group))
      this.pass(this.due.top(group), time, before, watermark);
  }

  /** The key's moment has come; where that was too early, nothing is to be done but to find the next. */
  private pass(id: number, time: number, before: number, watermark: number): void {
    const of = this.byId[id]!;
    const session = of.lastingTo(time);
    if (session !== undefined) this.fire(id, session, before, watermark);
    if (of.dropUntil(time, this.latenessMs)) this.touch(id, of);
    this.due.set(id, of.dueAfter(time, this.latenessMs));
  }

  /** `tag`: the watermark that emitted rows carry; `watermark`: the one that user code sees. */
  private fire(id: number, { start, end, accumulator }: Session, tag: number, watermark: number): void {
    const context = this.functions.at(id, new TimeWindow(start, end), tag, watermark);
    let result = this.aggregate.getResult(accumulator);
    if (typeof result === 'object') refusePromise(result);
    // A session that may fire again goes on changing its accumulator, while what was emitted may still wait for its consumer.
    if (this.latenessMs > 0 && result === accumulator && typeof result === 'object') result = structuredClone(result);
    context.run(this.options.windowFunction, [result]);
  }

  snapshot(writer: StateWriter): void {
    for (const id of this.changed) {
      const of = this.byId[id]!;
      for (const { accumulator } of of.sessions) this.check(accumulator);
      if (of.sessions.length > 0) this.write(writer, id, of);
      else this.forget(writer, id, of);
    }
    this.changed.length = 0;
    this.stamp++;
    this.states.snapshot(writer);
    this.states.sweep();
  }

  dump(writer: StateWriter): void {
    for (const [id, of] of this.byId.entries()) if (of !== undefined) this.write(writer, id, of);
    this.states.dump(writer);
  }

  private write(writer: StateWriter, id: number, of: KeySessions): void {
    writer.put(this.keys.keyGroups[id]!, this.keys.keys[id], this.state, null, of.stored());
    of.isStored = true;
  }

  private forget(writer: StateWriter, id: number, of: KeySessions): void {
    if (of.isStored) writer.remove(this.keys.keyGroups[id]!, this.keys.keys[id], this.state, null);
    this.byId[id] = undefined;
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    if (this.states.owns(name)) return this.states.restore(key, name, sub, value);
    this.own(name);
    this.add(this.keys.idOf(key), restoredSessions(value));
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    if (this.states.owns(name)) return this.states.restoreRemoved(key, name, sub);
    this.own(name);
    this.byId[this.keys.idOf(key)] = undefined;
  }

  private own(name: string): void {
    if (name === this.state) return;
    throw new ConfigError(
      `operator "${this.ctx.name}" has state "${name}" in the checkpoint, and is now a session window whose state is "${this.state}". Give the new operator another uid, or restore with the old one.`,
    );
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
    for (const [id, of] of this.byId.entries())
      if (of !== undefined) this.due.set(id, of.dueAfter(watermark, this.latenessMs));
  }

  dueOf(id: number): KeyTimes {
    const watermark = this.watermarks[this.keys.keyGroups[id]! - this.first]!;
    return { eventTime: this.byId[id]?.dueAfter(watermark, this.latenessMs) ?? Infinity, processingTime: Infinity };
  }

  loaded(ids: readonly number[]): void {
    for (const id of ids) this.due.set(id, this.dueOf(id).eventTime);
  }

  evict(ids: readonly number[]): void {
    for (const id of ids) {
      if (id < this.byId.length) this.byId[id] = undefined;
      this.due.set(id, Infinity);
    }
    this.states.evictKeys(new Set(ids));
  }

  nextEventTimer(keyGroup: number): number {
    const watermark = this.watermarks[keyGroup - this.first]!;
    for (let time = this.due.next(keyGroup); time < Infinity; time = this.due.next(keyGroup)) {
      const id = this.due.top(keyGroup);
      const due = this.byId[id]!.dueAfter(watermark, this.latenessMs);
      if (due === time) return time;
      this.due.set(id, due);
    }
    return Infinity;
  }

  nextProcessingTimer(): number {
    return Infinity;
  }

  isLive(id: number): boolean {
    return this.byId[id] !== undefined || this.states.isKeyLive(id);
  }

  async close(): Promise<void> {
    await this.options.close?.();
  }

  private check(value: unknown): void {
    if (this.checks < DEEP_CHECKS) this.checks++;
    else if (isPlainlyStorable(value)) return;
    checkStorable(value, `an accumulator of operator "${this.ctx.name}"`);
  }
}

function whole(accumulator: unknown): unknown {
  if (accumulator !== undefined) return accumulator;
  throw new UserCodeError('add(value, accumulator) returned undefined; return the accumulator.');
}
