/**
 * Avro schema as JSON → AvroType, by the specification: names and namespaces, references to types defined before, aliases, defaults kept as
 * JSON. What Java's parser refuses is refused here, except bad defaults, which only matter where they are used.
 */
import { branchName, shownType, simpleName, type AvroField, type AvroType, type PrimitiveKind } from './avro-types.ts';
import { logicalTypeOf } from './logical-types.ts';

/** A schema: JSON text, or the same as plain data. */
export type AvroSchema = string | readonly AvroSchema[] | AvroSchemaObject;

export interface AvroSchemaObject {
  readonly type: string | readonly AvroSchema[] | AvroSchemaObject;
  readonly [attribute: string]: unknown;
}

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'string',
  'bytes',
]);
const NAME = /^[\p{L}_][\p{L}\p{N}_]*$/u;
const MAX_DEPTH = 200;

/** Parses `schema`; `references` are schemas whose named types it uses, each after those that it needs itself. Throws an Error. */
export function parseAvroSchema(schema: AvroSchema, references: readonly AvroSchema[] = []): AvroType {
  const named = new Map<string, AvroType>();
  for (const reference of references) new SchemaParser(named).parse(jsonOf(reference), '', 0);
  return new SchemaParser(named).parse(jsonOf(schema), '', 0);
}

/** The schema as JSON text: what a registry keeps. */
export function schemaText(schema: AvroSchema): string {
  return typeof schema === 'string' && !PRIMITIVES.has(schema) ? schema : JSON.stringify(schema);
}

/** Text that begins like JSON is JSON; other text is a type's name. Integers beyond 2^53 − 1 (defaults) become bigints. */
function jsonOf(schema: AvroSchema): unknown {
  if (typeof schema !== 'string' || !/^\s*[{["]/.test(schema)) return schema;
  const reviver = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context!.source!)
      : value;
  try {
    return JSON.parse(schema, reviver);
  } catch (e) {
    throw new Error(`the schema is no JSON: ${(e as Error).message}`, { cause: e });
  }
}

class SchemaParser {
  readonly #named: Map<string, AvroType>;
  constructor(named: Map<string, AvroType>) {
    this.#named = named;
  }

  parse(schema: unknown, namespace: string, depth: number): AvroType {
    if (depth > MAX_DEPTH) throw new Error(`the schema is nested more than ${MAX_DEPTH} deep`);
    if (typeof schema === 'string') return this.#reference(schema, namespace);
    if (Array.isArray(schema)) return this.#union(schema, namespace, depth);
    const object = objectOf(schema, 'a schema');
    const { type } = object;
    if (typeof type !== 'string') return this.parse(type, namespace, depth + 1);
    if (PRIMITIVES.has(type)) return { kind: type as PrimitiveKind, logical: logicalTypeOf(object, type, null) };
    switch (type) {
      case 'array':
        return { kind: 'array', items: this.parse(required(object, 'items', type), namespace, depth + 1) };
      case 'map':
        return { kind: 'map', values: this.parse(required(object, 'values', type), namespace, depth + 1) };
      case 'fixed':
      case 'enum':
      case 'record':
      case 'error':
        return this.#definition(object, type, namespace, depth);
      default:
        return this.#reference(type, namespace);
    }
  }

  #reference(name: string, namespace: string): AvroType {
    if (PRIMITIVES.has(name)) return { kind: name as PrimitiveKind, logical: null };
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    const type = this.#named.get(full) ?? this.#named.get(name);
    if (type === undefined) throw new Error(`the type "${full}" is used, but defined nowhere before`);
    return type;
  }

  #union(branches: readonly unknown[], namespace: string, depth: number): AvroType {
    const types = branches.map((branch) => this.parse(branch, namespace, depth + 1));
    const names = types.map(branchName);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) throw new Error(`a union has two branches "${twice}"`);
    if (names.includes('union')) throw new Error('a union may not hold a union directly');
    const looks = types.filter((type) => type.kind !== 'null').map(lookOf);
    return { kind: 'union', branches: types, wrapped: new Set(looks).size < looks.length };
  }

  #definition(
    object: Readonly<Record<string, unknown>>,
    kind: 'fixed' | 'enum' | 'record' | 'error',
    outer: string,
    depth: number,
  ): AvroType {
    const { name, namespace } = fullNameOf(object, outer, kind);
    if (this.#named.has(name)) throw new Error(`the type "${name}" is defined twice`);
    const aliases = stringsOf(object['aliases'], `aliases of ${name}`).map((alias) => qualified(alias, namespace));
    if (kind === 'fixed') {
      const size = object['size'];
      if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
        throw new Error(`fixed ${name}: "size" must be a whole number`);
      return this.#define({ kind, name, aliases, size, logical: logicalTypeOf(object, kind, size) });
    }
    if (kind === 'enum') return this.#define(enumOf(object, name, aliases));
    const fields: AvroField[] = [];
    const record = this.#define({ kind: 'record', name, aliases, fields });
    const declared = required(object, 'fields', `record ${name}`);
    if (!Array.isArray(declared)) throw new Error(`record ${name}: "fields" must be a list`);
    for (const field of declared) fields.push(this.#field(field, name, namespace, depth));
    const names = fields.map((f) => f.name);
    const twice = names.find((n, i) => names.indexOf(n) !== i);
    if (twice !== undefined) throw new Error(`record ${name} has two fields "${twice}"`);
    return record;
  }

  #field(declared: unknown, record: string, namespace: string, depth: number): AvroField {
    const field = objectOf(declared, `a field of ${record}`);
    const name = field['name'];
    if (typeof name !== 'string' || !NAME.test(name))
      throw new Error(`record ${record}: ${JSON.stringify(name)} is no name of a field`);
    try {
      return {
        name,
        aliases: stringsOf(field['aliases'], 'aliases'),
        type: this.parse(required(field, 'type', 'field'), namespace, depth + 1),
        hasDefault: Object.hasOwn(field, 'default'),
        default: field['default'],
      };
    } catch (e) {
      throw new Error(`record ${record}, field "${name}": ${(e as Error).message}`, { cause: e });
    }
  }

  #define<T extends AvroType & { readonly name: string }>(type: T): T {
    this.#named.set(type.name, type);
    return type;
  }
}

