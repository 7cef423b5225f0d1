/**
 * Avro without a registry: each value is one datum in Avro's binary encoding, all written with one schema.
 *
 *     AvroDeserializationSchema.forGeneric(orderSchema)                              // rows as AvroValue<typeof orderSchema>
 *     AvroDeserializationSchema.forGeneric(readerSchema, { writerSchema })           // resolved from what was written
 *     AvroDeserializationSchema.forSpecific(schema({ id: t.string() }), writerSchema)
 */
import { ConfigError, messageOf } from '../../model/errors.ts';
import type { RowOf, Schema } from '../schema.ts';
import type { ValueFormat } from '../value-format.ts';
import { avroDecoder, type DecodeDatum } from './avro-codec.ts';
import type { AvroType, Longs } from './avro-types.ts';
import type { AvroValue } from './avro-value.ts';
import { checkRecord, parseAvroSchema, type AvroSchema } from './parse-schema.ts';
import { rowReader } from './row-schema.ts';

export interface AvroReadOptions<L extends Longs = Longs> {
  /**
   * How `long` and `timestamp-micros` show. 'number' (the default): a value beyond 2^53 − 1 makes its record a bad record, never an
   * inexact number. 'bigint': all of them are bigints.
   */
  readonly longs?: L;
}

export interface AvroDatumOptions<L extends Longs = Longs> extends AvroReadOptions<L> {
  /** What the data were written with. Default: the reader's schema. */
  readonly writerSchema?: AvroSchema;
}

export class AvroDeserializationSchema<T> implements ValueFormat<T> {
  readonly name = 'avro';
  readonly #decode: DecodeDatum;

  /** Records of any schema, as plain values; the row type comes from a literal schema, or is named. */
  static forGeneric<const S extends AvroSchema, L extends Longs = 'number'>(
    schema: S,
    options?: AvroDatumOptions<L>,
  ): AvroDeserializationSchema<AvroValue<S, L>>;
  static forGeneric<T>(schema: AvroSchema, options?: AvroDatumOptions): AvroDeserializationSchema<T>;
  static forGeneric(schema: AvroSchema, options: AvroDatumOptions = {}): AvroDeserializationSchema<unknown> {
    const reader = parsed('AvroDeserializationSchema.forGeneric', schema);
    const writer =
      options.writerSchema === undefined ? reader : parsed("forGeneric's writerSchema", options.writerSchema);
    return new AvroDeserializationSchema(writer, () => reader, options.longs ?? 'number');
  }

  /** Rows of a `schema({ … })`, read from records that were written with `writerSchema`. */
  static forSpecific<S extends Schema>(rows: S, writerSchema: AvroSchema): AvroDeserializationSchema<RowOf<S>> {
    const writer = parsed("forSpecific's writerSchema", writerSchema);
    return new AvroDeserializationSchema<RowOf<S>>(writer, () => rowReader(rows, checkRecord(writer)), 'number');
  }

  /** Use `forGeneric` or `forSpecific`. */
  constructor(writer: AvroType, reader: () => AvroType, longs: Longs) {
    try {
      this.#decode = avroDecoder(writer, reader(), longs);
    } catch (e) {
      throw new ConfigError(`AvroDeserializationSchema: the writer's schema cannot be read: ${messageOf(e)}.`);
    }
  }

  decodeRecord(bytes: Uint8Array): T {
    return this.#decode(bytes, 0) as T;
  }
}

/** The schema, or a ConfigError that says whose it is. */
export function parsed(whose: string, schema: AvroSchema): AvroType {
  try {
    return parseAvroSchema(schema);
  } catch (e) {
    throw new ConfigError(`${whose}: no valid Avro schema: ${messageOf(e)}.`);
  }
}
