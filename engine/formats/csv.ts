/**
 * CSV of a declared schema, one record a line (RFC 4180, but a quoted field holds no line break: splits and resumed readers begin at line
 * starts). Rows are plain objects.
 *
 * Columns come from the file's first line, from `columns`, or else are the schema's fields in order. Columns that the schema does not
 * declare are ignored. An empty unquoted field is missing: null if nullable, else a bad record, but '' for a string field
 * that is not nullable. Blank lines are skipped. Invalid UTF-8 reads as U+FFFD.
 */
import { ConfigError, messageOf } from '../model/errors.ts';
import { BATCH_ROWS } from '../model/limits.ts';
import { coerceField, recordOf } from './coerce.ts';
import type { LineDecoder, LineFormat } from './decoder.ts';
import { isBlank, LineBatchPool, type LineBatch } from './line-batch.ts';
import type { Fields, NamedField, RowOf, Schema } from './schema.ts';
import { lineText } from './text-lines.ts';

export interface CsvOptions {
  /** True: the first line of each file names the columns. Default: true, unless `columns` is given. */
  readonly header?: boolean;
  /** Names of the columns, for files without a header line. With `header: true` they replace the names in it. */
  readonly columns?: readonly string[];
  /** Default ','. */
  readonly delimiter?: string;
  /** Default '"'; null: quotes mean nothing. */
  readonly quote?: string | null;
  /** What makes the next character inside quotes ordinary. Default: the quote itself (`""`). */
  readonly escape?: string;
}

interface Dialect {
  readonly delimiter: string;
  readonly quote: string | null;
  readonly escape: string;
}

/** CSV lines of a declared schema. */
export function csvLines<F extends Fields>(schema: Schema<F>, options: CsvOptions = {}): LineFormat<RowOf<Schema<F>>> {
  return new CsvFormat(schema, options) as LineFormat<unknown> as LineFormat<RowOf<Schema<F>>>;
}

class CsvFormat implements LineFormat<unknown> {
  readonly name = 'csv';
  readonly hasHeader: boolean;
  readonly #fields: readonly NamedField[];
  readonly #columns: readonly string[] | null;
  readonly #dialect: Dialect;

