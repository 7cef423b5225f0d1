/**
 * A column's values as the Parquet writer takes them: what a field accepts, its schema element, and how many bytes it may take.
 * Nothing is written that reads back as something else: what a column cannot hold is refused, with the column's name.
 */
import type { SchemaElement } from 'hyparquet';
import { checkPrecision, unscaledOf } from './decimal-text.ts';
import type { ParquetColumn, ParquetKind } from './parquet-schema.ts';

export type Cell = string | number | bigint | boolean | Uint8Array | null;

const MAX_DATE_MS = 8_640_000_000_000_000;

/** The value as a cell. Throws an Error that names column and reason. */
export function cellOf(column: ParquetColumn, value: unknown): Cell {
  if (value === null || value === undefined) {
    if (column.isNullable) return null;
    throw refused(column, `is ${value === null ? 'null' : 'missing'} (declare it nullable() if it may be)`);
  }
  return CELL_OF[column.kind](column, value);
}

/** Bytes of the value in an uncompressed page, at most; nulls too. */
export function cellBytes(cell: Cell): number {
  if (typeof cell === 'string') return 4 + Buffer.byteLength(cell);
  if (cell instanceof Uint8Array) return 4 + cell.length;
  return typeof cell === 'bigint' ? 16 : 8;
}

export function elementOf(column: ParquetColumn): SchemaElement {
  const { name, kind, precision, scale } = column;
  const at = { name, repetition_type: column.isNullable ? 'OPTIONAL' : 'REQUIRED' } as const;
  switch (kind) {
    case 'string':
      return { ...at, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
    case 'double':
      return { ...at, type: 'DOUBLE' };
    case 'int64':
    case 'bigint':
      return { ...at, type: 'INT64' };
    case 'int32':
      return { ...at, type: 'INT32' };
    case 'boolean':
      return { ...at, type: 'BOOLEAN' };
    case 'timestamp':
      return {
        ...at,
        type: 'INT64',
        converted_type: 'TIMESTAMP_MILLIS',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
      };
    case 'decimal': {
      const logical_type = { type: 'DECIMAL', precision, scale } as const;
      const physical =
        precision <= 9
          ? ({ type: 'INT32' } as const)
          : precision <= 18
            ? ({ type: 'INT64' } as const)
            : ({ type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16 } as const);
      return { ...at, ...physical, converted_type: 'DECIMAL', precision, scale, logical_type };
    }
    case 'bytes':
      return { ...at, type: 'BYTE_ARRAY' };
  }
}

const CELL_OF: Readonly<Record<ParquetKind, (column: ParquetColumn, value: unknown) => Cell>> = {
  string(column, value) {
    if (typeof value !== 'string') throw expected(column, 'a string', value);
    if (!value.isWellFormed())
      throw refused(column, 'is text with half a surrogate pair, which UTF-8 cannot hold; replace it first');
    return value;
  },
  double(column, value) {
    if (typeof value !== 'number') throw expected(column, 'a number', value);
    return value;
  },
  int64(column, value) {
    if (!Number.isSafeInteger(value)) throw expected(column, 'a whole number of at most 2^53 − 1 in size', value);
    return BigInt(value as number);
  },
  int32(column, value) {
    if (typeof value !== 'number' || value !== (value | 0)) throw expected(column, 'a whole number of 32 bits', value);
    return value | 0;
  },
  bigint(column, value) {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value)
      throw expected(column, 'a bigint of 64 bits', value);
    return value;
  },
  boolean(column, value) {
    if (typeof value !== 'boolean') throw expected(column, 'true or false', value);
    return value;
  },
  timestamp(column, value) {
    if (!Number.isSafeInteger(value) || Math.abs(value as number) > MAX_DATE_MS)
      throw expected(column, 'epoch milliseconds', value);
    return BigInt(value as number);
  },
  decimal(column, value) {
    if (typeof value !== 'bigint' && typeof value !== 'string')
      throw expected(column, 'decimal text such as "12.30", or a bigint of the unscaled value', value);
    try {
      return checkPrecision(typeof value === 'string' ? unscaledOf(value, column.scale) : value, column.precision);
    } catch (e) {
      throw refused(column, `(decimal(${column.precision}, ${column.scale})): ${(e as Error).message}`);
    }
  },
  bytes(column, value) {
    if (!(value instanceof Uint8Array)) throw expected(column, 'a Uint8Array', value);
    return new Uint8Array(value);
  },
};

function expected(column: ParquetColumn, what: string, value: unknown): Error {
  const shown = ['string', 'number', 'bigint', 'boolean'].includes(typeof value)
    ? `${typeof value} ${String(value).slice(0, 60)}`
    : typeof value === 'object'
      ? 'an object'
      : typeof value;
  return refused(column, `must be ${what}, got ${shown}`);
}

function refused({ name }: ParquetColumn, why: string): Error {
  return new Error(`parquetEncoder: column "${name}" ${why}.`);
}
