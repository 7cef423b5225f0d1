/** What a database answers as values, exactly. */
import type { ResultColumn } from '../session.ts';

/** 64-bit integers: a number where it is exact and else a bigint, or always the one. */
export type BigIntegers = 'number-or-bigint' | 'bigint' | 'string';

export type Decode = (raw: unknown) => unknown;

/** What a column can be compared and cut by. */
export type ComparableKind = 'integer' | 'decimal' | 'float' | 'timestamp' | 'date' | 'text' | 'other';

export interface ResultReader {
  kindOf(column: ResultColumn): ComparableKind;
  /** For a column that is not null. Throws where a value has no exact form. */
  decoder(column: ResultColumn, bigIntegers: BigIntegers): Decode;
}

export function integerDecoder(bigIntegers: BigIntegers): Decode {
  if (bigIntegers === 'string') return String;
  if (bigIntegers === 'bigint') return (raw) => BigInt(raw as string);
  return (raw) => {
    const number = Number(raw);
    return Number.isSafeInteger(number) ? number : BigInt(raw as string);
  };
}
