/**
 * Avro's decimals: the unscaled value as a big-endian two's complement ⇄ text with exactly `scale` digits after the point. Values of up to 15
 * digits go by doubles, which hold them exactly, and take a tenth of the time.
 */
import { checkPrecision, decimalText, unscaledOf } from '../parquet/decimal-text.ts';
import { shownValue } from './logical-types.ts';

const MAX_EXACT_DIGITS = 15;
const MAX_EXACT_BYTES = 6;
const POWERS_OF_10 = Array.from({ length: MAX_EXACT_DIGITS + 1 }, (_, i) => 10 ** i);

/** Written at scale `from`, wanted at scale `to`. Throws when digits would be lost, or there are more than `precision`. */
export function decimalOfBytes(bytes: Uint8Array, from: number, to: number, precision: number): string {
  if (from === to && bytes.length <= MAX_EXACT_BYTES) {
    const unscaled = smallOf(bytes);
    if (precision >= MAX_EXACT_DIGITS || Math.abs(unscaled) < POWERS_OF_10[precision]!) return smallText(unscaled, to);
  }
  const unscaled = signedOf(bytes);
  if (to >= from) return decimalText(checkPrecision(unscaled * 10n ** BigInt(to - from), precision), to);
  checkPrecision(unscaled, precision + from - to);
  return decimalText(checkPrecision(unscaledOf(decimalText(unscaled, from), to), precision), to);
}

/** The fewest bytes, as Java's BigInteger; `size` bytes for a fixed. */
export function bytesOfDecimal(
  value: unknown,
  { precision, scale }: { readonly precision: number; readonly scale: number },
  size: number | null,
): Uint8Array {
  if (typeof value === 'string') {
    const small = smallUnscaled(value, scale);
    if (
      small !== null &&
      size === null &&
      (precision >= MAX_EXACT_DIGITS || Math.abs(small) < POWERS_OF_10[precision]!)
    )
      return bytesOfSmall(small);
  } else if (typeof value !== 'bigint') {
    throw new Error(
      `expected decimal text such as "12.30", or a bigint of the unscaled value, got ${shownValue(value)}`,
    );
  }
  const unscaled = checkPrecision(typeof value === 'string' ? unscaledOf(value, scale) : value, precision);
  const bytes = new Uint8Array(size ?? byteLengthOf(unscaled));
  let rest = unscaled;
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(BigInt.asUintN(8, rest));
    rest >>= 8n;
  }
  return bytes;
}

function smallOf(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  let value = bytes[0]! > 0x7f ? bytes[0]! - 0x100 : bytes[0]!;
  for (let i = 1; i < bytes.length; i++) value = value * 256 + bytes[i]!;
  return value;
}

function smallText(unscaled: number, scale: number): string {
  const digits = String(Math.abs(unscaled)).padStart(scale + 1, '0');
  const sign = unscaled < 0 ? '-' : '';
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Plain text of few digits at `scale`; null: too long, or none. */
function smallUnscaled(text: string, scale: number): number | null {
  const negative = text.charCodeAt(0) === 0x2d;
  const from = negative ? 1 : 0;
  let value = 0;
  let point = -1;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e && point < 0 && i > from) point = i;
    else if (code >= 0x30 && code <= 0x39) value = value * 10 + code - 0x30;
    else return null;
  }
  const fraction = point < 0 ? 0 : text.length - point - 1;
  const digits = text.length - from - (point < 0 ? 0 : 1);
  if (digits === 0 || point === text.length - 1 || fraction > scale || digits + scale - fraction > MAX_EXACT_DIGITS)
    return null;
  const unscaled = value * POWERS_OF_10[scale - fraction]!;
  return negative ? -unscaled : unscaled;
}

function bytesOfSmall(unscaled: number): Uint8Array {
  let length = 1;
  for (let bound = 0x80; unscaled >= bound || unscaled < -bound; bound *= 0x100) length++;
  const bytes = new Uint8Array(length);
  let rest = unscaled;
  for (let i = length - 1; i >= 0; i--) {
    const byte = rest - Math.floor(rest / 0x100) * 0x100;
    bytes[i] = byte;
    rest = (rest - byte) / 0x100;
  }
  return bytes;
}

function byteLengthOf(unscaled: bigint): number {
  const magnitude = unscaled < 0n ? ~unscaled : unscaled;
  const length = (magnitude.toString(16).length + 1) >> 1;
  return magnitude >> BigInt(8 * length - 1) === 0n ? length : length + 1;
}

function signedOf(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n;
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`));
}
