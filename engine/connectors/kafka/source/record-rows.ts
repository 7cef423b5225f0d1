/** Rows made one record at a time: of values in any format, or by the user's deserializer of whole records. */
import { rawText } from '../../../formats/line-batch.ts';
import type { ValueFormat } from '../../../formats/value-format.ts';
import { ValuesBatch } from '../../../formats/values-batch.ts';
import type { BadRecord } from '../../../model/bad-record.ts';
import { ConfigError, messageOf, RetryableError } from '../../../model/errors.ts';
import { keyOf, valueOf } from '../client/record-columns.ts';
import type { RecordColumns } from '../client/record-set.ts';
import { FetchedRecord } from './kafka-record.ts';
import type { Made, RecordDeserializer, RowMaker } from './row-maker.ts';

/** What is done with one record. */
interface OneRecord<T> {
  /** True: there is no row for it. */
  passes(columns: RecordColumns, row: number): boolean;
  prepare(columns: RecordColumns, row: number): Promise<void> | null;
  row(columns: RecordColumns, row: number): T;
}

export class RecordRows<T> implements RowMaker {
  readonly #one: OneRecord<T>;

  constructor(one: OneRecord<T>) {
    this.#one = one;
  }

  make(columns: RecordColumns, at: number, end: number, maxRows: number): Made | Promise<void> {
    const one = this.#one;
    const values: T[] = [];
    const rows: number[] = [];
    const bad: BadRecord[] = [];
    let tombstones = 0;
    let next = at;
    for (; next < end && values.length + bad.length < maxRows; next++) {
      if (one.passes(columns, next)) {
        tombstones++;
        continue;
      }
      const ready = one.prepare(columns, next);
      if (ready !== null) {
        if (next === at) return ready;
        // Asked for again at the next record to come: the failure is reported then.
        ready.catch(() => undefined);
        break;
      }
      try {
        const value = one.row(columns, next);
        if (value instanceof Promise) throw asynchronous(value);
        values.push(value);
        rows.push(next);
      } catch (thrown) {
        // Neither is the record's fault.
        if (thrown instanceof ConfigError || thrown instanceof RetryableError) throw thrown;
        bad.push({ position: columns.offsets[next]!, raw: rawOf(columns, next), error: messageOf(thrown) });
      }
    }
    return { batch: batchOf(columns, values, rows, bad), next, tombstones };
  }

  release(): void {}
}

/** Its own failure, if it comes to one, is not what is told. */
function asynchronous(promise: Promise<unknown>): ConfigError {
  promise.catch(() => undefined);
  return new ConfigError(
    'the deserializer of a Kafka source returned a promise, but nothing awaits it here: deserialize is synchronous. What a record has to wait for is loaded by open() or prepare(record) of the object that setDeserializer() takes.',
  );
}

/** Values only; records without one are passed over, as in Flink. */
export function valueRows<T>(format: ValueFormat<T>): RecordRows<T> {
  return new RecordRows<T>({
    passes: (columns, row) => columns.valueStart[row]! < 0,
    prepare: (columns, row) => format.prepare?.(valueOf(columns, row)!) ?? null,
    row: (columns, row) => format.decodeRecord(valueOf(columns, row)!),
  });
}

export function wholeRecordRows<T>(
  deserializer: RecordDeserializer<T>,
  topic: string,
  partition: number,
): RecordRows<T> {
  return new RecordRows<T>({
    passes: () => false,
    prepare: (columns, row) => deserializer.prepare?.(new FetchedRecord(topic, partition, columns, row)) ?? null,
    row: (columns, row) => deserializer.deserialize(new FetchedRecord(topic, partition, columns, row)),
  });
}

/** The value as text, else the key. */
function rawOf(columns: RecordColumns, row: number): string {
  return textOf(valueOf(columns, row) ?? keyOf(columns, row));
}

function textOf(bytes: Uint8Array | null): string {
  if (bytes === null) return '';
  return rawText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.byteLength);
}

/** Columns are written over by the next fetch: what the batch needs is copied, but for the bytes, which stay as long as they are referred to. */
function batchOf(columns: RecordColumns, values: unknown[], rows: readonly number[], bad: BadRecord[]): ValuesBatch {
  const bytes = rows.length === 0 ? null : rawViews(columns, rows);
  return new ValuesBatch({
    values,
    positions: Float64Array.from(rows, (row) => columns.offsets[row]!),
    timestamps: Float64Array.from(rows, (row) => columns.timestamps[row]!),
    endPosition: 0,
    bad,
    raw: (i) => bytes!(i),
  });
}

function rawViews(columns: RecordColumns, rows: readonly number[]): (i: number) => string {
  const chunks = [...columns.chunks];
  const first = rows[0]!;
  const last = rows.at(-1)! + 1;
  const chunk = columns.chunk.slice(first, last);
  const of = (starts: Int32Array, ends: Int32Array) => {
    const [from, to] = [starts.slice(first, last), ends.slice(first, last)];
    return (row: number): Uint8Array | null =>
      from[row]! < 0 ? null : chunks[chunk[row]!]!.subarray(from[row], to[row]);
  };
  const value = of(columns.valueStart, columns.valueEnd);
  const key = of(columns.keyStart, columns.keyEnd);
  return (i) => textOf(value(rows[i]! - first) ?? key(rows[i]! - first));
}
