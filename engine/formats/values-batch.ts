/** A SourceBatch of values that are not lines: generated rows, log records. */
import type { BadRecord } from '../model/bad-record.ts';
import type { SourceBatch } from '../model/source-batch.ts';

export class ValuesBatch implements SourceBatch {
  readonly n: number;
  readonly values: unknown[];
  readonly row = null;
  readonly cols = null;
  readonly timestamps: Float64Array | null;
  readonly endPosition: number;
  readonly bad: BadRecord[];
  readonly #positions: Float64Array;
  readonly #raw: (i: number) => string;

  constructor(rows: {
    readonly values: unknown[];
    readonly positions: Float64Array;
    readonly timestamps: Float64Array | null;
    readonly endPosition: number;
    readonly bad?: BadRecord[];
    readonly raw: (i: number) => string;
  }) {
    this.n = rows.values.length;
    this.values = rows.values;
    this.timestamps = rows.timestamps;
    this.endPosition = rows.endPosition;
    this.bad = rows.bad ?? [];
    this.#positions = rows.positions;
    this.#raw = rows.raw;
  }

  positionOf(i: number): number {
    return this.#positions[i]!;
  }
  rawOf(i: number): string {
    return this.#raw(i);
  }
}
