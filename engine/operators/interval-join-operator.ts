/**
 * Interval join (Flink: IntervalJoinOperator): pairs of rows of one key with right timestamp − left timestamp in [lower, upper].
 *
 * In: rows of two keyed streams. A row is put into its side's buffer and joined with the rows of the other side that are there. Out:
 * what the function makes of each pair, at the later timestamp of the two; pairs of one row in the order of the other side's time.
 * Late: a row behind the watermark of its key group joins nothing; it goes to its side's output of late rows, or is dropped and counted.
 * State: entries ('left' | 'right', timestamp) → rows. A watermark that reaches the last moment at which a row could find a partner
 * that is not late drops it, in Flink's reckoning: left timestamp + max(upper, 0), right timestamp + max(−lower, 0). Timers are not
 * stored: one per key stands at the first of these moments. Restore: by entry.
 */
import { ConfigError, UserCodeError } from '../model/errors.ts';
import { MIN_WATERMARK, NO_TIMESTAMP } from '../model/watermark.ts';
import type { KeyTimes } from '../ports/state-table.ts';
import type { KeyIndex } from '../state/key-index.ts';
import type { StateWriter } from '../state/state-entries.ts';
import { collectReturned } from './collect-returned.ts';
import type { Collector } from './collector.ts';
import { DueHeap } from './due-heap.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import { IntervalBuffer } from './interval-buffer.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from './keyed-operator.ts';
import type { OutputTag } from './output-tag.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';
import { runtimeContext } from './runtime-context.ts';

/** What a ProcessJoinFunction may ask for (Flink: ProcessJoinFunction.Context). Epoch milliseconds. */
export interface ProcessJoinContext {
  getLeftTimestamp(): number;
  getRightTimestamp(): number;
  /** The later of the two: the timestamp of what is emitted. */
  getTimestamp(): number;
  output<X>(tag: OutputTag<X>, value: X): void;
}

/** The untyped form that the operator runs. */
export interface ProcessJoinLogic {
  open?(ctx: RuntimeContext): void | Promise<void>;
  processElement(left: never, right: never, ctx: ProcessJoinContext, out: Collector<never>): unknown;
  close?(): void | Promise<void>;
}

/** Both bounds inclusive, milliseconds. */
export interface IntervalJoinOptions {
  readonly lowerMs: number;
  readonly upperMs: number;
  readonly leftLateTag: string | null;
  readonly rightLateTag: string | null;
  /** A new function per subtask. */
  make(): ProcessJoinLogic;
}

export class IntervalJoinFactory implements KeyedOperatorFactory {
  readonly kind = 'interval-join';
  readonly needsTimestamps = true;
  readonly stateByKey = true;
  private readonly options: IntervalJoinOptions;
  constructor(options: IntervalJoinOptions) {
    this.options = options;
  }
  create(): KeyedOperator {
    return new IntervalJoinOperator(this.options);
  }
}

class IntervalJoinOperator implements KeyedOperator, ProcessJoinContext, Collector<unknown> {
  failedRow = -1;
  private readonly options: IntervalJoinOptions;
  private readonly logic: ProcessJoinLogic;
  /** How long after its timestamp a row is kept. */
  private readonly keepLeftMs: number;
  private readonly keepRightMs: number;
  private ctx!: KeyedOperatorContext;
  private keys!: KeyIndex;
  private left!: IntervalBuffer;
  private right!: IntervalBuffer;
  /** The first of each key's rows' moments. */
  private due!: DueHeap;
  private first = 0;
  private watermarks = new Float64Array(0);
  private group = 0;
  private leftTs = 0;
  private rightTs = 0;

  constructor(options: IntervalJoinOptions) {
    this.options = options;
    this.logic = options.make();
    this.keepLeftMs = Math.max(options.upperMs, 0);
    this.keepRightMs = Math.max(-options.lowerMs, 0);
  }

  async open(ctx: KeyedOperatorContext): Promise<void> {
    this.ctx = ctx;
    this.keys = ctx.keys;
    this.left = new IntervalBuffer('left', ctx.name, ctx.keys);
    this.right = new IntervalBuffer('right', ctx.name, ctx.keys);
    this.due = new DueHeap(ctx.keys, ctx.keyGroups);
    this.first = ctx.keyGroups[0];
    this.watermarks = new Float64Array(ctx.keyGroups[1] - this.first).fill(MIN_WATERMARK);
    const { uid, name, keys } = ctx;
    const count = (metric: string, n: number): void => ctx.count(metric, n);
    await this.logic.open?.(runtimeContext({ uid, name, maxParallelism: keys.maxParallelism }, count));
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { keyIds, ts, wm, index, values, lazy } = batch;
    const row = lazy ? batch.source!.row! : null;
    const groups = this.keys.keyGroups;
    const isLeft = batch.input === 0;
    const lateTag = isLeft ? this.options.leftLateTag : this.options.rightLateTag;
    for (let j = from; j < to; j++) {
      const id = keyIds[j]!;
      this.group = groups[id]!;
      const g = this.group - this.first;
      const w = wm[j]! > cap ? cap : wm[j]!;
      if (w > this.watermarks[g]!) this.advanceGroup(g, w);
      this.failedRow = j;
      const time = ts[j]!;
      const isLate = time < this.watermarks[g]! && time !== NO_TIMESTAMP;
      if (isLate && lateTag === null) {
        this.ctx.count('lateDropped', 1);
        continue;
      }
      let value = values[j];
      if (row !== null) {
        row.__i = index[j]!;
        value = row.__copy();
      }
      if (isLate) this.lateRow(lateTag!, value, time);
      else this.join(id, time, value, isLeft);
    }
    this.failedRow = -1;
  }

