/**
 * An exactly-once sink in memory: the rows of each slot and, changed in the same step, its marker (ARCHITECTURE section 6).
 * It outlives the executions of a job, so it shows what a crash between any two steps of the protocol does to the output.
 * Users know it as `TestSink`.
 */
import { compareMarkers } from '../checkpoint/run-ids.ts';
import { FencedError } from '../model/errors.ts';
import { DEFAULT_SINK_SLOTS } from '../model/limits.ts';
import type { Publication, Sink, SinkPublisher, SinkWriter, StagedOutput } from '../ports/sink.ts';
import { pack, unpack } from '../state/serializer.ts';

export interface CommittedRow<T = unknown> {
  readonly epoch: number;
  readonly slot: number;
  /** Epoch milliseconds; MIN_WATERMARK: the row has none. */
  readonly timestamp: number;
  readonly value: T;
}

type Marker = { readonly run: string; readonly epoch: number };

export class CommittedRows<T> implements Sink<T>, SinkPublisher {
  readonly description = 'committed rows';
  readonly guarantee = 'EXACTLY_ONCE';
  /** In the order of publication. */
  readonly rows: CommittedRow<T>[] = [];
  readonly #markers = new Map<number, Marker>();

  get values(): T[] {
    return this.rows.map((row) => row.value);
  }

  async validate(): Promise<void> {
    // Nothing to check.
  }
  writer(): SinkWriter<T> {
    return new RowWriter();
  }
  async publisher(): Promise<SinkPublisher> {
    return this;
  }

  async publish({ run, epoch, slot, chunks }: Publication): Promise<'published' | 'already'> {
    if (slot < 0 || slot >= DEFAULT_SINK_SLOTS) throw new FencedError(`slot ${slot} is none of this sink's`);
    const stored = this.#markers.get(slot);
    if (stored?.run !== run) throw new FencedError(`slot ${slot} was not stamped for run ${run}`);
    if (stored.epoch >= epoch) return 'already';
    for (const chunk of chunks)
      for (const [value, timestamp] of unpack(chunk) as [T, number][])
        this.rows.push({ epoch, slot, timestamp, value });
    this.#markers.set(slot, { run, epoch });
    return 'published';
  }

  async stamp(run: string, epoch: number, slot: number): Promise<void> {
    const stored = this.#markers.get(slot);
    if (stored !== undefined && stored.run > run) throw new FencedError(`slot ${slot} was stamped by a later run`);
    if (stored === undefined || compareMarkers(stored, { run, epoch }) < 0) this.#markers.set(slot, { run, epoch });
  }

  async close(): Promise<void> {
    // The rows stay.
  }
}

class RowWriter implements SinkWriter<unknown> {
  readonly failedRow = -1;
  #rows: [unknown, number][] = [];
  get bytes(): number {
    return this.#rows.length * 64;
  }
  write(values: readonly unknown[], timestamps: Float64Array, n: number): void {
    for (let i = 0; i < n; i++) this.#rows.push([values[i], timestamps[i]!]);
  }
  take(): StagedOutput {
    const rows = this.#rows;
    this.#rows = [];
    return rows.length === 0
      ? { chunks: [], records: 0 }
      : { chunks: [Uint8Array.from(pack(rows))], records: rows.length };
  }
  discard(): void {
    this.#rows = [];
  }
}
