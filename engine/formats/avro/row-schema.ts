/** Avro records read and written with a `schema({ … })` of ours. */
import type { FieldType, NamedField, Schema } from '../schema.ts';
import type { AvroField, AvroType, PrimitiveType, RecordType } from './avro-types.ts';
import type { AvroSchemaObject } from './parse-schema.ts';

const AVRO_TYPE: Readonly<Record<FieldType, string | AvroSchemaObject>> = {
  string: 'string',
  number: 'double',
  int: 'long',
  boolean: 'boolean',
  timestamp: { type: 'long', logicalType: 'timestamp-millis' },
};

/** The Avro schema of rows: string, number → double, int → long, boolean, timestamp → timestamp-millis; nullable → a union with null, its default. */
export function avroSchemaOf(rows: Schema, recordName: string): AvroSchemaObject {
  const fields = rows.fields.map(({ name, type, isNullable }) =>
    isNullable ? { name, type: ['null', AVRO_TYPE[type]], default: null } : { name, type: AVRO_TYPE[type] },
  );
  return { type: 'record', name: recordName, fields };
}

/**
 * The reader's type for rows of what a writer wrote. Only declared fields are read, and a nullable one may be missing. A string may have been
 * written as string, enum, uuid or decimal; a number as any number (a long beyond 2^53 − 1 is refused); an int as int or long; a timestamp as
 * any timestamp, a date or a long of milliseconds.
 */
export function rowReader(rows: Schema, writer: RecordType): RecordType {
  const fields = rows.fields.map((field): AvroField => {
    const written = writer.fields.find((f) => f.name === field.name)?.type ?? null;
    const type = readerType(field, written);
    return {
      name: field.name,
      aliases: [],
      type: field.isNullable
        ? { kind: 'union', branches: [{ kind: 'null', logical: null }, type], wrapped: false }
        : type,
      hasDefault: field.isNullable,
      default: null,
    };
  });
  return { kind: 'record', name: writer.name, aliases: [], fields };
}

function readerType(field: NamedField, written: AvroType | null): AvroType {
  const branches = (written?.kind === 'union' ? written.branches : [written]).filter((b) => b !== null);
  switch (field.type) {
    case 'string':
      return branches.find(readsAsText) ?? plain('string');
    case 'number':
      return branches.some((b) => b.kind === 'double' || b.kind === 'float') ? plain('double') : plain('long');
    case 'int':
      return plain('long');
    case 'boolean':
      return plain('boolean');
    case 'timestamp':
      return { kind: 'long', logical: { kind: 'timestamp-millis', unit: 'millis' } };
  }
}

function readsAsText(type: AvroType): boolean {
  if (type.kind === 'enum') return true;
  if (type.kind !== 'bytes' && type.kind !== 'fixed') return false;
  return type.logical?.kind === 'decimal' || type.logical?.kind === 'uuid';
}

function plain(kind: PrimitiveType['kind']): PrimitiveType {
  return { kind, logical: null };
}
