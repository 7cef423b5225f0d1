/**
 * What state can hold: null, undefined, boolean, number, bigint, string, Date, Map, Set, typed arrays, arrays and plain objects
 * of these. Anything else would come back as something different after a restore, so it is refused (never silent).
 */
import { ConfigError } from '../model/errors.ts';

const MAX_DEPTH = 64;

/** Throws ConfigError naming `what` and the path inside it. */
export function checkStorable(value: unknown, what: string): void {
  const problem = unstorable(value, '', 0);
  if (problem !== null) {
    throw new ConfigError(
      `${what} cannot be stored: ${problem}. State holds plain objects, arrays, Map, Set, Date, typed arrays, strings, numbers, bigints and booleans; keep anything else outside the state, or convert it to a plain object.`,
    );
  }
}

/** Top level only: cheap enough for every value. */
export function isPlainlyStorable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'symbol';
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === Array.prototype || unstorable(value, '', 0, 1) === null;
}

/** What is wrong in the top `levels` levels; null: nothing. Deeper than MAX_DEPTH is wrong in itself. */
function unstorable(value: unknown, path: string, depth: number, levels = Infinity): string | null {
  const where = path === '' ? 'the value' : path;
  if (typeof value === 'function') return `${where} is a function`;
  if (typeof value === 'symbol') return `${where} is a symbol`;
  if (typeof value !== 'object' || value === null) return null;
  if (value instanceof Date || ArrayBuffer.isView(value)) return null;
  if (depth > MAX_DEPTH) return `the value is nested more than ${MAX_DEPTH} deep, or refers to itself`;
  if (depth > levels) return null;
  if (Array.isArray(value)) return first(value.entries(), path, depth, levels, (i) => `[${String(i)}]`);
  if (value instanceof Map) {
    for (const key of value.keys()) {
      const problem = unstorable(key, `a key of ${where}`, depth + 1, levels);
      if (problem !== null) return problem;
    }
    return first(value.entries(), path, depth, levels, (k) => `.get(${String(k)})`);
  }
  if (value instanceof Set) return first(value.entries(), path, depth, levels, () => '.values()');
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    if ('__copy' in value) return `${where} is the row that the runtime reuses (copy what you need of it)`;
    return `${where} is an instance of class ${value.constructor.name}, which would come back as a plain object`;
  }
  return first(Object.entries(value), path, depth, levels, (k) => `.${String(k)}`);
}

function first(
  entries: Iterable<[unknown, unknown]>,
  path: string,
  depth: number,
  levels: number,
  step: (key: unknown) => string,
): string | null {
  for (const [key, value] of entries) {
    if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') continue;
    const problem = unstorable(value, path + step(key), depth + 1, levels);
    if (problem !== null) return problem;
  }
  return null;
}
