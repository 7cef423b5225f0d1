/** JavaScript that reads one scalar: the writer's type from the input `r` as the reader's. `C` is SCALAR_CONVERSIONS. */
import type { FixedType, Longs, PrimitiveType } from './avro-types.ts';
import { decimalOfBytes } from './decimal-bytes.ts';
import {
  convertUnit,
  durationOfBytes,
  isTimestamp,
  uuidOfBytes,
  type LogicalType,
  type TimeUnit,
} from './logical-types.ts';

export type ScalarCode = string;
type Scalar = PrimitiveType | FixedType;

const DAY_MS = 86_400_000n;

export const SCALAR_CONVERSIONS = {
  decimalOfBytes,
  durationOfBytes,
  uuidOfBytes,
  /** A safe integer. */
  safe(value: bigint): number {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new Error(`${value} is beyond 2^53 − 1: read it with longs: 'bigint'`);
  },
  unit: convertUnit,
  /** Microseconds → milliseconds, rounded down; a floating-point quotient alone would be wrong near 2^53. */
  millis(micros: number): number {
    const rest = micros % 1000;
    return (micros - (rest < 0 ? rest + 1000 : rest)) / 1000;
  },
  days: (days: number, unit: TimeUnit): bigint => convertUnit(BigInt(days) * DAY_MS, 'millis', unit),
};

/** Null: the types do not fit. */
export function scalarCode(writer: Scalar, reader: Scalar, longs: Longs): ScalarCode | null {
  if (reader.logical !== null) return logicalCode(writer, reader, reader.logical, longs);
  return plainCode(writer, reader, longs);
}

function plainCode(writer: Scalar, reader: Scalar, longs: Longs): ScalarCode | null {
  const from = writer.kind;
  switch (reader.kind) {
    case 'null':
      return from === 'null' ? 'null' : null;
    case 'boolean':
      return from === 'boolean' ? 'r.boolean()' : null;
    case 'int':
      return from === 'int' ? 'r.int()' : null;
    case 'long':
      if (from === 'int') return longs === 'bigint' ? 'BigInt(r.int())' : 'r.int()';
      if (from === 'long') return longs === 'bigint' ? 'r.bigLong()' : 'r.long()';
      return null;
    case 'float':
      if (from === 'int') return 'Math.fround(r.int())';
      if (from === 'long') return 'Math.fround(r.longAsDouble())';
      return from === 'float' ? 'r.float()' : null;
    case 'double':
      if (from === 'int') return 'r.int()';
      if (from === 'long') return 'r.longAsDouble()';
      return from === 'float' || from === 'double' ? `r.${from}()` : null;
    case 'string':
      return from === 'string' || from === 'bytes' ? 'r.string()' : null;
    case 'bytes':
      return from === 'string' || from === 'bytes' ? 'r.bytesValue()' : null;
    case 'fixed':
      return from === 'fixed' ? `r.fixed(${reader.size})` : null;
  }
}

function logicalCode(writer: Scalar, reader: Scalar, logical: LogicalType, longs: Longs): ScalarCode | null {
  const written = writer.logical;
  if (isTimestamp(logical)) return timestampCode(writer, (logical as { unit: TimeUnit }).unit, longs);
  const sameKind = written === null || written.kind === logical.kind;
  switch (logical.kind) {
    case 'decimal': {
      if (writer.kind !== reader.kind || !sameKind) return null;
      const from = written === null ? logical : (written as typeof logical);
      return `C.decimalOfBytes(${bytesCode(writer)},${from.scale},${logical.scale},${logical.precision})`;
    }
    case 'uuid':
      if (reader.kind === 'string') return plainCode(writer, reader, longs);
      return sameKind && writer.kind === 'fixed' ? `C.uuidOfBytes(r.fixed(16))` : null;
    case 'duration':
      return sameKind && writer.kind === 'fixed' ? `C.durationOfBytes(r.fixed(12))` : null;
    case 'time-micros':
      if (written?.kind === 'time-millis') return 'r.int()*1000';
      if (!sameKind) return null;
      return writer.kind === 'int' ? 'r.int()' : writer.kind === 'long' ? 'r.long()' : null;
    default:
      return sameKind && writer.kind === 'int' ? 'r.int()' : null;
  }
}

function timestampCode(writer: Scalar, unit: TimeUnit, longs: Longs): ScalarCode | null {
  if (writer.kind !== 'int' && writer.kind !== 'long') return null;
  const { logical } = writer;
  const big = unit === 'nanos' || (unit === 'micros' && longs === 'bigint');
  if (logical?.kind === 'date') return shaped(`C.days(r.int(),"${unit}")`, big);
  if (logical !== null && !isTimestamp(logical)) return null;
  if (writer.kind === 'int') return big ? 'BigInt(r.int())' : 'r.int()';
  const from = logical === null ? unit : (logical as { unit: TimeUnit }).unit;
  if (from === unit) return big ? 'r.bigLong()' : 'r.long()';
  if (from === 'micros' && unit === 'millis') return 'C.millis(r.long())';
  return shaped(`C.unit(r.bigLong(),"${from}","${unit}")`, big);
}

function shaped(code: string, big: boolean): string {
  return big ? code : `C.safe(${code})`;
}

function bytesCode(writer: Scalar): string {
  return writer.kind === 'fixed' ? `r.fixed(${writer.size})` : 'r.bytesValue()';
}