  constructor(schema: Schema, options: CsvOptions) {
    const { delimiter = ',', quote = '"' } = options;
    const escape = options.escape ?? quote ?? '';
    for (const [what, value] of Object.entries({
      delimiter,
      quote: quote ?? '-',
      escape: quote === null ? '-' : escape,
    })) {
      if (value.length !== 1 || value === '\n' || value === '\r') {
        throw new ConfigError(
          `csvLines: ${what} must be one character and no line break, got ${JSON.stringify(value)}.`,
        );
      }
    }
    if (delimiter === quote)
      throw new ConfigError(`csvLines: delimiter and quote are both ${JSON.stringify(quote)}; choose two characters.`);
    this.hasHeader = options.header ?? options.columns === undefined;
    this.#fields = schema.fields;
    this.#columns = options.columns ?? (this.hasHeader ? null : schema.fields.map((f) => f.name));
    this.#dialect = { delimiter, quote, escape };
    if (this.#columns !== null) columnOfField(this.#fields, this.#columns);
  }

  lineDecoder(header: Buffer | null): LineDecoder {
    return new CsvDecoder(
      this.#fields,
      columnOfField(this.#fields, this.#columns ?? this.#columnsIn(header)),
      this.#dialect,
    );
  }

  decodeRecord(bytes: Uint8Array): unknown {
    const line = lineText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length);
    if (this.#columns === null) {
      throw new ConfigError(
        'csvLines for single records needs csvLines(schema, { columns: [...] }): a log record has no header line.',
      );
    }
    return rowOf(this.#fields, columnOfField(this.#fields, this.#columns), line, this.#dialect);
  }

  #columnsIn(header: Buffer | null): readonly string[] {
    if (header === null) return this.#fields.map((f) => f.name);
    return splitLine(lineText(header, 0, header.length), this.#dialect).map((c) => c.text.trim());
  }
}

class CsvDecoder implements LineDecoder {
  readonly #pool = new LineBatchPool();
  readonly #fields: readonly NamedField[];
  readonly #columns: readonly number[];
  readonly #dialect: Dialect;

  constructor(fields: readonly NamedField[], columns: readonly number[], dialect: Dialect) {
    this.#fields = fields;
    this.#columns = columns;
    this.#dialect = dialect;
  }

  decode(bytes: Buffer, from: number, to: number, base: number, maxRows: number): LineBatch {
    const batch = this.#pool.take().begin(bytes, base);
    const values: unknown[] = (batch.values = []);
    const limit = Math.min(maxRows, BATCH_ROWS);
    let at = from;
    for (let lines = 0; at < to && lines < limit; lines++) {
      const end = bytes.indexOf(10, at);
      if (!isBlank(bytes, at, end)) {
        try {
          values.push(rowOf(this.#fields, this.#columns, lineText(bytes, at, end), this.#dialect));
          batch.starts[batch.n++] = at;
        } catch (e) {
          batch.reject(at, end, messageOf(e));
        }
      }
      at = end + 1;
    }
    return batch.finish(at);
  }

  release(batch: LineBatch): void {
    this.#pool.give(batch);
  }
}

/** The column of each field. */
function columnOfField(fields: readonly NamedField[], columns: readonly string[]): readonly number[] {
  return fields.map((f) => {
    const column = columns.indexOf(f.name);
    if (column < 0) {
      throw new ConfigError(
        `csvLines: there is no column "${f.name}"; the columns are ${columns.join(', ')}. Correct the schema, the file's header line or { columns }.`,
      );
    }
    return column;
  });
}

function rowOf(fields: readonly NamedField[], columns: readonly number[], line: string, dialect: Dialect): object {
  const cells = splitLine(line, dialect);
  return recordOf(
    fields,
    fields.map((f, i) => {
      const cell = cells[columns[i]!];
      return coerceField(f, cell === undefined ? undefined : valueOf(f, cell));
    }),
  );
}

interface Cell {
  readonly text: string;
  readonly quoted: boolean;
}

/** JSON's grammar for numbers, but leading zeros and a plus sign are common in CSV and mean no harm. */
const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** The cell as a JSON value for coerceField; what is not of the field's type stays text, and is refused there. */
function valueOf(field: NamedField, cell: Cell): unknown {
  const { text, quoted } = cell;
  if (field.type === 'string') return text === '' && !quoted && field.isNullable ? null : text;
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  if (field.type === 'boolean') {
    const lower = trimmed.toLowerCase();
    return lower === 'true' ? true : lower === 'false' ? false : text;
  }
  if (field.type === 'timestamp') return /^-?\d{5,}$/.test(trimmed) ? Number(trimmed) : trimmed;
  return NUMBER.test(trimmed) ? Number(trimmed) : text;
}

function splitLine(line: string, { delimiter, quote, escape }: Dialect): Cell[] {
  if (quote === null || !line.includes(quote)) return line.split(delimiter).map((text) => ({ text, quoted: false }));
  const cells: Cell[] = [];
  let p = 0;
  for (;;) {
    if (line[p] !== quote) {
      const next = line.indexOf(delimiter, p);
      cells.push({ text: line.slice(p, next < 0 ? line.length : next), quoted: false });
      if (next < 0) return cells;
      p = next + 1;
      continue;
    }
    let text = '';
    for (p++; ; p++) {
      const c = line[p];
      if (c === undefined)
        throw new Error('a quoted field does not end on its line (a field may not contain a line break)');
      if (c === escape && (escape === quote ? line[p + 1] === quote : p + 1 < line.length)) text += line[++p];
      else if (c === quote) break;
      else text += c;
    }
    cells.push({ text, quoted: true });
    if (++p === line.length) return cells;
    if (line[p] !== delimiter) throw new Error(`text after the closing quote of field ${cells.length}`);
    p++;
  }
}
