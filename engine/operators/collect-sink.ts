/** Hands committed rows to a callback in this process: executeAndCollect and tests. Shown once per publication. */
import type { Sink, SinkPublisher, SinkWriter, StagedOutput } from '../ports/sink.ts';
import { pack, unpack } from '../state/serializer.ts';

export class CollectSink<T> implements Sink<T> {
  readonly description = 'collect';
  readonly guarantee = 'AT_LEAST_ONCE';
  private readonly receive: (row: T) => unknown;
  constructor(receive: (row: T) => unknown) {
    this.receive = receive;
  }
  async validate(): Promise<void> {
    // Nothing to check.
  }
  writer(): SinkWriter<T> {
    return new PackingWriter();
  }
  async publisher(): Promise<SinkPublisher> {
    return new ReceivingPublisher((row) => this.receive(row as T));
  }
}

/** Rows staged as one msgpack array. */
export class PackingWriter implements SinkWriter<unknown> {
  failedRow = -1;
  bytes = 0;
  private rows: unknown[] = [];
  write(values: readonly unknown[], _timestamps: Float64Array, n: number): void {
    for (let i = 0; i < n; i++) this.rows.push(values[i]);
    this.bytes += n * 64;
  }
  take(): StagedOutput {
    const rows = this.rows;
    this.discard();
    return rows.length === 0
      ? { chunks: [], records: 0 }
      : { chunks: [Uint8Array.prototype.slice.call(pack(rows))], records: rows.length };
  }
  discard(): void {
    this.rows = [];
    this.bytes = 0;
  }
}

/** Shows each (run, epoch, slot) once in the life of the process. */
export class ReceivingPublisher implements SinkPublisher {
  private readonly receive: (row: unknown) => unknown;
  private readonly shown = new Map<number, string>();
  constructor(receive: (row: unknown) => unknown) {
    this.receive = receive;
  }
  async publish(p: {
    run: string;
    epoch: number;
    slot: number;
    chunks: readonly Uint8Array[];
  }): Promise<'published' | 'already'> {
    const id = `${p.run}/${p.epoch}`;
    if (this.shown.get(p.slot) === id) return 'already';
    this.shown.set(p.slot, id);
    for (const chunk of p.chunks) for (const row of unpack(chunk) as unknown[]) this.receive(row);
    return 'published';
  }
  async stamp(): Promise<void> {
    // Nothing is kept between runs.
  }
  async close(): Promise<void> {
    // Nothing open.
  }
}
