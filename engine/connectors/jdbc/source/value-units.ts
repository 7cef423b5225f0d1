/** Values of a partition column as whole numbers that can be cut into ranges, and back. */
import { timestampOrNaN } from '../../../formats/timestamp.ts';
import { encodeValue } from '../encode-value.ts';
import type { ComparableKind } from './result-reader.ts';

export interface Units {
  readonly isInteger: boolean;
  /** The last unit that is not above the value. */
  floor(text: string): bigint;
  text(units: bigint): string;
}

const DAY_MS = 86_400_000n;

/** Null: it has no units. `zoned`: texts of instants end in +00. */
export function unitsOf(kind: ComparableKind, zoned: boolean): Units | null {
  switch (kind) {
    case 'integer':
      return { isInteger: true, floor: BigInt, text: String };
    case 'decimal':
    case 'float':
      return { isInteger: false, floor: floorOf, text: String };
    case 'timestamp':
      return {
        isInteger: false,
        floor: (text) => BigInt(timestampOrNaN(text.replace(/(\.\d{3})\d+/, '$1'))),
        text: (ms) => encodeValue(Number(ms), { kind: 'timestamp', zoned }) as string,
      };
    case 'date':
      return {
        isInteger: false,
        floor: (text) => BigInt(timestampOrNaN(text)) / DAY_MS,
        text: (days) => encodeValue(Number(days * DAY_MS), { kind: 'date' }) as string,
      };
    case 'text':
    case 'other':
      return null;
  }
}

function floorOf(text: string): bigint {
  const number = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (number === null) return BigInt(Math.floor(Number(text)));
  const whole = BigInt(number[1]! + number[2]!);
  return number[1] === '-' && /[1-9]/.test(number[3] ?? '') ? whole - 1n : whole;
}
