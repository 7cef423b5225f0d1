/**
 * Rolling reduce on a keyed stream (Flink: StreamGroupedReduceOperator; also sum, min, max, minBy, maxBy).
 *
 * In: keyed rows. Out: after every row the key's new value, with the row's timestamp; the first row as it is.
 * State: the value per key, entry 'reduce'. Watermarks pass. Restore: by entry.
 */
import { ConfigError } from '../model/errors.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyScope } from '../state/cell.ts';
import type { KeyIndex } from '../state/key-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { ValueCell } from '../state/value-cell.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import { generate } from './generated-loop.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from './keyed-operator.ts';
import type { OutputBuffer } from './output-buffer.ts';

export type Reduce = (a: unknown, b: unknown) => unknown;

export class KeyedReduceFactory implements KeyedOperatorFactory {
  readonly kind = 'reduce';
  readonly needsTimestamps = false;
  readonly stateByKey = true;
  private readonly reduce: Reduce;
  constructor(reduce: Reduce) {
    this.reduce = reduce;
  }
  create(): KeyedOperator {
    return new KeyedReduceOperator(this.reduce);
  }
}

const NEVER: KeyTimes = { eventTime: Infinity, processingTime: Infinity };

type Loop = (batch: ExchangeBatch, from: number, to: number, cap: number) => void;

class KeyedReduceOperator implements KeyedOperator, KeyScope {
  failedRow = -1;
  id = -1;
  clockMs = 0;
  operator = '';
  keys!: KeyIndex;
  private readonly reduce: Reduce;
  private cell!: ValueCell;
  /** Results that are still looked at. */
  private looks = 64;
  private changesItsInput = false;
  private first = 0;
  private watermarks = new Float64Array(0);
  private loop!: Loop;

  constructor(reduce: Reduce) {
    this.reduce = reduce;
  }

  open(ctx: KeyedOperatorContext): void {
    this.keys = ctx.keys;
    this.operator = ctx.name;
    this.first = ctx.keyGroups[0];
    this.watermarks = new Float64Array(ctx.keyGroups[1] - this.first).fill(MIN_WATERMARK);
    this.cell = new ValueCell('reduce', null, this, null);
    const self = {
      add: (id: number, value: unknown): unknown => this.add(id, value),
      failed: (row: number): void => {
        this.failedRow = row;
      },
    };
    const params = { self, keys: this.keys, watermarks: this.watermarks, out: ctx.output, FIRST: this.first };
    this.loop = generate<Loop & ((out: OutputBuffer) => void)>(params, LOOP);
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    this.failedRow = -1;
    this.loop(batch, from, to, cap);
  }

  private add(id: number, value: unknown): unknown {
    this.id = id;
    const old = this.cell.value();
    this.cell.update(old === null ? value : this.reduced(old, value));
    return this.cell.value();
  }

  /** What was emitted may still wait for its consumer: a function that changes what it is given is found out on a copy. */
  private reduced(old: unknown, value: unknown): unknown {
    if (typeof old !== 'object' || (this.looks === 0 && !this.changesItsInput)) return this.reduce(old, value);
    if (this.looks > 0) this.looks--;
    const copy = structuredClone(old);
    const result = this.reduce(copy, value);
    if (result === copy) this.changesItsInput = true;
    return result;
  }

  advance(keyGroup: number, watermark: number): void {
    const g = keyGroup - this.first;
    if (watermark > this.watermarks[g]!) this.watermarks[g] = watermark;
  }

  snapshot(writer: StateWriter): void {
    this.cell.snapshot(writer);
  }
  dump(writer: StateWriter): void {
    this.cell.dump(writer);
  }
  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    this.own(name);
    this.cell.restore(this.keys.idOf(key), sub, value);
  }
  restoreRemoved(key: unknown, name: string): void {
    this.own(name);
    this.cell.restoreRemoved(this.keys.idOf(key));
  }
  private own(name: string): void {
    if (name === 'reduce') return;
    throw new ConfigError(
      `operator "${this.operator}" has state "${name}" in the checkpoint, and is now a rolling reduce. Give the new operator another uid, or restore with the old one.`,
    );
  }
  restored(watermark: number): void {
    this.watermarks.fill(watermark);
  }
  beginEpoch(clockMs: number): void {
    this.clockMs = clockMs;
  }
  advanceProcessingTime(): void {
    // No timers.
  }
  nextEventTimer(): number {
    return Infinity;
  }
  nextProcessingTimer(): number {
    return Infinity;
  }
  isLive(id: number): boolean {
    return this.cell.isLive(id);
  }
  dueOf(): KeyTimes {
    return NEVER;
  }
  loaded(): void {
    // Each entry is whole.
  }
  evict(ids: readonly number[]): void {
    for (const id of ids) this.cell.evict(id);
  }
  close(): void {
    // Nothing open.
  }
}

const LOOP = `return function (batch, from, to, cap) {
  const { keyIds, ts, wm, index, values, lazy } = batch;
  const row = lazy ? batch.source.row : null, groups = keys.keyGroups;
  let j = from, guilty = -1;
  try {
    for (; j < to; j++) {
      const id = keyIds[j], group = groups[id], w = wm[j] > cap ? cap : wm[j];
      if (w > watermarks[group - FIRST]) watermarks[group - FIRST] = w;
      let v = values[j];
      if (lazy) { row.__i = index[j]; v = row.__copy(); }
      guilty = j;
      const result = self.add(id, v);
      guilty = -1;
      out.emit(result, ts[j], watermarks[group - FIRST], group);
    }
  } catch (e) { self.failed(guilty); throw e; }
};`;
