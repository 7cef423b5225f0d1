/**
 * Values as Avro data without a registry: the counterpart of AvroDeserializationSchema.
 *
 *     AvroSerializationSchema.forGeneric(orderSchema)                       // takes AvroWritable<typeof orderSchema>
 *     AvroSerializationSchema.forSpecific(schema({ id: t.string() }), 'shop.Order')
 */
import type { RowOf, Schema } from '../schema.ts';
import type { ValueEncoder } from '../value-encoder.ts';
import { avroEncoder, type EncodeDatum } from './avro-codec.ts';
import { parsed } from './avro-deserialization-schema.ts';
import type { AvroType } from './avro-types.ts';
import type { AvroWritable } from './avro-value.ts';
import type { AvroSchema } from './parse-schema.ts';
import { avroSchemaOf } from './row-schema.ts';

export class AvroSerializationSchema<T> implements ValueEncoder<T> {
  readonly name = 'avro';
  readonly #encode: EncodeDatum;

  static forGeneric<const S extends AvroSchema>(schema: S): AvroSerializationSchema<AvroWritable<S>>;
  static forGeneric<T>(schema: AvroSchema): AvroSerializationSchema<T>;
  static forGeneric(schema: AvroSchema): AvroSerializationSchema<unknown> {
    return new AvroSerializationSchema(parsed('AvroSerializationSchema.forGeneric', schema));
  }

  /** Rows of a `schema({ … })`, as `avroSchemaOf(rows, recordName)` describes them. */
  static forSpecific<S extends Schema>(rows: S, recordName: string): AvroSerializationSchema<RowOf<S>> {
    return new AvroSerializationSchema<RowOf<S>>(
      parsed('AvroSerializationSchema.forSpecific', avroSchemaOf(rows, recordName)),
    );
  }

  /** Use `forGeneric` or `forSpecific`. */
  constructor(type: AvroType) {
    this.#encode = avroEncoder(type);
  }

  encode(value: T): Uint8Array {
    return this.#encode(value, null);
  }
}