  private lateRow(tag: string, value: unknown, ts: number): void {
    this.ctx.count('late', 1);
    this.ctx.side(tag)?.emit(value, ts, this.watermarks[this.group - this.first]!, this.group);
  }

  private join(id: number, ts: number, value: unknown, isLeft: boolean): void {
    if (ts === NO_TIMESTAMP) {
      throw new UserCodeError(
        'the row has no timestamp, and an interval join goes by timestamps. Give both streams a WatermarkStrategy with a timestamp assigner.',
      );
    }
    const { lowerMs, upperMs } = this.options;
    const own = isLeft ? this.left : this.right;
    const other = isLeft ? this.right : this.left;
    own.add(id, ts, value);
    const over = ts + (isLeft ? this.keepLeftMs : this.keepRightMs);
    if (over < this.due.timeOf(id)) this.due.set(id, over);
    const until = ts + (isLeft ? upperMs : -lowerMs);
    const buckets = other.bucketsOf(id);
    for (let i = other.from(id, ts + (isLeft ? lowerMs : -upperMs)); i < buckets.length; i++) {
      const bucket = buckets[i]!;
      if (bucket.ts > until) return;
      this.leftTs = isLeft ? ts : bucket.ts;
      this.rightTs = isLeft ? bucket.ts : ts;
      for (const partner of bucket.rows) this.pair(isLeft ? value : partner, isLeft ? partner : value);
    }
  }

  private pair(left: unknown, right: unknown): void {
    const returned = this.logic.processElement(left as never, right as never, this, this);
    if (returned !== undefined) collectReturned(returned, this);
  }

  advance(keyGroup: number, watermark: number): void {
    const g = keyGroup - this.first;
    if (watermark > this.watermarks[g]!) this.advanceGroup(g, watermark);
  }

  private advanceGroup(g: number, watermark: number): void {
    this.watermarks[g] = watermark;
    const keyGroup = g + this.first;
    while (this.due.next(keyGroup) <= watermark) {
      const id = this.due.top(keyGroup);
      this.left.dropUntil(id, watermark - this.keepLeftMs);
      this.right.dropUntil(id, watermark - this.keepRightMs);
      this.wait(id);
    }
  }

  private wait(id: number): void {
    this.due.set(id, this.overAt(id));
  }

  private overAt(id: number): number {
    return Math.min(this.left.oldest(id) + this.keepLeftMs, this.right.oldest(id) + this.keepRightMs);
  }

  dueOf(id: number): KeyTimes {
    return { eventTime: this.overAt(id), processingTime: Infinity };
  }

  loaded(ids: readonly number[]): void {
    for (const id of ids) this.wait(id);
  }

  evict(ids: readonly number[]): void {
    for (const id of ids) {
      this.left.evict(id);
      this.right.evict(id);
      this.due.set(id, Infinity);
    }
  }

  snapshot(writer: StateWriter): void {
    this.left.snapshot(writer);
    this.right.snapshot(writer);
  }

  dump(writer: StateWriter): void {
    this.left.dump(writer);
    this.right.dump(writer);
  }

  restore(key: unknown, name: string, sub: unknown, value: unknown): void {
    this.side(name).restore(this.keys.idOf(key), sub as number, value as unknown[]);
  }

  restoreRemoved(key: unknown, name: string, sub: unknown): void {
    this.side(name).restoreRemoved(this.keys.idOf(key), sub as number);
  }

  private side(name: string): IntervalBuffer {
    if (name === 'left') return this.left;
    if (name === 'right') return this.right;
    throw new ConfigError(
      `operator "${this.ctx.name}" has state "${name}" in the checkpoint, and is now an interval join. Give the new operator another uid, or restore with the old one.`,
    );
  }

  restored(watermark: number): void {
    this.watermarks.fill(watermark);
    for (const buffer of [this.left, this.right]) for (const id of buffer.liveIds()) this.wait(id);
  }

  beginEpoch(): void {
    // Event time only.
  }
  advanceProcessingTime(): void {
    // Event time only.
  }
  nextEventTimer(keyGroup: number): number {
    return this.due.next(keyGroup);
  }
  nextProcessingTimer(): number {
    return Infinity;
  }

  isLive(id: number): boolean {
    return this.left.isLive(id) || this.right.isLive(id);
  }

  async close(): Promise<void> {
    await this.logic.close?.();
  }

  // What user code sees.

  getLeftTimestamp(): number {
    return this.leftTs;
  }
  getRightTimestamp(): number {
    return this.rightTs;
  }
  getTimestamp(): number {
    return Math.max(this.leftTs, this.rightTs);
  }
  collect(value: unknown): void {
    this.ctx.output.emit(value, this.getTimestamp(), this.watermarks[this.group - this.first]!, this.group);
  }
  output<X>(tag: OutputTag<X>, value: X): void {
    this.ctx.side(tag.id)?.emit(value, this.getTimestamp(), this.watermarks[this.group - this.first]!, this.group);
  }
}
