/**
 * Avro records whose writers' schemas are in a schema registry, in Confluent's wire format, resolved to one reader's schema:
 *
 *     ConfluentRegistryAvroDeserializationSchema.forGeneric(orderSchema, 'http://registry:8081')
 *     ConfluentRegistryAvroDeserializationSchema.forSpecific(schema({ id: t.string(), amount: t.number() }), 'http://registry:8081')
 *
 * A writer's schema is fetched when a value with its id comes for the first time (`prepare`), once per process. A value without the header,
 * with an id that the registry does not know, whose schema cannot be read as the reader's, or that is no datum of it, is a bad record; a
 * registry that cannot be reached fails the attempt.
 */
import { avroDecoder, type DecodeDatum } from '../../formats/avro/avro-codec.ts';
import { parsed, type AvroReadOptions } from '../../formats/avro/avro-deserialization-schema.ts';
import { shownType, type AvroType, type Longs } from '../../formats/avro/avro-types.ts';
import type { AvroValue } from '../../formats/avro/avro-value.ts';
import { checkRecord, parseAvroSchema, type AvroSchema } from '../../formats/avro/parse-schema.ts';
import { rowReader } from '../../formats/avro/row-schema.ts';
import type { RowOf, Schema } from '../../formats/schema.ts';
import type { ValueFormat } from '../../formats/value-format.ts';
import { ConfigError, messageOf } from '../../model/errors.ts';
import { DEFAULT_IDENTITY_MAP_CAPACITY, registrySettings, type SchemaRegistryOptions } from './registry-options.ts';
import { SchemaRegistryClient, type RegisteredSchema } from './schema-registry-client.ts';
import { HEADER_BYTES, schemaIdOf, withoutHeader } from './wire-format.ts';

export interface RegistryReadOptions<L extends Longs = Longs> extends SchemaRegistryOptions, AvroReadOptions<L> {}

/** What is known of a writer's schema. */
type Writer =
  | { readonly kind: 'readable'; readonly name: string; readonly decode: DecodeDatum }
  | { readonly kind: 'unreadable'; readonly name: string; readonly why: string }
  /** Asked for again after a while: it may have been registered since. */
  | { readonly kind: 'absent'; readonly name: ''; readonly why: string; readonly sinceMs: number };

const ABSENT_FOR_MS = 10_000;
const MAX_SHOWN_SUBJECTS = 3;

export class ConfluentRegistryAvroDeserializationSchema<T> implements ValueFormat<T> {
  readonly name = 'avro-confluent';
  readonly #client: SchemaRegistryClient;
  readonly #capacity: number;
  readonly #readerFor: (writer: AvroType) => AvroType;
  readonly #longs: Longs;
  readonly #writers = new Map<number, Writer>();
  readonly #pending = new Map<number, Promise<void>>();
  #lastId = -1;
  #last: Writer | null = null;

  /** Records of any schema, as plain values; the row type comes from a literal schema, or is named: `forGeneric<Order>(text, url)`. */
  static forGeneric<const S extends AvroSchema, L extends Longs = 'number'>(
    schema: S,
    url: string,
    options?: RegistryReadOptions<L>,
  ): ConfluentRegistryAvroDeserializationSchema<AvroValue<S, L>>;
  static forGeneric<T>(
    schema: AvroSchema,
    url: string,
    options?: RegistryReadOptions,
  ): ConfluentRegistryAvroDeserializationSchema<T>;
  static forGeneric(
    schema: AvroSchema,
    url: string,
    options: RegistryReadOptions = {},
  ): ConfluentRegistryAvroDeserializationSchema<unknown> {
    const reader = parsed('ConfluentRegistryAvroDeserializationSchema.forGeneric', schema);
    return new ConfluentRegistryAvroDeserializationSchema(() => reader, url, options);
  }

  /** Rows of a `schema({ … })`: its fields of each writer's record, by name. */
  static forSpecific<S extends Schema>(
    rows: S,
    url: string,
    options: SchemaRegistryOptions = {},
  ): ConfluentRegistryAvroDeserializationSchema<RowOf<S>> {
    const readerFor = (writer: AvroType): AvroType => rowReader(rows, checkRecord(writer));
    return new ConfluentRegistryAvroDeserializationSchema<RowOf<S>>(readerFor, url, options);
  }

  /** Use `forGeneric` or `forSpecific`. */
  constructor(readerFor: (writer: AvroType) => AvroType, url: string, options: RegistryReadOptions) {
    this.#readerFor = readerFor;
    this.#longs = options.longs ?? 'number';
    this.#capacity = Math.max(1, options.identityMapCapacity ?? DEFAULT_IDENTITY_MAP_CAPACITY);
    this.#client = new SchemaRegistryClient(registrySettings(url, options));
  }

  prepare(bytes: Uint8Array): Promise<void> | null {
    const id = schemaIdOf(bytes);
    if (id < 0 || id === this.#lastId) return null;
    const writer = this.#writers.get(id);
    if (writer === undefined || isOutdated(writer)) return this.#load(id);
    this.#lastId = writer.kind === 'absent' ? -1 : id;
    this.#last = writer;
    return null;
  }

  decodeRecord(bytes: Uint8Array): T {
    const id = schemaIdOf(bytes);
    if (id < 0) throw withoutHeader(bytes);
    const writer = id === this.#lastId ? this.#last! : this.#known(id);
    const schema = () => `Avro schema id ${id}${writer.name} of ${this.#client.url}`;
    if (writer.kind !== 'readable') throw new Error(`${schema()} ${writer.why}`);
    try {
      return writer.decode(bytes, HEADER_BYTES) as T;
    } catch (e) {
      throw new Error(`${schema()}: ${messageOf(e)}`, { cause: e });
    }
  }

  #known(id: number): Writer {
    const writer = this.#writers.get(id);
    if (writer !== undefined) return writer;
    throw new ConfigError(
      `Avro schema id ${id} is not loaded: a source must await the format's prepare() before decodeRecord(). Wrap the format so that prepare is passed on.`,
      { id },
    );
  }

  #load(id: number): Promise<void> {
    let pending = this.#pending.get(id);
    if (pending === undefined) {
      pending = this.#fetch(id).finally(() => this.#pending.delete(id));
      this.#pending.set(id, pending);
    }
    return pending;
  }

  async #fetch(id: number): Promise<void> {
    const found = await this.#client.schemaById(id);
    const writer: Writer =
      typeof found === 'string'
        ? { kind: 'absent', name: '', why: found, sinceMs: performance.now() }
        : this.#writerOf(found);
    this.#writers.delete(id);
    this.#writers.set(id, writer);
    if (this.#writers.size <= this.#capacity) return;
    const [oldest] = this.#writers.keys();
    this.#writers.delete(oldest!);
  }

  #writerOf({ schema, references, subjects }: RegisteredSchema): Writer {
    const of = subjects.length === 0 ? '' : `of subject ${subjects.slice(0, MAX_SHOWN_SUBJECTS).join(', ')}`;
    try {
      const writer = parseAvroSchema(schema, references);
      const name = ` (${`${shownType(writer)} ${of}`.trimEnd()})`;
      const decode = avroDecoder(writer, this.#readerFor(writer), this.#longs);
      return { kind: 'readable', name, decode };
    } catch (e) {
      return { kind: 'unreadable', name: of === '' ? '' : ` (${of})`, why: `cannot be read: ${messageOf(e)}` };
    }
  }
}

function isOutdated(writer: Writer): boolean {
  return writer.kind === 'absent' && performance.now() - writer.sinceMs > ABSENT_FOR_MS;
}
