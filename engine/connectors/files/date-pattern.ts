/** Date patterns such as `'dt='yyyy-MM-dd/'hour='HH`, in UTC: format, and back to the time at which what the text names begins. */
import { ConfigError } from '../../model/errors.ts';

const UNITS = ['yyyy', 'MM', 'dd', 'HH', 'mm'] as const;

export class DatePattern {
  /** Literals and indices of units. */
  readonly #parts: readonly (string | number)[];
  readonly #matcher: RegExp;
  /** Index of the smallest unit. */
  readonly #smallest: number;

  constructor(pattern: string) {
    const parts: (string | number)[] = [];
    let next = 0;
    for (const [token] of pattern.matchAll(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
      if (token === "''") parts.push("'");
      else if (token.length > 1 && token.startsWith("'")) parts.push(token.slice(1, -1).replaceAll("''", "'"));
      else if (!/[A-Za-z']/.test(token)) parts.push(token);
      else if (token === UNITS[next]) parts.push(next++);
      else throw invalid(pattern, `"${token}" is not expected there`);
    }
    if (next === 0) throw invalid(pattern, 'it names no year');
    this.#parts = parts;
    this.#smallest = next - 1;
    const source = parts.map((part) =>
      typeof part === 'string' ? part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') : part === 0 ? '(\\d{4})' : '(\\d\\d)',
    );
    this.#matcher = new RegExp(`^${source.join('')}$`);
  }

  format(atMs: number): string {
    const iso = new Date(atMs).toISOString();
    const units = [iso.slice(0, 4), iso.slice(5, 7), iso.slice(8, 10), iso.slice(11, 13), iso.slice(14, 16)];
    return this.#parts.map((part) => (typeof part === 'string' ? part : units[part]!)).join('');
  }

  /** Null: the text is not what `format` makes of any time. */
  startOf(text: string): number | null {
    const match = this.#matcher.exec(text);
    if (match === null) return null;
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = match.slice(1).map(Number);
    const start = utc(year, month - 1, day, hour, minute);
    return this.format(start) === text ? start : null;
  }

  /** Where the unit that begins at `startMs` ends. */
  next(startMs: number): number {
    const at = new Date(startMs);
    const units: [number, number, number, number, number] = [
      at.getUTCFullYear(),
      at.getUTCMonth(),
      at.getUTCDate(),
      at.getUTCHours(),
      at.getUTCMinutes(),
    ];
    units[this.#smallest]!++;
    return utc(...units);
  }
}

/** As Date.UTC, but years below 100 are what they say. */
function utc(year: number, month: number, day: number, hour: number, minute: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  return date.setUTCHours(hour, minute);
}

function invalid(pattern: string, why: string): ConfigError {
  return new ConfigError(
    `The date pattern ${JSON.stringify(pattern)} cannot be used: ${why}. Use yyyy, MM, dd, HH, mm in this order, each once and none left out in between, and other letters in quotes: 'dt='yyyy-MM-dd/'hour='HH.`,
  );
}
