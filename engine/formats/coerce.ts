/** What a declared field accepts of a value that JSON.parse gave. The scanner must agree with this on every line. */
import type { NamedField } from './schema.ts';
import { parseTimestamp } from './timestamp.ts';

/** The field's value: string, number (timestamps too), boolean or null. Throws an Error that names field and reason. */
export function coerceField(field: NamedField, value: unknown): string | number | boolean | null {
  if (value === undefined || value === null) {
    if (field.isNullable) return null;
    throw new Error(
      `field "${field.name}" is ${value === null ? 'null' : 'missing'} (declare it nullable() if it may be)`,
    );
  }
  switch (field.type) {
    case 'string':
      if (typeof value === 'string') return value;
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'number':
      if (typeof value === 'number' && Number.isFinite(value)) return value;
      break;
    case 'int':
      if (Number.isSafeInteger(value)) return value as number;
      break;
    case 'timestamp':
      if (Number.isSafeInteger(value)) return value as number;
      if (typeof value !== 'string') break;
      try {
        return parseTimestamp(value);
      } catch (e) {
        throw new Error(`field "${field.name}": ${(e as Error).message}`, { cause: e });
      }
  }
  throw new Error(`field "${field.name}": expected ${field.type}, got ${shown(value)}`);
}

/** The declared fields of a parsed JSON value, in schema order. */
export function coerceRecord(fields: readonly NamedField[], value: unknown): (string | number | boolean | null)[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`expected a JSON object, got ${shown(value)}`);
  }
  const record = value as Readonly<Record<string, unknown>>;
  return fields.map((f) => coerceField(f, Object.hasOwn(record, f.name) ? record[f.name] : undefined));
}

/** A plain object of the fields; also right for a field named like something on Object.prototype. */
export function recordOf(fields: readonly NamedField[], values: readonly (string | number | boolean | null)[]): object {
  const record: Record<string, unknown> = {};
  for (let i = 0; i < fields.length; i++) record[fields[i]!.name] = values[i];
  return record;
}

function shown(value: unknown): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return `${Array.isArray(value) ? 'array' : value === null ? '' : typeof value} ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`.trim();
}
