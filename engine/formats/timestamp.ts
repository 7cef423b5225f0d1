/**
 * Text to epoch milliseconds. Accepted: `YYYY-MM-DD`, then optionally `T` or a blank, `HH:MM`, `:SS`, a fraction of 1 to 9
 * digits (`.` or `,`; beyond milliseconds it is cut), and a zone `Z`, `±HH`, `±HHMM` or `±HH:MM`. No zone means UTC, never the machine's
 * zone: the same input must give the same time everywhere. No leap seconds, no 24:00, years 0000 to 9999.
 */

const DAY_MS = 86_400_000;
const CUMULATED_DAYS = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** Epoch milliseconds of `text`; throws an Error that quotes it when it is not a timestamp. Never returns NaN. */
export function parseTimestamp(text: string): number {
  const ms = timestampOrNaN(text);
  if (Number.isNaN(ms)) {
    throw new Error(
      `not a timestamp: ${JSON.stringify(text.slice(0, 64))} (expected e.g. 2024-01-31 08:00:00.000 or 2024-01-31T08:00:00Z)`,
    );
  }
  return ms;
}

/** As parseTimestamp, but NaN when `text` is not a timestamp. */
export function timestampOrNaN(text: string): number {
  const day = dayMs(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2));
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return NaN;
  const length = text.length;
  if (length === 10) return day;
  const separator = text.charCodeAt(10);
  if ((separator !== 32 && separator !== 84 && separator !== 116) || text.charCodeAt(13) !== 58) return NaN;
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  if (!(hour <= 23) || !(minute <= 59)) return NaN;
  let ms = day + hour * 3_600_000 + minute * 60_000;
  let p = 16;
  if (text.charCodeAt(p) === 58) {
    const second = digits(text, 17, 2);
    if (!(second <= 59)) return NaN;
    ms += second * 1000;
    p = 19;
    const dot = text.charCodeAt(p);
    if (dot === 46 || dot === 44) {
      let scale = 100;
      const first = ++p;
      for (let c = text.charCodeAt(p) - 48; c >= 0 && c <= 9; c = text.charCodeAt(++p) - 48) {
        ms += scale >= 1 ? c * scale : 0;
        scale = scale / 10;
      }
      if (p === first || p - first > 9) return NaN;
      ms = Math.round(ms);
    }
  }
  return p === length ? ms : ms - zoneMs(text, p);
}

/** Epoch milliseconds at UTC midnight of a date of the Gregorian calendar, NaN when there is no such date. */
export function dayMs(year: number, month: number, day: number): number {
  if (!(month >= 1 && month <= 12 && day >= 1 && year >= 0)) return NaN;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const inMonth = month === 2 ? (leap ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  if (day > inMonth) return NaN;
  const y = year - 1;
  const before = y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  const ofYear = CUMULATED_DAYS[month]! + day - 1 + (leap && month > 2 ? 1 : 0);
  return (before + ofYear - 719_162) * DAY_MS;
}

/** The number of `count` decimal digits at `p`, NaN if one is no digit. */
function digits(text: string, p: number, count: number): number {
  let n = 0;
  for (let i = 0; i < count; i++) {
    const c = text.charCodeAt(p + i) - 48;
    if (!(c >= 0 && c <= 9)) return NaN;
    n = n * 10 + c;
  }
  return n;
}

function zoneMs(text: string, p: number): number {
  const sign = text.charCodeAt(p);
  const left = text.length - p;
  if (sign === 90 || sign === 122) return left === 1 ? 0 : NaN;
  if (sign !== 43 && sign !== 45) return NaN;
  const hours = digits(text, p + 1, 2);
  let minutes = 0;
  if (left === 5) minutes = digits(text, p + 3, 2);
  else if (left === 6 && text.charCodeAt(p + 3) === 58) minutes = digits(text, p + 4, 2);
  else if (left !== 3) return NaN;
  if (!(hours <= 23) || !(minutes <= 59)) return NaN;
  return (sign === 45 ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