/** What a value of the type looks like to JavaScript. */
function lookOf(type: AvroType): string {
  switch (type.kind) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 'number';
    case 'enum':
      return 'string';
    case 'bytes':
    case 'fixed':
      if (type.logical === null) return 'bytes';
      return type.logical.kind === 'duration' ? 'object' : 'string';
    case 'map':
    case 'record':
      return 'object';
    default:
      return type.kind;
  }
}

function enumOf(
  object: Readonly<Record<string, unknown>>,
  name: string,
  aliases: readonly string[],
): AvroType & { readonly name: string } {
  const symbols = stringsOf(required(object, 'symbols', `enum ${name}`), `symbols of ${name}`);
  const bad = symbols.find((symbol, i) => !NAME.test(symbol) || symbols.indexOf(symbol) !== i);
  if (bad !== undefined) throw new Error(`enum ${name}: the symbol ${JSON.stringify(bad)} is no name, or there twice`);
  const fallback = object['default'];
  if (fallback === undefined) return { kind: 'enum', name, aliases, symbols, default: null };
  if (typeof fallback !== 'string' || !symbols.includes(fallback))
    throw new Error(`enum ${name}: the default ${JSON.stringify(fallback)} is none of its symbols`);
  return { kind: 'enum', name, aliases, symbols, default: fallback };
}

function fullNameOf(
  object: Readonly<Record<string, unknown>>,
  outer: string,
  kind: string,
): { name: string; namespace: string } {
  const { name, namespace } = object;
  // Namespaces are not looked at, as in Java before 1.12: those of nested classes end in "$".
  if (typeof name !== 'string' || !NAME.test(simpleName(name)))
    throw new Error(`${kind}: ${JSON.stringify(name)} is no name`);
  if (PRIMITIVES.has(name)) throw new Error(`"${name}" cannot be defined again`);
  const full = qualified(name, typeof namespace === 'string' ? namespace : outer);
  return { name: full, namespace: full.includes('.') ? full.slice(0, full.lastIndexOf('.')) : '' };
}

function qualified(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${what} must be a name, a list or an object, not ${JSON.stringify(value) ?? 'undefined'}`);
  return value as Readonly<Record<string, unknown>>;
}

function required(object: Readonly<Record<string, unknown>>, attribute: string, what: string): unknown {
  const value = object[attribute];
  if (value === undefined) throw new Error(`${what} without "${attribute}"`);
  return value;
}

function stringsOf(value: unknown, what: string): readonly string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new Error(`${what} must be a list of names`);
  return value;
}

/** The type as a record, which whoever reads or writes rows needs. */
export function checkRecord(type: AvroType): AvroType & { readonly kind: 'record' } {
  if (type.kind === 'record') return type;
  throw new Error(`the schema is ${shownType(type)}; a record is needed`);
}
