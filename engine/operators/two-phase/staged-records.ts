/** Rows with their timestamps as staged bytes: a chunk a batch, `[values, timestamps]`, with a byte in front that names the codec. */
import { NO_TIMESTAMP } from '../../model/watermark.ts';
import type { SinkWriter, StagedOutput } from '../../ports/sink.ts';
import { clone, pack, survivesPacking, unclone, unpack } from '../../state/serializer.ts';
import { checkStorable, isPlainlyStorable } from '../../state/storable.ts';
import type { SinkRecord } from './transaction.ts';

const PACKED = 0;
const CLONED = 1;

export class RecordWriter implements SinkWriter<unknown> {
  failedRow = -1;
  bytes = 0;
  private chunks: Uint8Array[] = [];
  private records = 0;

  write(values: readonly unknown[], timestamps: Float64Array, n: number): void {
    let packs = true;
    for (let i = 0; i < n; i++) {
      this.failedRow = i;
      if (!isPlainlyStorable(values[i])) checkStorable(values[i], 'a row of a sink that commits in two phases');
      packs &&= survivesPacking(values[i]);
    }
    this.failedRow = -1;
    const batch = [values.slice(0, n), Array.from(timestamps.subarray(0, n))];
    const bytes = packs ? pack(batch) : clone(batch);
    const chunk = new Uint8Array(1 + bytes.length);
    chunk[0] = packs ? PACKED : CLONED;
    chunk.set(bytes, 1);
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    this.records += n;
  }

  take(): StagedOutput {
    // One chunk: what is staged as several is read back as one.
    const staged = { chunks: this.chunks.length === 0 ? [] : [framed(this.chunks)], records: this.records };
    this.discard();
    return staged;
  }

  discard(): void {
    this.chunks = [];
    this.bytes = 0;
    this.records = 0;
  }
}

/** The staged rows, in order. */
export function readStagedRecords<T>(chunks: readonly Uint8Array[]): SinkRecord<T>[] {
  const records: SinkRecord<T>[] = [];
  for (const chunk of chunks) {
    for (const part of unframed(chunk)) {
      const bytes = part.subarray(1);
      const [values, timestamps] = (part[0] === PACKED ? unpack(bytes) : unclone(bytes)) as [T[], number[]];
      for (const [i, value] of values.entries())
        records.push({ value, timestamp: timestamps[i] === NO_TIMESTAMP ? null : timestamps[i]! });
    }
  }
  return records;
}

const LENGTH_BYTES = 4;

function framed(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + LENGTH_BYTES + part.length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    out.set(part, at + LENGTH_BYTES);
    at += LENGTH_BYTES + part.length;
  }
  return out;
}

function* unframed(chunk: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  for (let at = 0; at < chunk.length;) {
    const length = view.getUint32(at);
    yield chunk.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length);
    at += LENGTH_BYTES + length;
  }
}
