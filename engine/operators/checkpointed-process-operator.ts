/**
 * A ProcessFunction that keeps state without a key (Flink: CheckpointedFunction with operator list state).
 *
 * In: rows with a partition's key; what one split, or one key group of a keyed operator, sent is one partition. Each partition has an
 * instance of the function, made when its first row comes: so what the function keeps in its fields belongs to the partition, and
 * packing changes nothing (E7a). State: what it declares in `initializeState`; `snapshotState` writes it before every commit.
 * Restore: by entry; the function is made anew and finds its state.
 */
import { ConfigError } from '../model/errors.ts';
import type { ListStateDescriptor } from '../state/descriptors.ts';
import { NamespacedStates } from '../state/namespaced-states.ts';
import type { StateWriter } from '../state/state-entries.ts';
import type { ListState } from '../state/states.ts';
import type { Collector } from './collector.ts';
import { KeyedFunctionOperator } from './keyed-function-operator.ts';
import type { KeyedOperator, KeyedOperatorFactory } from './keyed-operator.ts';
import { keylessContext } from './keyless-context.ts';
import { isPromise } from './fusible.ts';
import type { ProcessLogic } from './process-operator.ts';

export interface OperatorStateStore {
  getListState<T>(descriptor: ListStateDescriptor<T>): ListState<T>;
}

export interface FunctionInitializationContext {
  /** True when the function goes on from state that it had written. */
  isRestored(): boolean;
  getOperatorStateStore(): OperatorStateStore;
}

/** Methods beside those of a ProcessFunction. */
export interface CheckpointedFunction {
  /** Once per instance, before its first row. */
  initializeState(ctx: FunctionInitializationContext): void;
  /** Before an epoch's state is written: what is in fields goes into the state. */
  snapshotState(): void;
}

export type CheckpointedLogic = ProcessLogic & CheckpointedFunction;

export function isCheckpointed(logic: object): logic is CheckpointedLogic {
  const { initializeState, snapshotState } = logic as Partial<CheckpointedFunction>;
  if (initializeState === undefined && snapshotState === undefined) return false;
  if (typeof initializeState === 'function' && typeof snapshotState === 'function') return true;
  throw new ConfigError('a CheckpointedFunction has both initializeState(ctx) and snapshotState().');
}

export class CheckpointedProcessFactory implements KeyedOperatorFactory {
  readonly kind = 'checkpointed-process';
  readonly needsTimestamps = false;
  private readonly make: () => CheckpointedLogic;
  constructor(make: () => CheckpointedLogic) {
    this.make = make;
  }
  create(): KeyedOperator {
    return new CheckpointedProcessOperator(this.make);
  }
}

class CheckpointedProcessOperator extends KeyedFunctionOperator {
  private readonly make: () => CheckpointedLogic;
  /** By id of the partition's key. */
  private readonly functions = new Map<number, CheckpointedLogic>();
  /** Partitions that have had rows since the last snapshot: the others' fields say what their state says. */
  private readonly touched = new Set<number>();
  private readonly lists = new NamespacedStates('operator-', this);

  constructor(make: () => CheckpointedLogic) {
    const element = (value: never, ctx: never, out: Collector<never>): unknown =>
      this.functionOf(this.id).processElement(value, ctx, out);
    super({ elements: [element] }, false);
    this.make = make;
  }

  override snapshot(writer: StateWriter): void {
    for (const id of this.touched) {
      this.id = id;
      this.functions.get(id)!.snapshotState();
    }
    this.touched.clear();
    this.id = -1;
    this.lists.snapshot(writer);
  }

  override dump(writer: StateWriter): void {
    this.lists.dump(writer);
  }

  override restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    this.own(name);
    this.lists.restore(this.keys.idOf(key), name, sub, value);
  }

  override restoreRemoved(key: unknown, name: string, sub: unknown): void {
    this.own(name);
    this.lists.restoreRemoved(this.keys.idOf(key), name, sub);
  }

  override isLive(id: number): boolean {
    return this.functions.has(id) || this.lists.isLive(id);
  }

  override async close(): Promise<void> {
    for (const fn of this.functions.values()) await fn.close?.();
  }

  /** The partition's function; the partition is in scope. */
  private functionOf(id: number): CheckpointedLogic {
    this.touched.add(id);
    let fn = this.functions.get(id);
    if (fn !== undefined) return fn;
    fn = this.make();
    const isRestored = this.lists.isLive(id);
    fn.initializeState({
      isRestored: () => isRestored,
      getOperatorStateStore: () => ({ getListState: (descriptor) => this.lists.getListState(descriptor) }),
    });
    const { uid, name, keys } = this.ctx;
    const info = { uid, name, maxParallelism: keys.maxParallelism };
    if (isPromise(fn.open?.(keylessContext(info, (counter, n) => this.ctx.count(counter, n))))) {
      throw new ConfigError(
        `operator "${name}": open() of a CheckpointedFunction cannot be asynchronous, as an instance is made when its partition's first row comes. Do I/O in an asynchronous function (AsyncDataStream).`,
      );
    }
    this.functions.set(id, fn);
    return fn;
  }

  private own(name: string): void {
    if (this.lists.owns(name)) return;
    throw new ConfigError(
      `operator "${this.operator}" has state "${name}" in the checkpoint, and is now a CheckpointedFunction. Give the new operator another uid, or restore with the old one.`,
    );
  }
}
