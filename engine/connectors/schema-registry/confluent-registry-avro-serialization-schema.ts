/**
 * Values as Avro in Confluent's wire format, their schema registered under a subject before the first one:
 *
 *     ConfluentRegistryAvroSerializationSchema.forGeneric(topicNameSubject('orders'), orderSchema, 'http://registry:8081')
 *
 * A schema that is not compatible with the subject's is a ConfigError when the job starts.
 */
import { avroEncoder, type EncodeDatum } from '../../formats/avro/avro-codec.ts';
import type { AvroWritable } from '../../formats/avro/avro-value.ts';
import { parseAvroSchema, schemaText, type AvroSchema } from '../../formats/avro/parse-schema.ts';
import { avroSchemaOf } from '../../formats/avro/row-schema.ts';
import type { RowOf, Schema } from '../../formats/schema.ts';
import type { ValueEncoder } from '../../formats/value-encoder.ts';
import { ConfigError, messageOf } from '../../model/errors.ts';
import { registrySettings, type SchemaRegistryOptions } from './registry-options.ts';
import { SchemaRegistryClient, type SchemaReference } from './schema-registry-client.ts';
import { headerOf } from './wire-format.ts';

export interface RegistryWriteOptions extends SchemaRegistryOptions {
  /** False: the schema must be under the subject already. Default: true. */
  readonly autoRegister?: boolean;
  /** Schemas of other subjects whose types this one uses; `schema` is what they hold. */
  readonly references?: readonly (SchemaReference & { readonly schema: AvroSchema })[];
}

export class ConfluentRegistryAvroSerializationSchema<T> implements ValueEncoder<T> {
  readonly name = 'avro-confluent';
  readonly #subject: string;
  readonly #schema: string;
  readonly #options: RegistryWriteOptions;
  readonly #client: SchemaRegistryClient;
  readonly #encode: EncodeDatum;
  #opening: Promise<void> | null = null;
  #header: Uint8Array | null = null;

  static forGeneric<const S extends AvroSchema>(
    subject: string,
    schema: S,
    url: string,
    options?: RegistryWriteOptions,
  ): ConfluentRegistryAvroSerializationSchema<AvroWritable<S>>;
  static forGeneric<T>(
    subject: string,
    schema: AvroSchema,
    url: string,
    options?: RegistryWriteOptions,
  ): ConfluentRegistryAvroSerializationSchema<T>;
  static forGeneric(
    subject: string,
    schema: AvroSchema,
    url: string,
    options: RegistryWriteOptions = {},
  ): ConfluentRegistryAvroSerializationSchema<unknown> {
    return new ConfluentRegistryAvroSerializationSchema(subject, schema, url, options);
  }

  /** Rows of a `schema({ … })`, as `avroSchemaOf(rows, recordName)` describes them. */
  static forSpecific<S extends Schema>(
    rows: S,
    subject: string,
    url: string,
    options: RegistryWriteOptions & { readonly recordName: string },
  ): ConfluentRegistryAvroSerializationSchema<RowOf<S>> {
    const schema = avroSchemaOf(rows, options.recordName);
    return new ConfluentRegistryAvroSerializationSchema<RowOf<S>>(subject, schema, url, options);
  }

  /** Use `forGeneric` or `forSpecific`. */
  constructor(subject: string, schema: AvroSchema, url: string, options: RegistryWriteOptions) {
    if (subject === '')
      throw new ConfigError('ConfluentRegistryAvroSerializationSchema: the subject must not be empty.');
    this.#subject = subject;
    this.#options = options;
    this.#client = new SchemaRegistryClient(registrySettings(url, options));
    try {
      this.#schema = schemaText(schema);
      const references = options.references?.map((reference) => reference.schema) ?? [];
      this.#encode = avroEncoder(parseAvroSchema(schema, references));
    } catch (e) {
      throw new ConfigError(`subject "${subject}": no valid Avro schema: ${messageOf(e)}.`, { subject });
    }
  }

  open(): Promise<void> {
    this.#opening ??= this.#register().catch((e: unknown) => {
      this.#opening = null;
      throw e;
    });
    return this.#opening;
  }

  encode(value: T): Uint8Array {
    if (this.#header === null)
      throw new ConfigError(`subject "${this.#subject}": encode() before open(): a sink must await open() first.`);
    return this.#encode(value, this.#header);
  }

  async #register(): Promise<void> {
    const { autoRegister = true, references = [] } = this.#options;
    const refer = references.map(({ name, subject, version }) => ({ name, subject, version }));
    const id = autoRegister
      ? await this.#client.register(this.#subject, this.#schema, refer)
      : await this.#client.lookup(this.#subject, this.#schema, refer);
    this.#header = headerOf(id);
  }
}
