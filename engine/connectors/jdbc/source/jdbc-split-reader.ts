/** Reads one split of a database source in pages. */
import type { BadRecord } from '../../../model/bad-record.ts';
import { ConfigError, messageOf } from '../../../model/errors.ts';
import { ValuesBatch } from '../../../formats/values-batch.ts';
import type { FillResult, SplitReader } from '../../../ports/source.ts';
import { bytesAsHex } from '../encode-value.ts';
import type { RawValue, SqlResult } from '../session.ts';
import type { WireValue } from '../wire-value.ts';
import type { Decode } from './result-reader.ts';

export type DatabaseRow = Readonly<Record<string, unknown>>;

/** What a reader needs of its source. */
export interface SplitPages<T> {
  readonly fetchSize: number;
  readonly keyPositions: (result: SqlResult) => readonly number[];
  readonly decoders: (result: SqlResult) => readonly Decode[];
  readonly extract: (row: DatabaseRow) => T;
  /** Rows in order: after the key, or from the position where no row was read yet. One more than a page. */
  fetch(after: readonly WireValue[] | null, position: number, to: number | null): Promise<SqlResult>;
  /** Is there a row of key `next` that the database takes for one of key `after`, though their texts differ? */
  isTie(after: readonly WireValue[], next: readonly WireValue[]): Promise<boolean>;
  /** Position of a row by its key; null: by its number. */
  readonly positionOf: ((key: readonly WireValue[]) => number) | null;
  readonly endPosition: number | null;
  readonly where: string;
}

const RAW_CHARACTERS = 8192;

interface Fetched {
  readonly rows: SqlResult['rows'];
  readonly names: readonly string[];
  readonly decoders: readonly Decode[];
  /** Of each row. */
  readonly positions: readonly number[];
}

export class JdbcSplitReader<T> implements SplitReader {
  readonly #pages: SplitPages<T>;
  #position: number;
  #page: Fetched | null = null;
  #at = 0;
  #after: readonly WireValue[] | null = null;
  /** The key that came behind `#after`; null: none. */
  #next: readonly WireValue[] | null = null;
  #isLast = false;

