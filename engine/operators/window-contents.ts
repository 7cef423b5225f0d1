/** What the windows of an operator hold, by id of (key, window): an accumulator each, or all their elements (window-elements.ts). */
import { UserCodeError } from '../model/errors.ts';
import { Cell, type OwnerScope } from '../state/cell.ts';
import type { AggregateFunction } from '../state/descriptors.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { refusePromise } from './map-operator.ts';

export interface WindowContents {
  /** Stored name of its entries. */
  readonly name: string;
  add(id: number, value: unknown, timestamp: number): void;
  /** What the window function gets; null when the window holds nothing. Nothing of it changes later. */
  elements(id: number): readonly unknown[] | null;
  clearAt(id: number): void;
  /** What the sources hold becomes part of the target. */
  merge(target: number, sources: readonly number[]): void;
  isLive(id: number): boolean;
  snapshot(writer: StateWriter): void;
  dump(writer: StateWriter): void;
  restore(id: number, sub: unknown, value: unknown): void;
  restoreRemoved(id: number, sub: unknown): void;
  /** After the last restored entry, and again after later ones. */
  restored(): void;
  /** Forgets what is in memory of the window, right after a snapshot. */
  evict(id: number): void;
}

/** One accumulator a window. */
export class AccumulatorContents extends Cell<unknown> implements WindowContents {
  private readonly aggregate: AggregateFunction<unknown, unknown, unknown>;
  private readonly written: boolean[] = [];

  constructor(name: string, scope: OwnerScope, aggregate: AggregateFunction<unknown, unknown, unknown>) {
    super(name, null, scope);
    this.aggregate = aggregate;
  }

  add(id: number, value: unknown): void {
    const before = this.data[id];
    const after = this.aggregate.add(value, before === undefined ? this.aggregate.createAccumulator() : before);
    if (after === undefined)
      throw new UserCodeError('add(value, accumulator) returned undefined; return the accumulator.');
    this.data[id] = after;
    this.touch(id);
  }

  elements(id: number): readonly unknown[] | null {
    const accumulator = this.data[id];
    if (accumulator === undefined) return null;
    const result = this.aggregate.getResult(accumulator);
    if (typeof result === 'object') refusePromise(result);
    // The accumulator goes on changing, while what was emitted may still wait for its consumer.
    return [result === accumulator && typeof result === 'object' ? structuredClone(result) : result];
  }

  clearAt(id: number): void {
    if (this.data[id] === undefined) return;
    this.data[id] = undefined;
    this.touch(id);
  }

  merge(target: number, sources: readonly number[]): void {
    for (const source of sources) {
      const theirs = this.data[source];
      if (theirs === undefined) continue;
      const ours = this.data[target];
      this.data[target] = ours === undefined ? theirs : this.aggregate.merge!(ours, theirs);
      this.touch(target);
      this.clearAt(source);
    }
  }

  protected expire(): void {
    // No time-to-live.
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const accumulator = this.data[id];
    if (accumulator !== undefined) {
      this.check(accumulator);
      writer.put(keyGroup, key, this.name, null, accumulator);
    } else if (this.written[id] === true) writer.remove(keyGroup, key, this.name, null);
    this.written[id] = accumulator !== undefined;
  }

  restore(id: number, _sub: unknown, value: unknown): void {
    this.data[id] = value;
    this.written[id] = true;
  }

  restoreRemoved(id: number): void {
    this.data[id] = undefined;
    this.written[id] = false;
  }

  override evict(id: number): void {
    super.evict(id);
    if (id < this.written.length) this.written[id] = false;
  }

  restored(): void {
    // Each entry is a whole accumulator.
  }
}
