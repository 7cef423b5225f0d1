/**
 * BroadcastProcessFunction and KeyedBroadcastProcessFunction (keyed-function-operator.ts has states, timers and contexts).
 *
 * In: rows with a key (or, without one, a partition) on input 0; on input 1 rows that come to every instance. A broadcast row belongs
 * to all key groups of the instance: they advance to its watermark before it is handled.
 * Out: as of any process function. What processBroadcastElement collects itself is emitted once, by the instance of key group 0, as by
 * a subtask of its own; what it collects in `applyToKeyedState`, once for each key, with that key's group. So packing changes nothing
 * (E7a), as long as what is emitted for a key is made of that key's state and the broadcast state.
 * State: keyed states and timers, and broadcast state (state/broadcast-states.ts). Restore: by entry.
 */
import { ConfigError } from '../model/errors.ts';
import { BroadcastStates, type AnyMapDescriptor, type BroadcastState } from '../state/broadcast-states.ts';
import { Cell } from '../state/cell.ts';
import type {
  AggregatingStateDescriptor,
  ListStateDescriptor,
  MapStateDescriptor,
  ReducingStateDescriptor,
  ValueStateDescriptor,
} from '../state/descriptors.ts';
import { AggregatingCell, ReducingCell } from '../state/folding-cells.ts';
import { BROADCAST_PREFIX } from '../state/key-in-group.ts';
import { compareIds } from '../state/key-index.ts';
import { NOWHERE } from '../state/nowhere.ts';
import type { StateWriter } from '../state/state-entries.ts';
import type { AnyKeyedDescriptor } from './broadcast-process-function.ts';
import type { Collector } from './collector.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import { KeyedFunctionOperator, type FunctionLogic } from './keyed-function-operator.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from './keyed-operator.ts';
import type { OpenContext } from './keyed-process-function.ts';
import { refusePromise } from './map-operator.ts';
import type { OutputTag } from './output-tag.ts';

type Handle = Cell<unknown> | ReducingCell | AggregatingCell;

/** The untyped form that the operator runs. */
export interface BroadcastProcessLogic {
  open?(ctx: OpenContext): void | Promise<void>;
  processElement(value: never, ctx: never, out: Collector<never>): unknown;
  processBroadcastElement(value: never, ctx: never, out: Collector<never>): unknown;
  onTimer?(timestamp: number, ctx: never, out: Collector<never>): unknown;
  close?(): void | Promise<void>;
}

export class BroadcastProcessFactory implements KeyedOperatorFactory {
  readonly kind = 'broadcast-process';
  readonly needsTimestamps = false;
  readonly hasBroadcastState = true;
  private readonly make: () => BroadcastProcessLogic;
  private readonly descriptors: readonly AnyMapDescriptor[];
  private readonly isKeyed: boolean;
  constructor(make: () => BroadcastProcessLogic, descriptors: readonly AnyMapDescriptor[], isKeyed: boolean) {
    this.make = make;
    this.descriptors = descriptors;
    this.isKeyed = isKeyed;
  }
  create(): KeyedOperator {
    const fn = this.make();
    const logic: FunctionLogic = {
      elements: [fn.processElement.bind(fn), fn.processBroadcastElement.bind(fn)],
      onTimer: fn.onTimer?.bind(fn),
      open: fn.open?.bind(fn),
      close: fn.close?.bind(fn),
    };
    return new BroadcastProcessOperator(logic, this.descriptors, this.isKeyed);
  }
}

class BroadcastProcessOperator extends KeyedFunctionOperator {
  private readonly descriptors: readonly AnyMapDescriptor[];
  private broadcast!: BroadcastStates;
  /** This instance owns key group 0. */
  private speaks = false;
  /** In processBroadcastElement, outside of applyToKeyedState, of an instance that does not own key group 0. */
  private muted = false;

  constructor(logic: FunctionLogic, descriptors: readonly AnyMapDescriptor[], isKeyed: boolean) {
    super(logic, isKeyed);
    this.descriptors = descriptors;
  }

  override async open(ctx: KeyedOperatorContext): Promise<void> {
    this.broadcast = new BroadcastStates(this.descriptors, ctx.keys.maxParallelism, ctx.name);
    this.speaks = ctx.keyGroups[0] === 0;
    await super.open(ctx);
  }

