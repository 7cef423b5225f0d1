/**
 * A window operator without a runtime: rows one at a time, each an epoch of its own, over any number of instances; stopped, and restored from
 * what was written, whenever wanted.
 */
import { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from '../../operators/keyed-operator.ts';
import { OutputBuffer } from '../../operators/output-buffer.ts';
import { KeyIndex } from '../../state/key-index.ts';
import { readSegment, SegmentWriter } from '../../state/segment.ts';
import { MIN_WATERMARK } from '../../model/watermark.ts';

export const GROUPS = 8;

export interface OutRow {
  readonly value: unknown;
  readonly timestamp: number;
  readonly watermark: number;
  readonly group: number;
}

interface Instance {
  readonly operator: KeyedOperator;
  readonly keys: KeyIndex;
  readonly groups: readonly [number, number];
}

export class WindowDriver {
  readonly out = new Map<string, OutRow[]>();
  readonly counts = new Map<string, number>();
  /** What segments there are, oldest first. */
  private segments: Uint8Array[] = [];
  private instances: Instance[] = [];
  private readonly factory: KeyedOperatorFactory;
  private readonly subtasks: number;
  private watermark = MIN_WATERMARK;
  private clock = 0;

  constructor(factory: KeyedOperatorFactory, subtasks: number) {
    this.factory = factory;
    this.subtasks = subtasks;
  }

  async start(): Promise<this> {
    this.factory.validate?.('windows');
    this.instances = [];
    for (let s = 0; s < this.subtasks; s++) {
      const groups = [
        Math.floor((s * GROUPS) / this.subtasks),
        Math.floor(((s + 1) * GROUPS) / this.subtasks),
      ] as const;
      const keys = new KeyIndex(GROUPS);
      const operator = this.factory.create();
      await operator.open(this.context(keys, groups));
      for (const bytes of this.segments) readSegment(bytes, groups[0], groups[1], 'segment', operator, GROUPS);
      operator.restored(this.watermark);
      operator.beginEpoch(this.clock);
      this.instances.push({ operator, keys, groups });
    }
    return this;
  }

  private context(keys: KeyIndex, keyGroups: readonly [number, number]): KeyedOperatorContext {
    const output = (name: string): OutputBuffer => {
      const buffer: OutputBuffer = new OutputBuffer(() => undefined);
      buffer.emit = (value, timestamp, watermark, group): void => {
        const rows = this.out.get(name) ?? [];
        this.out.set(name, rows);
        rows.push({ value, timestamp, watermark, group });
      };
      return buffer;
    };
    return {
      uid: 'w',
      name: 'windows',
      keys,
      keyGroups,
      output: output('main'),
      side: output,
      count: (name: string, n: number) => this.counts.set(name, (this.counts.get(name) ?? 0) + n),
    } as Partial<KeyedOperatorContext> as KeyedOperatorContext;
  }

  setClock(ms: number): void {
    this.clock = ms;
    for (const { operator, groups } of this.instances) {
      operator.beginEpoch(ms);
      for (let g = groups[0]; g < groups[1]; g++) operator.advanceProcessingTime(g, ms);
    }
  }

  row(key: unknown, value: unknown, timestamp: number, watermark = this.watermark): void {
    for (const { operator, keys, groups } of this.instances) {
      const id = keys.idOf(key);
      const group = keys.keyGroups[id]!;
      if (group < groups[0] || group >= groups[1]) continue;
      const batch = new ExchangeBatch(1);
      batch.n = 1;
      batch.values[0] = value;
      batch.ts[0] = timestamp;
      batch.wm[0] = watermark;
      batch.keyIds[0] = id;
      operator.process(batch, 0, 1, Infinity);
    }
  }

  setWatermark(watermark: number): void {
    this.watermark = Math.max(watermark, this.watermark);
    for (const { operator, groups } of this.instances)
      for (let g = groups[0]; g < groups[1]; g++) operator.advance(g, this.watermark);
  }

  /** The end of an epoch. Keys without state are given back. Returns the number of entries written. */
  commit(): number {
    let entries = 0;
    for (const { operator, keys } of this.instances) {
      const writer = new SegmentWriter(GROUPS);
      operator.snapshot(writer);
      entries += writer.entries;
      const bytes = writer.finish();
      if (bytes !== null) this.segments.push(bytes);
      keys.sweep((id) => operator.isLive(id), true);
    }
    return entries;
  }

  /** After a commit: the log becomes one segment. */
  fold(): void {
    this.segments = [];
    for (const { operator } of this.instances) {
      const writer = new SegmentWriter(GROUPS);
      operator.dump(writer);
      const bytes = writer.finish();
      if (bytes !== null) this.segments.push(bytes);
    }
  }

  /** Entries of the whole state. */
  get stateEntries(): number {
    let entries = 0;
    for (const { operator } of this.instances) {
      const writer = new SegmentWriter(GROUPS);
      operator.dump(writer);
      entries += writer.entries;
    }
    return entries;
  }

  next(domain: 'event' | 'processing'): number {
    let next = Infinity;
    for (const { operator, groups } of this.instances) {
      for (let g = groups[0]; g < groups[1]; g++)
        next = Math.min(next, domain === 'event' ? operator.nextEventTimer(g) : operator.nextProcessingTimer(g));
    }
    return next;
  }

  get liveKeys(): number {
    return this.instances.reduce((sum, { keys }) => sum + keys.size, 0);
  }
}
