/**
 * What a declared column makes of the physical values in a file, exactly. hyparquet would turn decimals into doubles and drop what is below
 * a millisecond, so columns are read without their logical types, strings aside, and interpreted here.
 */
import type { SchemaElement } from 'hyparquet';
import { checkPrecision, decimalText } from './decimal-text.ts';
import type { ParquetColumn } from './parquet-schema.ts';

/** Physical value → the row's value; throws an Error with the reason. */
export type ReadValue = (physical: unknown) => unknown;

const DAY_MS = 86_400_000;

/** How the column is read from a column of the file; null: the types do not fit. */
export function readerOf(column: ParquetColumn, element: SchemaElement): ReadValue | null {
  const { type, converted_type: converted, logical_type: logical } = element;
  switch (column.kind) {
    case 'string':
      return isText(element) ? (value) => value : null;
    case 'bytes':
      return (type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY') && !isText(element) && !isDecimal(element)
        ? (value) => value
        : null;
    case 'boolean':
      return type === 'BOOLEAN' ? (value) => value : null;
    case 'double':
      if (type === 'DOUBLE' || type === 'FLOAT') return (value) => value;
      return isInteger(element) ? (value) => safe(integerOf(element, value)) : null;
    case 'int64':
      return isInteger(element) ? (value) => safe(integerOf(element, value)) : null;
    case 'int32':
      return isInteger(element) && type === 'INT32' ? (value) => int32(integerOf(element, value)) : null;
    case 'bigint':
      return isInteger(element) ? (value) => int64(integerOf(element, value)) : null;
    case 'timestamp':
      if (type === 'INT96') return (value) => Number(floorDiv(value as bigint, 1_000_000n));
      if (type === 'INT32' && (converted === 'DATE' || logical?.type === 'DATE'))
        return (value) => (value as number) * DAY_MS;
      return timestampReader(element);
    case 'decimal':
      return decimalReader(column, element);
  }
}

/** Text keeps its type, so that a dictionary is decoded once; all else is read as the bytes have it. */
export function withoutLogicalType(element: SchemaElement): void {
  if (isText(element)) {
    element.converted_type = 'UTF8';
    delete element.logical_type;
    return;
  }
  delete element.converted_type;
  delete element.logical_type;
}

/** A column of a file for messages. */
export function describe({ type, converted_type, logical_type, precision, scale }: SchemaElement): string {
  const logical = logical_type?.type ?? converted_type;
  const digits = logical === 'DECIMAL' ? `(${precision}, ${scale ?? 0})` : '';
  return `${type ?? 'a group of columns'}${logical === undefined ? '' : ` ${logical}${digits}`}`;
}

function isText({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  if (type !== 'BYTE_ARRAY') return false;
  if (converted === 'UTF8' || converted === 'ENUM' || converted === 'JSON') return true;
  return logical?.type === 'STRING' || logical?.type === 'ENUM' || logical?.type === 'JSON';
}

function isDecimal({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted === 'DECIMAL' || logical?.type === 'DECIMAL';
}

function isInteger(element: SchemaElement): boolean {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (type !== 'INT32' && type !== 'INT64') return false;
  if (logical !== undefined && logical.type !== 'INTEGER') return false;
  return converted === undefined || /^U?INT_/.test(converted);
}

function isUnsigned({ converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return converted?.startsWith('UINT_') === true || (logical?.type === 'INTEGER' && !logical.isSigned);
}

function integerOf(element: SchemaElement, value: unknown): number | bigint {
  if (typeof value === 'bigint') return isUnsigned(element) ? BigInt.asUintN(64, value) : value;
  return isUnsigned(element) ? (value as number) >>> 0 : (value as number);
}

function safe(value: number | bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw new Error(`${value} is beyond 2^53 − 1; declare the column p.bigint() to read it`);
  return number;
}

function int32(value: number | bigint): number {
  if (Number(value) !== (Number(value) | 0)) throw new Error(`${value} has more than 32 bits`);
  return Number(value);
}

function int64(value: number | bigint): bigint {
  const big = BigInt(value);
  if (BigInt.asIntN(64, big) !== big) throw new Error(`${value} has more than 63 bits`);
  return big;
}

function timestampReader({ type, converted_type: converted, logical_type: logical }: SchemaElement): ReadValue | null {
  if (type !== 'INT64') return null;
  const unit =
    logical?.type === 'TIMESTAMP'
      ? logical.unit
      : converted === 'TIMESTAMP_MILLIS'
        ? 'MILLIS'
        : converted === 'TIMESTAMP_MICROS'
          ? 'MICROS'
          : null;
  if (unit === null) return null;
  const perMs = unit === 'MILLIS' ? 1n : unit === 'MICROS' ? 1_000n : 1_000_000n;
  return (value) => safe(floorDiv(value as bigint, perMs));
}

function decimalReader(column: ParquetColumn, element: SchemaElement): ReadValue | null {
  if (!isDecimal(element)) return null;
  const { logical_type: logical } = element;
  const scale = element.scale ?? (logical?.type === 'DECIMAL' ? logical.scale : 0);
  if (scale > column.scale) return null;
  const factor = 10n ** BigInt(column.scale - scale);
  return (value) => {
    const unscaled = value instanceof Uint8Array ? signedOf(value) : BigInt(value as number | bigint);
    return decimalText(checkPrecision(unscaled * factor, column.precision), column.scale);
  };
}

/** Big-endian, two's complement. */
function signedOf(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}
