/** Values of a partition column as whole numbers that can be cut into ranges, and back. */
import { timestampOrNaN } from '../../../formats/timestamp.ts';
import { encodeValue, MAX_MS } from '../encode-value.ts';
import type { ComparableKind } from './result-reader.ts';

export interface Units {
  readonly isInteger: boolean;
  /** A unit more than a value may be the same value: the outer pieces have no outer bounds then. */
  readonly isRounded: boolean;
  /** The last unit that is not above the value. */
  floor(text: string): bigint;
  /** Null: no value is so large. */
  text(units: bigint): string | null;
}

const DAY_MS = 86_400_000n;

/** Null: it has no units. `zoned`: texts of instants end in +00. */
export function unitsOf(kind: ComparableKind, zoned: boolean): Units | null {
  switch (kind) {
    case 'integer':
      return { isInteger: true, isRounded: false, floor: BigInt, text: String };
    case 'decimal':
    case 'float':
      return { isInteger: false, isRounded: kind === 'float', floor: floorOf, text: String };
    case 'timestamp':
      return {
        isInteger: false,
        isRounded: false,
        floor: (text) => BigInt(timestampOrNaN(text.replace(/(\.\d{3})\d+/, '$1'))),
        text: (ms) => (ms > MAX_MS ? null : (encodeValue(Number(ms), { kind: 'timestamp', zoned }) as string)),
      };
    case 'date':
      return {
        isInteger: false,
        isRounded: false,
        floor: (text) => BigInt(timestampOrNaN(text)) / DAY_MS,
        text: (days) =>
          days * DAY_MS > MAX_MS ? null : (encodeValue(Number(days * DAY_MS), { kind: 'date' }) as string),
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
