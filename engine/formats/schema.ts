/**
 * A declared record schema, and the row type derived from it:
 *
 *     const orders = schema({ id: t.string(), amount: t.number(), note: t.string().nullable(), at: t.timestamp() });
 *     type Order = RowOf<typeof orders>; // { id: string; amount: number; note: string | null; at: number }
 *
 * Only declared fields are read; others are skipped without being decoded. A field that is not nullable and is missing or null
 * makes its record a bad record, and so does a value of another type: nothing is converted from text to number or back.
 */
import { ConfigError } from '../model/errors.ts';

export type FieldType = 'string' | 'number' | 'int' | 'boolean' | 'timestamp';

/** One field. `T` is what the row shows. */
export interface Field<T> {
  readonly type: FieldType;
  readonly isNullable: boolean;
  /** Missing and null are both read as null. */
  nullable(): Field<T | null>;
  /** The same as `nullable()`: a field that may be missing reads as null. */
  optional(): Field<T | null>;
  /** Type only. */
  readonly __type?: T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;

export interface NamedField {
  readonly name: string;
  readonly type: FieldType;
  readonly isNullable: boolean;
}

export interface Schema<F extends Fields = Fields> {
  /** In order of declaration: the order of columns. */
  readonly fields: readonly NamedField[];
  /** Type only. */
  readonly __fields?: F;
}

type ValueOf<X> = X extends Field<infer T> ? T : never;
/** The row of a schema. Rows are read-only: a lazy row is a view. */
export type RowOf<S> = S extends Schema<infer F> ? { readonly [K in keyof F]: ValueOf<F[K]> } : never;
/** The same as RowOf. */
export type InferRow<S> = RowOf<S>;

/** Field types. */
export const t = {
  string: (): Field<string> => field('string', false),
  /** Any finite JSON number. */
  number: (): Field<number> => field('number', false),
  /** A JSON number without a fraction, at most 2^53 − 1 in size. */
  int: (): Field<number> => field('int', false),
  boolean: (): Field<boolean> => field('boolean', false),
  /** Epoch milliseconds. Text as `parseTimestamp` takes it, or a JSON number of epoch milliseconds. */
  timestamp: (): Field<number> => field('timestamp', false),
} as const;

const MAX_FIELDS = 512;

/** Declares a record's fields. Names may not begin with `__`: the lazy row keeps those for itself. */
export function schema<const F extends Fields>(fields: F): Schema<F> {
  const named = Object.entries(fields).map(([name, f]) => ({ name, type: f.type, isNullable: f.isNullable }));
  if (named.length === 0)
    throw new ConfigError('schema({}) has no fields: declare at least one, e.g. schema({ id: t.string() }).');
  if (named.length > MAX_FIELDS) {
    throw new ConfigError(
      `A schema has at most ${MAX_FIELDS} fields, this one has ${named.length}: declare only those you read.`,
    );
  }
  for (const f of named) {
    if (f.name === '' || f.name.startsWith('__')) {
      throw new ConfigError(`schema field ${JSON.stringify(f.name)}: a name must not be empty or begin with "__".`);
    }
  }
  return { fields: named };
}

function field<T>(type: FieldType, isNullable: boolean): Field<T> {
  return {
    type,
    isNullable,
    nullable: () => field<T | null>(type, true),
    optional: () => field<T | null>(type, true),
  };
}
