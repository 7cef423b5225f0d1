/** Values as MySQL and MariaDB give them, by the protocol's type numbers and what `mysql2` makes of them. */
import { timestampOrNaN } from '../../../formats/timestamp.ts';
import type { ResultColumn } from '../session.ts';
import {
  integerDecoder,
  type BigIntegers,
  type ComparableKind,
  type Decode,
  type ResultReader,
} from '../source/result-reader.ts';
import { BINARY, LENGTH_ONE } from './mysql-session.ts';

const TYPE = { tiny: 1, float: 4, double: 5, timestamp: 7, longlong: 8, datetime: 12, bit: 16, json: 245 } as const;
const INTEGERS: ReadonlySet<number> = new Set([TYPE.tiny, 2, 3, 9, 13]);
const TEXTS: ReadonlySet<number> = new Set([15, 249, 250, 251, 252, 253, 254]);

const DECIMALS: ReadonlySet<number> = new Set([0, 246]);
const DATE = 10;

export class MysqlResults implements ResultReader {
  kindOf({ type }: ResultColumn): ComparableKind {
    const code = type & 0xff;
    if (INTEGERS.has(code) || code === TYPE.longlong) return 'integer';
    if (DECIMALS.has(code)) return 'decimal';
    if (code === TYPE.float || code === TYPE.double) return 'float';
    if (code === TYPE.timestamp || code === TYPE.datetime) return 'timestamp';
    if (code === DATE) return 'date';
    return TEXTS.has(code) ? 'text' : 'other';
  }

  decoder({ type }: ResultColumn, bigIntegers: BigIntegers): Decode {
    const code = type & 0xff;
    if (code === TYPE.tiny && (type & LENGTH_ONE) !== 0) return (raw) => Number(raw) !== 0;
    if (INTEGERS.has(code) || code === TYPE.double) return Number;
    if (code === TYPE.float) return (raw) => shortestFloat(Number(raw));
    if (code === TYPE.longlong) return integerDecoder(bigIntegers);
    if (code === TYPE.bit) return bitsDecoder((type & LENGTH_ONE) !== 0, bigIntegers);
    if (code === TYPE.json) return (raw) => JSON.parse(textOf(raw)) as unknown;
    if (code === TYPE.timestamp || code === TYPE.datetime)
      return (raw) => {
        const ms = timestampOrNaN(textOf(raw));
        if (Number.isNaN(ms)) throw new Error(`the timestamp ${textOf(raw)} has no epoch milliseconds`);
        return ms;
      };
    if (TEXTS.has(code) && (type & BINARY) !== 0) return (raw) => new Uint8Array(raw as Uint8Array);
    return textOf;
  }
}

const textOf = (raw: unknown): string => (Buffer.isBuffer(raw) ? raw.toString() : String(raw));

function bitsDecoder(single: boolean, bigIntegers: BigIntegers): Decode {
  const decode = integerDecoder(bigIntegers);
  return (raw) => {
    const value = BigInt(`0x${Buffer.from(raw as Uint8Array).toString('hex')}`);
    return single ? value === 1n : decode(String(value));
  };
}

/** Four-byte floats come widened where a statement has values: 0.1 as 0.10000000149011612. The shortest text of the same float is meant. */
function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === Math.fround(value)) return short;
  }
  return value;
}
