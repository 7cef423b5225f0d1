/** ValueState in memory. With a time-to-live the stored form is [value, written at]. */
import { Cell, type OwnerScope } from './cell.ts';
import type { StateWriter } from './state-entries.ts';
import type { ValueState } from './states.ts';
import type { StateTtlConfig } from './ttl.ts';
import type { ValueCodec } from './type-serializer.ts';

export class ValueCell extends Cell<unknown> implements ValueState<unknown> {
  private readonly times: number[] = [];
  private readonly written: boolean[] = [];
  private readonly defaultValue: unknown;

  constructor(
    name: string,
    ttl: StateTtlConfig | null,
    scope: OwnerScope,
    defaultValue: unknown,
    codec: ValueCodec | null = null,
  ) {
    super(name, ttl, scope, codec);
    this.defaultValue = defaultValue;
    if (defaultValue !== null) this.check(defaultValue);
  }

  value(): unknown {
    const id = this.current();
    const value = this.data[id];
    if (value === undefined) return this.fallback();
    if (this.ttl === null) return value;
    if (this.expired(this.times[id]!)) {
      this.drop(id);
      return this.isVisible(this.times[id]!) ? value : this.fallback();
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

  protected expire(id: number, afterMs: number): void {
    if (this.isOlder(this.times[id]!, afterMs)) this.drop(id);
  }

  protected write(writer: StateWriter, id: number, keyGroup: number, key: unknown): void {
    const value = this.data[id];
    if (value !== undefined) {
      const stored = this.toStored(value);
      writer.put(keyGroup, key, this.name, null, this.ttl === null ? stored : [stored, this.times[id]]);
    } else if (this.written[id] === true) writer.remove(keyGroup, key, this.name, null);
    this.written[id] = value !== undefined;
  }

  restore(id: number, _sub: unknown, value: unknown): void {
    const [stored, time] = this.ttl === null ? [value, 0] : (value as [unknown, number]);
    this.data[id] = this.fromStored(stored);
    if (this.ttl !== null) this.times[id] = time;
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

  private drop(id: number): void {
    if (this.data[id] === undefined) return;
    this.data[id] = undefined;
    this.touch(id);
  }

  private fallback(): unknown {
    const value = this.defaultValue;
    if (typeof value !== 'object' || value === null) return value;
    return this.codec === null ? structuredClone(value) : this.fromStored(structuredClone(this.toStored(value)));
  }
}
