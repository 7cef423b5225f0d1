/** Reads one partition of a log. Offsets may have gaps (compaction): a row's position is its offset, and the next batch starts after the last record. */
import { ValuesBatch } from '../../formats/values-batch.ts';
import type { BadRecord } from '../../model/bad-record.ts';
import { ConfigError, messageOf } from '../../model/errors.ts';
import type { Log, LogRecord } from '../../ports/log.ts';
import type { FillResult, SplitReader } from '../../ports/source.ts';

/** What a deserializer sees: a log record with its place. */
export interface SourceRecord extends LogRecord {
  readonly topic: string;
  readonly partition: number;
}

export interface RecordDeserializer<T> {
  /** True: records without a value are passed over. */
  readonly skipsNull: boolean;
  deserialize(record: SourceRecord): T;
}

/** About this much is fetched at once. */
const FETCH_BYTES = 1024 * 1024;
const RAW_BYTES = 8192;

export class LogSplitReader<T> implements SplitReader {
  readonly #log: Log;
  readonly #topic: string;
  readonly #partition: number;
  readonly #end: number | null;
  readonly #deserializer: RecordDeserializer<T>;
  #position: number;
  /** Fetched records; those from `#at` on were not handed out yet. */
  #records: readonly LogRecord[] = [];
  #at = 0;
  #latest: number | null = null;

  constructor(
    log: Log,
    topic: string,
    partition: number,
    position: number,
    end: number | null,
    deserializer: RecordDeserializer<T>,
  ) {
    this.#log = log;
    this.#topic = topic;
    this.#partition = partition;
    this.#position = position;
    this.#end = end;
    this.#deserializer = deserializer;
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    const limit = Math.min(to ?? Infinity, this.#end ?? Infinity);
    if (this.#position >= limit) return 'end';
    return this.#at < this.#records.length ? this.#take(maxRows, limit) : this.#fetch(maxRows, limit);
  }

  release(): void {}

  /** The partition's end when it was last looked at. */
  endPosition(): number | null {
    return this.#end ?? this.#latest;
  }

  async close(): Promise<void> {
    this.#records = [];
  }

  async #fetch(maxRows: number, limit: number): Promise<FillResult> {
    const to = Math.min(limit, Number.MAX_SAFE_INTEGER);
    this.#records = await this.#log.fetch(this.#topic, this.#partition, this.#position, to, FETCH_BYTES);
    this.#at = 0;
    const { latest } = await this.#log.offsets(this.#topic, this.#partition);
    this.#latest = latest;
    if (this.#records.length > 0) return this.#take(maxRows, limit);
    // Nothing below the limit: if the log has passed it, nothing will come (the rest was compacted away).
    return latest >= limit ? 'end' : 'empty';
  }

  #take(maxRows: number, limit: number): FillResult {
    const values: T[] = [];
    const rows: LogRecord[] = [];
    const bad: BadRecord[] = [];
    while (this.#at < this.#records.length && rows.length + bad.length < maxRows) {
      const record = this.#records[this.#at]!;
      if (record.offset >= limit) break;
      this.#at++;
      this.#position = record.offset + 1;
      if (record.value === null && this.#deserializer.skipsNull) continue;
      try {
        values.push(this.#deserializer.deserialize({ ...record, topic: this.#topic, partition: this.#partition }));
        rows.push(record);
      } catch (e) {
        if (e instanceof ConfigError) throw e;
        bad.push({ position: record.offset, raw: rawValue(record), error: messageOf(e) });
      }
    }
    if (rows.length === 0 && bad.length === 0) {
      if (this.#at < this.#records.length) return 'end'; // the next record is beyond the limit
      // Tombstones only: an empty batch moves the position on.
    }
    return new ValuesBatch({
      values,
      positions: Float64Array.from(rows, (r) => r.offset),
      timestamps: Float64Array.from(rows, (r) => r.timestamp),
      endPosition: this.#position,
      bad,
      raw: (i) => rawValue(rows[i]!),
    });
  }
}

function rawValue(record: LogRecord): string {
  return record.value === null
    ? ''
    : Buffer.from(record.value.buffer, record.value.byteOffset, Math.min(record.value.length, RAW_BYTES)).toString();
}
