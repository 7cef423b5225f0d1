/** A default from a schema's JSON → the value that a row shows. Fresh at every call. Throws an Error when it does not fit the type. */
import { branchName, shownType, type AvroType, type FixedType, type Longs, type PrimitiveType } from './avro-types.ts';
import { decimalOfBytes } from './decimal-bytes.ts';
import { durationOfBytes, uuidOfBytes } from './logical-types.ts';

export function defaultValue(type: AvroType, json: unknown, longs: Longs): unknown {
  switch (type.kind) {
    case 'union':
      return unionDefault(type.branches, type.wrapped, json, longs);
    case 'array':
      if (!Array.isArray(json)) throw unfit(type, json);
      return json.map((item) => defaultValue(type.items, item, longs));
    case 'map':
      return Object.fromEntries(
        Object.entries(objectOf(type, json)).map(([key, value]) => [key, defaultValue(type.values, value, longs)]),
      );
    case 'record': {
      const object = objectOf(type, json);
      const entries = type.fields.map((field) => {
        const given = Object.hasOwn(object, field.name);
        if (!given && !field.hasDefault) throw unfit(type, json);
        return [field.name, defaultValue(field.type, given ? object[field.name] : field.default, longs)] as const;
      });
      return Object.fromEntries(entries);
    }
    case 'enum':
      if (typeof json !== 'string' || !type.symbols.includes(json)) throw unfit(type, json);
      return json;
    default:
      return scalarDefault(type, json, longs);
  }
}

/** The specification wants the first branch; later ones are taken too, as newer Java does. */
function unionDefault(branches: readonly AvroType[], wrapped: boolean, json: unknown, longs: Longs): unknown {
  for (const branch of branches) {
    try {
      const value = defaultValue(branch, json, longs);
      return wrapped && branch.kind !== 'null' ? { [branchName(branch)]: value } : value;
    } catch (e) {
      if (branch === branches.at(-1)) throw e;
    }
  }
  throw new Error('an empty union has no values');
}

function scalarDefault(type: PrimitiveType | FixedType, json: unknown, longs: Longs): unknown {
  switch (type.kind) {
    case 'null':
      if (json === null) return null;
      break;
    case 'boolean':
      if (typeof json === 'boolean') return json;
      break;
    case 'string':
      if (typeof json === 'string') return json;
      break;
    case 'float':
    case 'double':
      if (typeof json === 'number' || typeof json === 'bigint') return Number(json);
      break;
    case 'int':
      if (typeof json === 'number' && json === (json | 0)) return json;
      break;
    case 'long':
      if (typeof json === 'bigint' || Number.isSafeInteger(json))
        return longDefault(type, json as number | bigint, longs);
      break;
    case 'bytes':
    case 'fixed':
      if (typeof json === 'string') return bytesDefault(type, json);
  }
  throw unfit(type, json);
}

function longDefault(type: PrimitiveType, json: number | bigint, longs: Longs): number | bigint {
  const kind = type.logical?.kind ?? '';
  if (kind.endsWith('-nanos')) return BigInt(json);
  if (longs === 'bigint' && (kind === '' || kind.endsWith('timestamp-micros'))) return BigInt(json);
  if (typeof json === 'bigint') throw new Error(`the default ${json} is beyond 2^53 − 1: use longs: 'bigint'`);
  return json;
}

/** A character a byte. */
function bytesDefault(type: PrimitiveType | FixedType, json: string): unknown {
  const bytes = new Uint8Array(Buffer.from(json, 'latin1'));
  if (type.kind === 'fixed' && bytes.length !== type.size) throw unfit(type, json);
  const { logical } = type;
  if (logical?.kind === 'decimal') return decimalOfBytes(bytes, logical.scale, logical.scale, logical.precision);
  if (logical?.kind === 'uuid') return uuidOfBytes(bytes);
  return logical?.kind === 'duration' ? durationOfBytes(bytes) : bytes;
}

function objectOf(type: AvroType, json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw unfit(type, json);
  return json as Readonly<Record<string, unknown>>;
}

function unfit(type: AvroType, json: unknown): Error {
  const shown = typeof json === 'bigint' ? String(json) : JSON.stringify(json);
  return new Error(`the default ${shown} is no ${shownType(type)}`);
}