  constructor(pages: SplitPages<T>, position: number) {
    this.#pages = pages;
    this.#position = position;
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    if (to !== null && this.#position >= to) return 'end';
    if (this.#page !== null && this.#at < this.#page.rows.length) return this.#take(this.#page, maxRows, to);
    if (this.#isLast) return 'end';
    return this.#fetch(maxRows, to);
  }

  release(): void {}

  endPosition(): number | null {
    return this.#pages.endPosition;
  }

  async close(): Promise<void> {
    this.#page = null;
    this.#isLast = true;
  }

  async #fetch(maxRows: number, to: number | null): Promise<FillResult> {
    const { fetchSize } = this.#pages;
    const result = await this.#pages.fetch(this.#after, this.#position, to);
    const keyAt = this.#pages.keyPositions(result);
    const keys = result.rows.map((row) => keyAt.map((at) => this.#keyValue(row[at]!, result.columns[at]!.name)));
    this.#checkUnique(keys, result, keyAt);
    await this.#checkEdge(keys[0] ?? null, result, keyAt);
    // One more than a page was asked for, so that two rows of one key show even at the end of a page.
    const rows = result.rows.slice(0, fetchSize);
    // A bound may be lifted later on; the split has ended only where there was none.
    this.#isLast = result.rows.length <= fetchSize && to === null;
    if (rows.length === 0) return 'end';
    const { positionOf } = this.#pages;
    const positions = keys.slice(0, rows.length).map((key, i) => positionOf?.(key) ?? this.#position + i);
    this.#after = keys[rows.length - 1]!;
    this.#next = keys[rows.length] ?? null;
    this.#at = 0;
    this.#page = {
      rows,
      names: result.columns.map(({ name }) => name),
      decoders: this.#pages.decoders(result),
      positions,
    };
    return this.#take(this.#page, maxRows, to);
  }

  #take(page: Fetched, maxRows: number, to: number | null): FillResult {
    const values: T[] = [];
    const taken: number[] = [];
    const bad: BadRecord[] = [];
    const end = Math.min(page.rows.length, this.#at + maxRows);
    for (; this.#at < end; this.#at++) {
      const position = page.positions[this.#at]!;
      if (to !== null && position >= to) break;
      this.#position = position + 1;
      try {
        values.push(this.#pages.extract(decoded(page, this.#at)));
        taken.push(this.#at);
      } catch (thrown) {
        if (thrown instanceof ConfigError) throw thrown;
        bad.push({ position, raw: rawText(page, this.#at), error: messageOf(thrown) });
      }
    }
    if (taken.length === 0 && bad.length === 0) return 'end';
    return new ValuesBatch({
      values,
      positions: Float64Array.from(taken, (at) => page.positions[at]!),
      timestamps: null,
      endPosition: this.#position,
      bad,
      raw: (i) => rawText(page, taken[i]!),
    });
  }

  #keyValue(raw: RawValue, name: string): WireValue {
    if (raw === null)
      throw new ConfigError(
        `${this.#pages.where}: the key field ${name} is null in a row. Key fields tell rows apart and order them.`,
      );
    return raw instanceof Uint8Array ? raw : String(raw);
  }

  #checkUnique(keys: readonly (readonly WireValue[])[], result: SqlResult, keyAt: readonly number[]): void {
    for (let i = 1; i < keys.length; i++) {
      if (!isSame(keys[i]!, keys[i - 1]!)) continue;
      throw new ConfigError(
        `${this.#pages.where}: two rows have ${keyText(keys[i]!, result, keyAt)}. Key fields must tell rows apart, or rows would be lost between pages: add a column to setKeyFields().`,
      );
    }
  }

  /** Texts that differ may be equal to the database (a collation without regard to case): the row behind the page would be passed over. */
  async #checkEdge(first: readonly WireValue[] | null, result: SqlResult, keyAt: readonly number[]): Promise<void> {
    const [after, next] = [this.#after, this.#next];
    if (after === null || next === null || (first !== null && isSame(first, next))) return;
    if (this.#pages.positionOf !== null || !(await this.#pages.isTie(after, next))) return;
    throw new ConfigError(
      `${this.#pages.where}: rows with ${keyText(after, result, keyAt)} and with ${keyText(next, result, keyAt)} have equal keys by the column's collation. Key fields must tell rows apart, or rows would be lost between pages: add a column to setKeyFields().`,
    );
  }
}

const isSame = (a: readonly WireValue[], b: readonly WireValue[]): boolean =>
  a.every((part, p) => textOf(part) === textOf(b[p]!));

const keyText = (key: readonly WireValue[], { columns }: SqlResult, keyAt: readonly number[]): string =>
  keyAt.map((at, p) => `${columns[at]!.name} = ${textOf(key[p]!)}`).join(', ');

const textOf = (value: WireValue): string | null => (value instanceof Uint8Array ? bytesAsHex(value) : value);

function decoded(page: Fetched, at: number): DatabaseRow {
  const row: Record<string, unknown> = {};
  const values = page.rows[at]!;
  for (const [c, name] of page.names.entries()) {
    const raw = values[c];
    try {
      row[name] = raw === null ? null : page.decoders[c]!(raw);
    } catch (thrown) {
      throw new Error(`column ${name}: ${messageOf(thrown)}`, { cause: thrown });
    }
  }
  return row;
}

function rawText(page: Fetched, at: number): string {
  const row = page.rows[at]!.map((value) => (value instanceof Uint8Array ? bytesAsHex(value) : value));
  return JSON.stringify(Object.fromEntries(page.names.map((name, c) => [name, row[c]]))).slice(0, RAW_CHARACTERS);
}
