/**
 * JSON's grammar (RFC 8259) on bytes. Each function takes the place where something begins and answers the place after it, or −1 where JSON.parse
 * would throw (or where the scanner leaves the decision to JSON.parse). Input is a line that ends with a newline; no function
 * goes past it, because a raw newline is allowed nowhere inside a line.
 */
import { dayMs } from './timestamp.ts';

/** Class of a byte inside a string: 0 plain ASCII, 1 quote, 2 backslash, 3 control, 4 non-ASCII. */
export const BYTE_CLASS = new Uint8Array(256);
BYTE_CLASS.fill(3, 0, 32);
BYTE_CLASS[34] = 1;
BYTE_CLASS[92] = 2;
BYTE_CLASS.fill(4, 128);

/** Powers of ten that doubles hold exactly. */
export const POWERS_OF_10 = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** Deeper nesting is left to JSON.parse. */
const MAX_DEPTH = 200;

export function skipSpace(b: Buffer, p: number): number {
  let c = b[p];
  while (c === 32 || c === 9 || c === 13) c = b[++p];
  return p;
}

/** From after the opening quote to the closing quote (not after it). */
export function skipString(b: Buffer, p: number): number {
  for (;;) {
    while (BYTE_CLASS[b[p]!] === 0) p++;
    const c = b[p]!;
    if (c === 34) return p;
    if (c < 32) return -1;
    if (c !== 92) {
      p++;
      continue;
    }
    const e = b[p + 1];
    if (e === 117) {
      if (!(isHex(b[p + 2]!) && isHex(b[p + 3]!) && isHex(b[p + 4]!) && isHex(b[p + 5]!))) return -1;
      p += 6;
    } else if (e === 34 || e === 92 || e === 47 || e === 98 || e === 102 || e === 110 || e === 114 || e === 116) {
      p += 2;
    } else return -1;
  }
}

export function skipNumber(b: Buffer, p: number): number {
  if (b[p] === 45) p++;
  let c = b[p]!;
  if (c === 48) c = b[++p]!;
  else if (c >= 49 && c <= 57) {
    do c = b[++p]!;
    while (c >= 48 && c <= 57);
  } else return -1;
  if (c === 46) {
    c = b[++p]!;
    if (!(c >= 48 && c <= 57)) return -1;
    do c = b[++p]!;
    while (c >= 48 && c <= 57);
  }
  if ((c | 32) === 101) {
    c = b[++p]!;
    if (c === 43 || c === 45) c = b[++p]!;
    if (!(c >= 48 && c <= 57)) return -1;
    do c = b[++p]!;
    while (c >= 48 && c <= 57);
  }
  return p;
}

/** `true`, `false` or `null`. */
export function skipWord(b: Buffer, p: number): number {
  const c = b[p];
  if (c === 116) return b[p + 1] === 114 && b[p + 2] === 117 && b[p + 3] === 101 ? p + 4 : -1;
  if (c === 110) return b[p + 1] === 117 && b[p + 2] === 108 && b[p + 3] === 108 ? p + 4 : -1;
  if (c === 102) return b[p + 1] === 97 && b[p + 2] === 108 && b[p + 3] === 115 && b[p + 4] === 101 ? p + 5 : -1;
  return -1;
}

/** Any value; `p` is at its first byte. */
export function skipValue(b: Buffer, p: number, depth: number): number {
  const c = b[p]!;
  if (c === 34) {
    p = skipString(b, p + 1);
    return p < 0 ? -1 : p + 1;
  }
  if (c === 45 || (c >= 48 && c <= 57)) return skipNumber(b, p);
  if (c !== 123 && c !== 91) return skipWord(b, p);
  if (depth >= MAX_DEPTH) return -1;
  const close = c + 2;
  p = skipSpace(b, p + 1);
  if (b[p] === close) return p + 1;
  for (;;) {
    if (close === 125) {
      if (b[p] !== 34) return -1;
      p = skipString(b, p + 1);
      if (p < 0) return -1;
      p = skipSpace(b, p + 1);
      if (b[p] !== 58) return -1;
      p = skipSpace(b, p + 1);
    }
    p = skipValue(b, p, depth + 1);
    if (p < 0) return -1;
    p = skipSpace(b, p);
    if (b[p] === close) return p + 1;
    if (b[p] !== 44) return -1;
    p = skipSpace(b, p + 1);
  }
}

/** Value of the valid number token `b[p, end)`: by arithmetic where that is exact (at most 15 digits), else Number(). */
export function numberAt(b: Buffer, p: number, end: number): number {
  let x = 0;
  let digits = 0;
  let fraction = 0;
  let dot = false;
  for (let q = b[p] === 45 ? p + 1 : p; q < end; q++) {
    const c = b[q]!;
    if (c >= 48 && c <= 57) {
      x = x * 10 + (c - 48);
      if (x !== 0) digits++;
      if (dot) fraction++;
    } else if (c === 46) dot = true;
    else return Number(b.latin1Slice(p, end));
  }
  if (digits > 15 || fraction > 22) return Number(b.latin1Slice(p, end));
  if (fraction !== 0) x /= POWERS_OF_10[fraction]!;
  return b[p] === 45 ? -x : x;
}

/** Epoch milliseconds of the minute `YYYY-MM-DD HH:MM` (or `T`) at `p`, 16 bytes; NaN when it is not exactly that. */
export function minuteAt(b: Buffer, p: number): number {
  const separator = b[p + 10];
  if (b[p + 4] !== 45 || b[p + 7] !== 45 || (separator !== 32 && separator !== 84) || b[p + 13] !== 58) return NaN;
  const hour = twoDigits(b, p + 11);
  const minute = twoDigits(b, p + 14);
  if (!(hour <= 23) || !(minute <= 59)) return NaN;
  return (
    dayMs(twoDigits(b, p) * 100 + twoDigits(b, p + 2), twoDigits(b, p + 5), twoDigits(b, p + 8)) +
    hour * 3_600_000 +
    minute * 60_000
  );
}

function twoDigits(b: Buffer, p: number): number {
  const tens = b[p]! - 48;
  const ones = b[p + 1]! - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NaN;
}

function isHex(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 65 && c <= 70) || (c >= 97 && c <= 102);
}
