/**
 * Log in memory: for unit tests and the simulator. Same rules as the disk's (markers, retention by whole segments); bytes are
 * copied in. Segments hold `segmentRecords` records.
 */
import { ConfigError, FencedError, RetryableError } from '../model/errors.ts';
import type { AppendMarker, Log, LogRecord, NewLogRecord, TopicInfo } from '../ports/log.ts';
import { checkTopic } from '../embedded/topic-folders.ts';

interface Segment {
  readonly base: number;
  readonly records: LogRecord[];
  bytes: number;
}
type Partition = Segment[];
type Batch = { readonly topic: string; readonly partition: number; readonly records: readonly NewLogRecord[] };

export class MemoryLog implements Log {
  readonly #segmentRecords: number;
  readonly #topics = new Map<string, Partition[]>();
  readonly #markers = new Map<string, AppendMarker>();

  constructor(segmentRecords = 1000) {
    this.#segmentRecords = segmentRecords;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    return [...this.#topics.keys()].sort().map((name) => ({ name, partitions: this.#topics.get(name)!.length }));
  }

  async createTopic(name: string, partitions: number): Promise<'created' | 'exists'> {
    checkTopic(name, partitions);
    if (this.#topics.has(name)) return 'exists';
    this.#topics.set(
      name,
      Array.from({ length: partitions }, () => [{ base: 0, records: [], bytes: 0 }]),
    );
    return 'created';
  }

  async deleteTopic(name: string): Promise<void> {
    this.#topics.delete(name);
  }

  async offsets(topic: string, partition: number): Promise<{ readonly earliest: number; readonly latest: number }> {
    return rangeOf(this.#partition(topic, partition));
  }

  async offsetForTime(topic: string, partition: number, timestampMs: number): Promise<number> {
    const segments = this.#partition(topic, partition);
    for (const { records } of segments)
      for (const record of records) if (record.timestamp >= timestampMs) return record.offset;
    return rangeOf(segments).latest;
  }

  async fetch(
    topic: string,
    partition: number,
    from: number,
    to: number,
    maxBytes: number,
  ): Promise<readonly LogRecord[]> {
    const segments = this.#partition(topic, partition);
    const { earliest, latest } = rangeOf(segments);
    if (from < earliest || from > latest)
      throw new RetryableError(
        `offset ${from} of topic "${topic}" partition ${partition} is outside of what is retained: [${earliest}, ${latest}).`,
        { topic, partition, from, earliest, latest },
      );
    const out: LogRecord[] = [];
    let bytes = 0;
    for (const { base, records } of segments) {
      for (let i = Math.max(0, from - base); i < records.length; i++) {
        const record = records[i]!;
        bytes += bytesOf(record);
        if (record.offset >= to || (out.length > 0 && bytes > maxBytes)) return out;
        out.push(record);
      }
    }
    return out;
  }

  async append(batches: readonly Batch[], marker?: AppendMarker): Promise<void> {
    if (marker !== undefined) {
      const stored = this.#markers.get(marker.producer);
      if (stored !== undefined && (stored.run !== marker.run || stored.epoch >= marker.epoch))
        throw new FencedError(`${marker.producer} is at run ${stored.run}, epoch ${stored.epoch}.`, { marker, stored });
    }
    const targets = batches.map(({ topic, partition }) => this.#partition(topic, partition));
    batches.forEach(({ records }, i) => {
      for (const record of records) this.#add(targets[i]!, record);
    });
    if (marker !== undefined) this.#markers.set(marker.producer, { ...marker });
  }

  async lastMarker(producer: string): Promise<AppendMarker | null> {
    return this.#markers.get(producer) ?? null;
  }

  async stamp(marker: AppendMarker): Promise<void> {
    const stored = this.#markers.get(marker.producer);
    if (stored !== undefined && stored.run > marker.run)
      throw new FencedError(`${marker.producer} belongs to the newer run ${stored.run}.`, { marker, stored });
    if (stored === undefined || stored.run !== marker.run || stored.epoch < marker.epoch)
      this.#markers.set(marker.producer, { ...marker });
  }

  async retain(
    topic: string,
    limits: { readonly retainMs?: number; readonly retainBytes?: number },
    nowMs: number,
  ): Promise<void> {
    const { retainMs, retainBytes } = limits;
    for (const segments of this.#topics.get(topic) ?? [this.#partition(topic, 0)]) {
      let total = segments.reduce((sum, segment) => sum + segment.bytes, 0);
      for (let first = segments[0]!; first.records.length > 0; first = segments[0]!) {
        const old = retainMs !== undefined && first.records.every((record) => record.timestamp < nowMs - retainMs);
        const beyond = retainBytes !== undefined && segments.length > 1 && total - first.bytes >= retainBytes;
        if (!old && !beyond) break;
        if (segments.length === 1) segments.push({ base: rangeOf(segments).latest, records: [], bytes: 0 });
        segments.shift();
        total -= first.bytes;
      }
    }
  }

  async close(): Promise<void> {}

  #add(segments: Partition, { timestamp, key, value, headers }: NewLogRecord): void {
    let last = segments[segments.length - 1]!;
    const offset = last.base + last.records.length;
    if (last.records.length >= this.#segmentRecords) segments.push((last = { base: offset, records: [], bytes: 0 }));
    const record: LogRecord = {
      offset,
      timestamp,
      key: key === null ? null : Uint8Array.from(key),
      value: value === null ? null : Uint8Array.from(value),
      headers: (headers ?? []).map(([name, content]) => [name, Uint8Array.from(content)] as const),
    };
    last.records.push(record);
    last.bytes += bytesOf(record);
  }

  #partition(topic: string, partition: number): Partition {
    const found = this.#topics.get(topic)?.[partition];
    if (found === undefined)
      throw new ConfigError(`there is no topic "${topic}" with a partition ${partition}.`, { topic, partition });
    return found;
  }
}

function rangeOf(segments: Partition): { readonly earliest: number; readonly latest: number } {
  const last = segments[segments.length - 1]!;
  return { earliest: segments[0]!.base, latest: last.base + last.records.length };
}

/** Like the disk's: 20 bytes a record. */
function bytesOf({ key, value, headers }: LogRecord): number {
  let bytes = 20 + (key?.length ?? 0) + (value?.length ?? 0);
  for (const [name, content] of headers) bytes += 8 + name.length + content.length;
  return bytes;
}
