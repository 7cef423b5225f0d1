/**
 * Row types from literal schemas:
 *
 *     const order = { type: 'record', name: 'Order', fields: [{ name: 'id', type: 'string' }, { name: 'note', type: ['null', 'string'] }] } as const;
 *     type Order = AvroValue<typeof order>; // { readonly id: string; readonly note: string | null }
 *
 * References to types defined elsewhere, and schemas given as JSON text, are `unknown`: name the row type then, `forGeneric<Order>(text, …)`.
 */
import type { Longs } from './avro-types.ts';
import type { AvroDuration } from './logical-types.ts';
import type { AvroSchemaObject } from './parse-schema.ts';

/** What is read. `L` as the option `longs`. */
export type AvroValue<S, L extends Longs = 'number'> = ValueOf<
  S,
  { long: L extends 'bigint' ? bigint : number; decimal: string; nanos: bigint; optional: never }
>;

/** What may be written: integers as numbers or bigints, decimals as text or unscaled bigints; fields with a default may be missing. */
export type AvroWritable<S> = ValueOf<
  S,
  { long: number | bigint; decimal: string | bigint; nanos: number | bigint; optional: { readonly default: unknown } }
>;

interface Shapes {
  readonly long: unknown;
  readonly decimal: unknown;
  readonly nanos: unknown;
  /** Fields that may be missing extend it. */
  readonly optional: unknown;
}

interface FieldOf {
  readonly name: string;
  readonly type: unknown;
}

interface Primitives<C extends Shapes> {
  readonly null: null;
  readonly boolean: boolean;
  readonly int: number;
  readonly long: C['long'];
  readonly float: number;
  readonly double: number;
  readonly string: string;
  readonly bytes: Uint8Array;
}

interface Logicals<C extends Shapes> {
  readonly decimal: C['decimal'];
  readonly uuid: string;
  readonly date: number;
  readonly 'time-millis': number;
  readonly 'time-micros': number;
  readonly 'timestamp-millis': number;
  readonly 'timestamp-micros': C['long'];
  readonly 'timestamp-nanos': C['nanos'];
  readonly 'local-timestamp-millis': number;
  readonly 'local-timestamp-micros': C['long'];
  readonly 'local-timestamp-nanos': C['nanos'];
  readonly duration: AvroDuration;
}

/** A schema that is not literal says nothing of its values. */
type IsGeneral<S> = AvroSchemaObject extends S ? true : false;

type ValueOf<S, C extends Shapes> = S extends keyof Primitives<C>
  ? Primitives<C>[S]
  : S extends string
    ? unknown
    : IsGeneral<S> extends true
      ? unknown
      : S extends readonly unknown[]
        ? UnionOf<S, C>
        : S extends { readonly type: 'record' | 'error'; readonly fields: infer F extends readonly FieldOf[] }
          ? RecordOf<F[number], C>
          : S extends { readonly type: 'array'; readonly items: infer I }
            ? readonly ValueOf<I, C>[]
            : S extends { readonly type: 'map'; readonly values: infer V }
              ? { readonly [key: string]: ValueOf<V, C> }
              : S extends { readonly type: 'enum'; readonly symbols: readonly (infer E)[] }
                ? E
                : S extends { readonly logicalType: infer K extends keyof Logicals<C> }
                  ? Logicals<C>[K]
                  : S extends { readonly type: 'fixed' }
                    ? Uint8Array
                    : S extends { readonly type: infer T }
                      ? ValueOf<T, C>
                      : unknown;

type RecordOf<F extends FieldOf, C extends Shapes> = Flat<
  { readonly [X in Exclude<F, C['optional']> as X['name']]: ValueOf<X['type'], C> } & {
    readonly [X in Extract<F, C['optional']> as X['name']]?: ValueOf<X['type'], C>;
  }
>;

type Flat<T> = { [K in keyof T]: T[K] };

type UnionOf<B extends readonly unknown[], C extends Shapes> =
  'unknown' extends LookOf<B[number]>
    ? unknown
    : LooksAlike<B> extends true
      ? WrappedOf<B[number], C>
      : ValueOf<B[number], C>;

type WrappedOf<S, C extends Shapes> = S extends 'null' ? null : { readonly [K in BranchOf<S>]: ValueOf<S, C> };

type BranchOf<S> = S extends string
  ? S
  : S extends { readonly name: infer N extends string; readonly namespace: infer P extends string }
    ? `${P}.${N}`
    : S extends { readonly name: unknown }
      ? string
      : S extends { readonly type: infer T extends string }
        ? T
        : never;

/** Whether two branches cannot be told apart by what they are in JavaScript. */
type LooksAlike<B extends readonly unknown[], Seen = never> = B extends readonly [infer First, ...infer Rest]
  ? LookOf<First> extends Seen
    ? true
    : LooksAlike<Rest, Seen | LookOf<First>>
  : false;

type LookOf<S> =
  IsGeneral<S> extends true
    ? 'unknown'
    : S extends 'int' | 'long' | 'float' | 'double'
      ? 'number'
      : S extends 'null' | 'boolean' | 'string' | 'bytes'
        ? S
        : S extends string
          ? 'unknown'
          : S extends { readonly logicalType: 'duration' }
            ? 'object'
            : S extends { readonly logicalType: 'decimal' | 'uuid' }
              ? 'string'
              : S extends { readonly type: infer T }
                ? LookOfKind<T>
                : 'unknown';

type LookOfKind<T> = T extends 'record' | 'error' | 'map'
  ? 'object'
  : T extends 'enum'
    ? 'string'
    : T extends 'fixed'
      ? 'bytes'
      : T extends 'array'
        ? 'array'
        : LookOf<T>;
