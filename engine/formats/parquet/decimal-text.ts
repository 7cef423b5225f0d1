/** Decimal text ⇄ unscaled bigint, exactly: "-12.30" at scale 2 is −1230n. */

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d+))?$/;

/** Throws if the text is no plain decimal, or has more digits after the point than `scale` (zeros aside). */
export function unscaledOf(text: string, scale: number): bigint {
  const match = DECIMAL.exec(text);
  if (match === null) throw new Error(`${JSON.stringify(text.slice(0, 60))} is no decimal such as "-12.30"`);
  const [, sign, whole, fraction = ''] = match;
  const kept = fraction.slice(0, scale).padEnd(scale, '0');
  if (/[1-9]/.test(fraction.slice(scale)))
    throw new Error(`${text.slice(0, 60)} has more than ${scale} digits after the point; round it first`);
  const unscaled = BigInt(whole! + kept);
  return sign === '-' ? -unscaled : unscaled;
}

/** With exactly `scale` digits after the point. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const negative = unscaled < 0n;
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Throws if the value has more than `precision` digits. */
export function checkPrecision(unscaled: bigint, precision: number): bigint {
  const bound = 10n ** BigInt(precision);
  if (unscaled >= bound || unscaled <= -bound)
    throw new Error(`the unscaled value ${shown(unscaled)} has more than ${precision} digits`);
  return unscaled;
}

/** Millions of decimal digits, of corrupt bytes, take seconds to write; hexadecimal ones do not. */
function shown(unscaled: bigint): string {
  const hex = unscaled.toString(16);
  return hex.length <= SHOWN_DIGITS ? String(unscaled) : `0x${hex.slice(0, SHOWN_DIGITS)}… (${hex.length} digits)`;
}

const SHOWN_DIGITS = 60;
