/** ValueState in memory. With a time-to-live the stored form is [value, written at]. */
import { Cell, type KeyScope } from './cell.ts';
import type { StateWriter } from './state-entries.ts';
import type { ValueState } from './states.ts';
import type { StateTtlConfig } from './ttl.ts';

export class ValueCell extends Cell<unknown> implements ValueState<unknown> {
  private readonly times: number[] = [];
  private readonly written: boolean[] = [];
  private readonly defaultValue: unknown;

  constructor(name: string, ttl: StateTtlConfig | null, scope: KeyScope, defaultValue: unknown) {
    super(name, ttl, scope);
    this.defaultValue = defaultValue;
    if (defaultValue !== null) this.check(defaultValue);
  }

  value(): unknown {
    const id = this.current();
    const value = this.data[id];
    if (value === undefined) return this.fallback();
    if (this.ttl === null) return value;
    if (this.expired(this.times[id]!)) {
      this.expire(id);
      return this.showExpired ? value : this.fallback();
    }
    if (this.readsRenew) this.set(id, value);
    return value;
  }

  update(value: unknown): void {
    if (value === null || value === undefined) return this.clear();
    this.check(value);
    this.set(this.current(), value);
  }

  clear(): void {
    this.drop(this.current());
  }

  /** Like `update`, for operators that hold a value of a key other than the current one. */
  set(id: number, value: unknown): void {
    this.data[id] = value;
    if (this.ttl !== null) this.times[id] = this.scope.clockMs;
    this.touch(id);
  }

  protected expire(id: number): void {
    if (this.expired(this.times[id]!)) this.drop(id);
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const value = this.data[id];
    if (value !== undefined)
      writer.put(keyGroup, key, this.name, null, this.ttl === null ? value : [value, this.times[id]]);
    else if (this.written[id] === true) writer.remove(keyGroup, key, this.name, null);
    this.written[id] = value !== undefined;
  }

  restore(id: number, _sub: unknown, value: unknown): void {
    if (this.ttl === null) this.data[id] = value;
    else [this.data[id], this.times[id]] = value as [unknown, number];
    this.written[id] = true;
  }

  restoreRemoved(id: number): void {
    this.data[id] = undefined;
    this.written[id] = false;
  }

  private drop(id: number): void {
    if (this.data[id] === undefined) return;
    this.data[id] = undefined;
    this.touch(id);
  }

  private fallback(): unknown {
    const value = this.defaultValue;
    return typeof value === 'object' && value !== null ? structuredClone(value) : value;
  }
}
