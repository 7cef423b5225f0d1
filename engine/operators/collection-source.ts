/** fromData: the given elements, one split, position = index. For tests and examples. */
import { ownCopy } from '../model/own-copy.ts';
import type { SourceBatch } from '../model/source-batch.ts';
import type { FillResult, Source, SplitReader, SplitSpec } from '../ports/source.ts';

export class CollectionSource<T> implements Source<T> {
  declare readonly __type?: T;
  readonly description: string;
  readonly bounded = true;
  private readonly elements: readonly T[];
  constructor(elements: readonly T[]) {
    this.elements = elements;
    this.description = `${elements.length} elements`;
  }
  async validate(): Promise<void> {
    // Nothing to check.
  }
  async discover(): Promise<readonly SplitSpec[]> {
    return [{ id: 'elements', startPosition: 0 }];
  }
  async open(_split: SplitSpec, position: number): Promise<SplitReader> {
    return new CollectionReader(this.elements, position);
  }
}

class CollectionReader implements SplitReader {
  private readonly elements: readonly unknown[];
  private position: number;
  constructor(elements: readonly unknown[], position: number) {
    this.elements = elements;
    this.position = position;
  }
  fill(maxRows: number, to: number | null): FillResult {
    const start = this.position;
    const end = Math.min(start + maxRows, to ?? Infinity, this.elements.length);
    if (end <= start) return 'end';
    this.position = end;
    // Copies: a function that changes what it is given would find it changed when the epoch runs again.
    return valuesBatch(this.elements.slice(start, end).map(ownCopy), start);
  }
  release(): void {
    // Batches are not pooled.
  }
  endPosition(): number {
    return this.elements.length;
  }
  async close(): Promise<void> {
    // Nothing open.
  }
}

/** A batch of values whose positions count up by one from `start`. */
export function valuesBatch(values: unknown[], start: number): SourceBatch {
  return {
    n: values.length,
    values,
    row: null,
    cols: null,
    timestamps: null,
    positionOf: (i) => start + i,
    rawOf: (i) => textOf(values[i]),
    endPosition: start + values.length,
    bad: [],
  };
}

/** A value as text for a dead letter or a message. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
