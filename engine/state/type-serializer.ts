/**
 * Serializers of the user's own (Flink: TypeSerializer), for values that state does not hold as they are, such as instances of a class.
 *
 * What is stored with each value is [version, serialized]. A value of an older version is migrated when it is restored, or refused then,
 * before anything is written: naming operator, state and both versions.
 */
import { ConfigError, messageOf } from '../model/errors.ts';

export interface TypeSerializer<T> {
  /** A whole number from 1; raise it when the serialized form changes. */
  readonly version: number;
  /** The value as plain data: what state holds without a serializer. */
  serialize(value: T): unknown;
  deserialize(serialized: unknown): T;
  /** Serialized data of an older `version` in today's form. */
  migrate?(serialized: unknown, version: number): unknown;
}

/** A serializer for one state of one operator. */
export class ValueCodec {
  private readonly serializer: TypeSerializer<unknown>;
  private readonly where: string;

  /** `where`: operator and state, for messages. */
  constructor(serializer: TypeSerializer<unknown>, where: string) {
    this.serializer = serializer;
    this.where = where;
    if (!Number.isInteger(serializer.version) || serializer.version < 1)
      throw new ConfigError(`${where}: a serializer's version is a whole number from 1; got ${serializer.version}.`);
  }

  encode(value: unknown): readonly [version: number, serialized: unknown] {
    return [this.serializer.version, this.serializer.serialize(value)];
  }

  decode(stored: unknown): unknown {
    const [version, serialized] = stored as [number, unknown];
    const { serializer } = this;
    if (version === serializer.version) return serializer.deserialize(serialized);
    const versions = `${this.where}: the checkpoint has values of serializer version ${version}, and the job's serializer has version ${serializer.version}`;
    if (version > serializer.version) {
      throw new ConfigError(
        `${versions}, which is older. Nothing was changed: run the job that wrote it, or a newer one.`,
      );
    }
    if (serializer.migrate === undefined) {
      throw new ConfigError(
        `${versions} and no migrate(serialized, version). Nothing was changed: add it, or give the new state another name.`,
      );
    }
    try {
      return serializer.deserialize(serializer.migrate(serialized, version));
    } catch (thrown) {
      throw new ConfigError(`${versions}. Migrating a value threw: ${messageOf(thrown)}`, {}, thrown);
    }
  }
}
