/**
 * Staged rows. One chunk an epoch and slot, little-endian:
 *
 *     u32 length, header as JSON | (u8 change | (u32 0: null, else 1 + length, with the top bit set for bytes | content)* columns)* rows
 *
 * The header says what the rows are for: whoever publishes them may be a later version of the job, with other columns.
 */
import { InvariantError } from '../../../model/errors.ts';
import type { StagedOutput } from '../../../ports/sink.ts';
import type { WireValue } from '../wire-value.ts';

export type StagedHeader =
  | {
      readonly format: 1;
      readonly kind: 'table';
      readonly table: string;
      readonly columns: readonly string[];
      readonly key: readonly string[];
      readonly mode: 'insert' | 'upsert';
    }
  | { readonly format: 1; readonly kind: 'query'; readonly sql: string; readonly parameters: number };

/** `write` inserts or updates; a deleted row has the values of its key. */
export type Change = 'write' | 'delete';

export interface StagedRow {
  readonly change: Change;
  readonly values: readonly WireValue[];
}

const IS_BYTES = 0x8000_0000;
const FIRST_BYTES = 64 * 1024;
/** UTF-8 takes at most so many bytes for each of JavaScript's characters. */
const UTF8 = 3;

export class StagedRows {
  records = 0;
  readonly #header: Buffer;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #rowAt = 0;

  constructor(header: StagedHeader) {
    this.#header = Buffer.from(JSON.stringify(header));
  }

  get bytes(): number {
    return this.#at;
  }

  beginRow(change: Change): void {
    if (this.#at === 0) this.#begin();
    this.#rowAt = this.#at;
    this.#room(1);
    this.#buffer[this.#at++] = change === 'delete' ? 1 : 0;
  }

  endRow(): void {
    this.records++;
    this.#rowAt = this.#at;
  }

  /** The row is not to be; it may not have begun. */
  cancelRow(): void {
    this.#at = this.#rowAt;
  }

  add(value: WireValue): void {
    if (value === null) {
      this.#room(4);
      this.#at = this.#buffer.writeUInt32LE(0, this.#at);
    } else if (typeof value === 'string') {
      this.#room(4 + value.length * UTF8);
      const length = this.#buffer.write(value, this.#at + 4);
      this.#at = this.#buffer.writeUInt32LE(length + 1, this.#at) + length;
    } else {
      this.#room(4 + value.length);
      this.#at = this.#buffer.writeUInt32LE(value.length + 1 + IS_BYTES, this.#at);
      this.#buffer.set(value, this.#at);
      this.#at += value.length;
    }
  }

  take(): StagedOutput {
    const { records } = this;
    const chunks = records === 0 ? [] : [new Uint8Array(this.#buffer.subarray(0, this.#at))];
    this.clear();
    return { chunks, records };
  }

  clear(): void {
    this.#at = this.#rowAt = this.records = 0;
  }

  #begin(): void {
    this.#room(4 + this.#header.length);
    this.#at = this.#buffer.writeUInt32LE(this.#header.length, 0);
    this.#at += this.#header.copy(this.#buffer, this.#at);
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2, FIRST_BYTES));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

export interface StagedBatch {
  readonly header: StagedHeader;
  readonly rows: readonly StagedRow[];
}

export function readStagedRows(chunk: Uint8Array): StagedBatch {
  const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  const headerEnd = 4 + buffer.readUInt32LE(0);
  const header = JSON.parse(buffer.toString('utf8', 4, headerEnd)) as StagedHeader;
  if (header.format !== 1)
    throw new InvariantError(
      `staged rows for a database have format ${String(header.format)}, and this version of Millrace reads 1. Run the version that staged them.`,
    );
  const columns = header.kind === 'table' ? header.columns.length : header.parameters;
  const rows: StagedRow[] = [];
  let at = headerEnd;
  while (at < buffer.length) {
    const change = buffer[at++] === 1 ? 'delete' : 'write';
    const values: WireValue[] = [];
    for (let c = 0; c < columns; c++) {
      const tag = buffer.readUInt32LE(at);
      at += 4;
      if (tag === 0) {
        values.push(null);
        continue;
      }
      const isBytes = tag >= IS_BYTES;
      const end = at + (isBytes ? tag - IS_BYTES : tag) - 1;
      if (end > buffer.length) throw new InvariantError('staged rows for a database end inside a row');
      values.push(isBytes ? new Uint8Array(buffer.subarray(at, end)) : buffer.toString('utf8', at, end));
      at = end;
    }
    rows.push({ change, values });
  }
  return { header, rows };
}