  override process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    if (!batch.isBroadcast) return super.process(batch, from, to, cap);
    const { ts, wm, index, values, lazy } = batch;
    const row = lazy ? batch.source!.row! : null;
    const { watermarks } = this;
    const element = this.logic.elements[1]!;
    this.failedRow = -1;
    for (let j = from; j < to; j++) {
      const w = Math.min(wm[j]!, cap);
      for (let g = 0; g < watermarks.length; g++) if (w > watermarks[g]!) this.advanceGroup(g, w);
      let value = values[j];
      if (row !== null) {
        row.__i = index[j]!;
        value = row.__copy();
      }
      this.atNoKey(ts[j]!);
      this.failedRow = j;
      this.broadcast.writable = true;
      const result = element(value as never, this as never, this);
      if (result !== undefined) refusePromise(result);
      this.broadcast.writable = false;
      this.muted = false;
      this.failedRow = -1;
    }
  }

  /** A broadcast row itself: its groups are at one watermark. */
  private atNoKey(ts: number): void {
    this.at(-1, 0, ts, this.watermarks[0]!, this.watermarks[0]!);
    this.muted = !this.speaks;
  }

  override collect(value: unknown): void {
    if (!this.muted) super.collect(value);
  }

  override output<X>(tag: OutputTag<X>, value: X): void {
    if (!this.muted) super.output(tag, value);
  }

  getBroadcastState(descriptor: AnyMapDescriptor): BroadcastState<unknown, unknown> {
    return this.broadcast.of(descriptor);
  }

  /** Flink: KeyedBroadcastProcessFunction.Context.applyToKeyedState. Keys in the order of (key group, hash, key). */
  applyToKeyedState(state: AnyKeyedDescriptor | Handle, fn: (key: never, state: never) => unknown): void {
    if (!this.broadcast.writable || !this.isKeyed)
      throw new ConfigError(
        `operator "${this.operator}" called applyToKeyedState where it cannot reach the state of all keys. Call it in processBroadcastElement of a keyed stream's function.`,
      );
    const handle = isHandle(state) ? state : this.handleOf(state);
    const { ts, id: outer } = this;
    for (const id of this.idsWith(handle instanceof Cell ? handle : handle.cell)) {
      this.atKey(id, ts);
      const result = fn(this.keys.keys[id] as never, handle as never);
      if (result !== undefined) refusePromise(result);
    }
    if (outer < 0) this.atNoKey(ts);
    else this.atKey(outer, ts);
  }

  private atKey(id: number, ts: number): void {
    const g = this.keys.keyGroups[id]! - this.first;
    this.at(id, g, ts, this.watermarks[g]!, this.watermarks[g]!);
    this.muted = false;
  }

  private handleOf(descriptor: AnyKeyedDescriptor): Handle {
    const { states } = this;
    switch (descriptor.kind) {
      case 'value':
        return states.value(descriptor as ValueStateDescriptor<unknown>) as unknown as Handle;
      case 'list':
        return states.list(descriptor as ListStateDescriptor<unknown>) as unknown as Handle;
      case 'map':
        return states.map(descriptor as MapStateDescriptor<unknown, unknown>) as unknown as Handle;
      case 'reducing':
        return states.reducing(descriptor as ReducingStateDescriptor<unknown>) as unknown as Handle;
      case 'aggregating':
        return states.aggregating(
          descriptor as AggregatingStateDescriptor<unknown, unknown, unknown>,
        ) as unknown as Handle;
    }
  }

  private idsWith(cell: Cell<unknown>): number[] {
    const { keys, keyGroups } = this.keys;
    const ids = [...keys.keys()].filter((id) => keys[id] !== undefined && cell.isLive(id));
    return ids.sort((a, b) => keyGroups[a]! - keyGroups[b]! || compareIds(this.keys, a, b));
  }

  override snapshot(writer: StateWriter): void {
    super.snapshot(writer);
    this.broadcast.snapshot(this.speaks ? writer : NOWHERE);
  }

  override dump(writer: StateWriter): void {
    super.dump(writer);
    if (this.speaks) this.broadcast.dump(writer);
  }

  override restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    if (name.startsWith(BROADCAST_PREFIX)) this.broadcast.restore(key, name, sub, value);
    else super.restore(key, name, sub, value);
  }

  override restoreRemoved(key: unknown, name: string, sub: unknown): void {
    if (name.startsWith(BROADCAST_PREFIX)) this.broadcast.restoreRemoved(key, name, sub);
    else super.restoreRemoved(key, name, sub);
  }
}

function isHandle(state: object): state is Handle {
  return state instanceof Cell || state instanceof ReducingCell || state instanceof AggregatingCell;
}
