/**
 * The columns of Parquet files, and the row type derived from them:
 *
 *     const sales = parquetSchema({ id: p.string(), amount: p.decimal(12, 2), at: p.timestamp(), note: p.string().nullable() });
 *     type Sale = ParquetRow<typeof sales>; // { id: string; amount: string; at: number; note: string | null }
 *
 * A `schema({ … })` of the line formats does as well. Flat columns only.
 */
import { ConfigError } from '../../model/errors.ts';
import type { FieldType, RowOf, Schema } from '../schema.ts';

export type ParquetKind =
  'string' | 'double' | 'int64' | 'int32' | 'bigint' | 'boolean' | 'timestamp' | 'decimal' | 'bytes';

/** One column. `R` is what a row read shows, `W` what a row written may hold. */
export interface ParquetField<R, W = R> {
  readonly kind: ParquetKind;
  readonly isNullable: boolean;
  /** Of decimals; else 0. */
  readonly precision: number;
  readonly scale: number;
  /** Null and missing are written as null; a column that a file does not have reads as null. */
  nullable(): ParquetField<R | null, W | null | undefined>;
  /** Type only. */
  readonly __read?: R;
  readonly __write?: W;
}

export type ParquetFields = Readonly<Record<string, ParquetField<unknown, unknown>>>;

export interface ParquetColumn {
  readonly name: string;
  readonly kind: ParquetKind;
  readonly isNullable: boolean;
  readonly precision: number;
  readonly scale: number;
}

export interface ParquetSchema<F extends ParquetFields = ParquetFields> {
  /** In order of declaration: the order in the file. */
  readonly columns: readonly ParquetColumn[];
  /** Type only. */
  readonly __fields?: F;
}

export type AnyParquetSchema = Schema | ParquetSchema;

type ReadOf<X> = X extends ParquetField<infer R, unknown> ? R : never;
type WriteOf<X> = X extends { readonly __write?: infer W } ? W : never;
type OptionalOf<F> = { [K in keyof F]: undefined extends WriteOf<F[K]> ? K : never }[keyof F];
type WriteRow<F> = { readonly [K in Exclude<keyof F, OptionalOf<F>>]: Exclude<WriteOf<F[K]>, undefined> } & {
  readonly [K in OptionalOf<F>]?: WriteOf<F[K]>;
};

/** The row that is read with a schema. */
export type ParquetRow<S> = S extends ParquetSchema<infer F> ? { readonly [K in keyof F]: ReadOf<F[K]> } : RowOf<S>;
/** The row that may be written with a schema: a decimal may be a bigint of its unscaled value. */
export type ParquetInput<S> = S extends ParquetSchema<infer F> ? WriteRow<F> : RowOf<S>;

export const MAX_DECIMAL_PRECISION = 38;
const MAX_COLUMNS = 512;

/** Column types, with the Parquet types that are written. */
export const p = {
  /** BYTE_ARRAY, UTF-8. */
  string: (): ParquetField<string> => field('string'),
  /** DOUBLE. NaN and infinities too. */
  double: (): ParquetField<number> => field('double'),
  /** INT64, as a number of at most 2^53 − 1 in size. */
  int64: (): ParquetField<number> => field('int64'),
  /** INT32. */
  int32: (): ParquetField<number> => field('int32'),
  /** INT64, all of it. */
  bigint: (): ParquetField<bigint> => field('bigint'),
  boolean: (): ParquetField<boolean> => field('boolean'),
  /** Epoch milliseconds. INT64, TIMESTAMP(MILLIS, UTC). */
  timestamp: (): ParquetField<number> => field('timestamp'),
  /**
   * Exact decimal text such as "-12.30", read with exactly `scale` digits. Written from such text, or from a bigint: the unscaled value
   * (−1230n). INT32 up to precision 9, INT64 up to 18, else 16 bytes.
   */
  decimal: (precision: number, scale: number): ParquetField<string, string | bigint> => decimal(precision, scale),
  /** BYTE_ARRAY. */
  bytes: (): ParquetField<Uint8Array> => field('bytes'),
} as const;

/** Declares the columns of Parquet files. Names may not begin with `__`. */
export function parquetSchema<const F extends ParquetFields>(fields: F): ParquetSchema<F> {
  const columns = Object.entries(fields).map(([name, f]): ParquetColumn => {
    if (name === '' || name.startsWith('__'))
      throw new ConfigError(
        `parquetSchema column ${JSON.stringify(name)}: a name must not be empty or begin with "__".`,
      );
    return { name, kind: f.kind, isNullable: f.isNullable, precision: f.precision, scale: f.scale };
  });
  if (columns.length === 0 || columns.length > MAX_COLUMNS)
    throw new ConfigError(`parquetSchema takes 1 to ${MAX_COLUMNS} columns, got ${columns.length}.`);
  return { columns };
}

const KIND_OF: Readonly<Record<FieldType, ParquetKind>> = {
  string: 'string',
  number: 'double',
  int: 'int64',
  boolean: 'boolean',
  timestamp: 'timestamp',
};

export function columnsOf(schema: AnyParquetSchema): readonly ParquetColumn[] {
  if ('columns' in schema) return schema.columns;
  return schema.fields.map(({ name, type, isNullable }) => ({
    name,
    kind: KIND_OF[type],
    isNullable,
    precision: 0,
    scale: 0,
  }));
}

function decimal(precision: number, scale: number): ParquetField<string, string | bigint> {
  const valid =
    Number.isInteger(precision) && precision >= 1 && precision <= MAX_DECIMAL_PRECISION && Number.isInteger(scale);
  if (!valid || scale < 0 || scale > precision) {
    throw new ConfigError(
      `p.decimal(${precision}, ${scale}): precision is 1 to ${MAX_DECIMAL_PRECISION}, scale 0 to precision.`,
    );
  }
  return field('decimal', precision, scale);
}

function field<R, W = R>(kind: ParquetKind, precision = 0, scale = 0, isNullable = false): ParquetField<R, W> {
  return {
    kind,
    isNullable,
    precision,
    scale,
    nullable: () => field<R | null, W | null | undefined>(kind, precision, scale, true),
  };
}
