/** Random Avro schemas with values that fit them, as rows show them. */
import fc from 'fast-check';
import { branchName, type AvroType } from './avro-types.ts';
import { parseAvroSchema, type AvroSchema, type AvroSchemaObject } from './parse-schema.ts';

export interface Sample {
  readonly schema: AvroSchema;
  readonly values: readonly unknown[];
}

/** avsc 5.7.9 writes other numbers than it is given below −2^52 (−4503599627370497 reads back as −4503599627370496). */
const wholeNumbers = fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 2 });

/** Schemas up to `depth` deep; `logical`: with logical types. */
export function samples(depth: number, logical: boolean): fc.Arbitrary<Sample> {
  return schemas(depth, logical).chain((schema) =>
    fc.array(valuesOf(parseAvroSchema(schema)), { minLength: 1, maxLength: 3 }).map((values) => ({ schema, values })),
  );
}

/** Names are made unique by where they stand. */
export function schemas(depth: number, logical: boolean, path = 'T'): fc.Arbitrary<AvroSchema> {
  const plain = fc.constantFrom<AvroSchema>('null', 'boolean', 'int', 'long', 'float', 'double', 'string', 'bytes');
  const leaves: fc.Arbitrary<AvroSchema>[] = [
    plain,
    fc.constant({ type: 'enum', name: `${path}E`, symbols: ['A', 'B', 'C'] }),
    fc.nat({ max: 9 }).map((size) => ({ type: 'fixed', name: `${path}F`, size })),
  ];
  if (logical) leaves.push(logicalSchema(path));
  if (depth === 0) return fc.oneof(...leaves);
  const inner = (part: string): fc.Arbitrary<AvroSchema> => schemas(depth - 1, logical, path + part);
  return fc.oneof(
    ...leaves,
    inner('a').map((items): AvroSchemaObject => ({ type: 'array', items })),
    inner('m').map((values): AvroSchemaObject => ({ type: 'map', values })),
    fc.tuple(inner('u'), inner('v'), inner('w')).map(unionOf),
    inner('n').map((branch) => unionOf(['null', branch])),
    fc.tuple(inner('x'), inner('y'), inner('z')).map((types): AvroSchemaObject => ({
      type: 'record',
      name: `${path}R`,
      fields: types.map((type, i) => ({ name: `f${i}`, type })),
    })),
  );
}

function logicalSchema(path: string): fc.Arbitrary<AvroSchema> {
  const decimal = fc
    .tuple(fc.integer({ min: 1, max: 30 }), fc.nat({ max: 30 }))
    .map(([precision, scale]) => ({ logicalType: 'decimal', precision, scale: Math.min(scale, precision) }));
  return fc.oneof(
    decimal.map((d) => ({ type: 'bytes', ...d })),
    decimal.map((d) => ({ type: 'fixed', name: `${path}D`, size: 13, ...d })),
    fc.constantFrom<AvroSchemaObject>(
      { type: 'string', logicalType: 'uuid' },
      { type: 'int', logicalType: 'date' },
      { type: 'int', logicalType: 'time-millis' },
      { type: 'long', logicalType: 'time-micros' },
      { type: 'long', logicalType: 'timestamp-millis' },
      { type: 'long', logicalType: 'local-timestamp-micros' },
      { type: 'long', logicalType: 'timestamp-nanos' },
      { type: 'fixed', name: `${path}U`, size: 12, logicalType: 'duration' },
    ),
  );
}

/** Branches of the same kind once; unions flattened. */
function unionOf(branches: readonly AvroSchema[]): readonly AvroSchema[] {
  const flat = branches.flatMap((branch) => (Array.isArray(branch) ? (branch as readonly AvroSchema[]) : [branch]));
  const names = flat.map((branch) => branchName(parseAvroSchema(branch)));
  return flat.filter((_, i) => names.indexOf(names[i]!) === i);
}

/** Values of the type; longs as bigints where they are too large for numbers. */
export function valuesOf(type: AvroType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'union': {
      const { branches, wrapped } = type;
      return fc.oneof(
        ...branches.map((branch) =>
          wrapped && branch.kind !== 'null'
            ? valuesOf(branch).map((value) => ({ [branchName(branch)]: value }))
            : valuesOf(branch),
        ),
      );
    }
    case 'array':
      return fc.array(valuesOf(type.items), { maxLength: 4 });
    case 'map':
      return fc
        .array(fc.tuple(fc.string(), valuesOf(type.values)), { maxLength: 4 })
        .map((entries) => Object.fromEntries(entries) as object);
    case 'record':
      return fc
        .tuple(...type.fields.map((field) => valuesOf(field.type)))
        .map((values) => Object.fromEntries(type.fields.map((field, i) => [field.name, values[i]])) as object);
    case 'enum':
      return fc.constantFrom(...type.symbols);
    default:
      return type.logical === null ? plainValues(type) : logicalValues(type);
  }
}

function plainValues(type: AvroType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1));
    case 'long':
      return fc.oneof(wholeNumbers, fc.integer());
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    case 'string':
      return fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ minLength: 60, maxLength: 90 }));
    case 'fixed':
      return fc.uint8Array({ minLength: type.size, maxLength: type.size }).map((bytes) => new Uint8Array(bytes));
    default:
      return fc.uint8Array({ maxLength: 12 }).map((bytes) => new Uint8Array(bytes));
  }
}

function logicalValues(type: AvroType & { readonly logical: unknown }): fc.Arbitrary<unknown> {
  const { logical } = type as Extract<AvroType, { kind: 'fixed' }>;
  switch (logical!.kind) {
    case 'decimal': {
      const { precision, scale } = logical as { precision: number; scale: number };
      const bound = 10n ** BigInt(precision) - 1n;
      return fc
        .oneof(fc.bigInt({ min: -bound, max: bound }), fc.bigInt({ min: -min(bound, 300n), max: min(bound, 300n) }))
        .map((unscaled) => decimal(unscaled, scale));
    }
    case 'uuid':
      return fc.uuid();
    case 'duration': {
      const part = fc.nat({ max: 0xff_ff_ff_ff });
      return fc.record({ months: part, days: part, milliseconds: part }, { noNullPrototype: true });
    }
    case 'date':
    case 'time-millis':
      return fc.integer();
    case 'timestamp-nanos':
      return fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
    default:
      return wholeNumbers;
  }
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Written out here once more, so that the code under test is not its own oracle. */
function decimal(unscaled: bigint, scale: number): string {
  const power = 10n ** BigInt(scale);
  const size = unscaled < 0n ? -unscaled : unscaled;
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? `${unscaled}` : `${sign}${size / power}.${String(size % power).padStart(scale, '0')}`;
}
