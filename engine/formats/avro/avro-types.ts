/** A parsed Avro schema: names resolved, logical types read. Recursive schemas are circles of these objects. */
import type { LogicalType } from './logical-types.ts';

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'bytes';

export interface PrimitiveType {
  readonly kind: PrimitiveKind;
  readonly logical: LogicalType | null;
}

export interface FixedType {
  readonly kind: 'fixed';
  /** With the namespace. */
  readonly name: string;
  readonly aliases: readonly string[];
  readonly size: number;
  readonly logical: LogicalType | null;
}

export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  readonly aliases: readonly string[];
  readonly symbols: readonly string[];
  /** What a reader shows for symbols that it does not know. */
  readonly default: string | null;
}

export interface ArrayType {
  readonly kind: 'array';
  readonly items: AvroType;
}

export interface MapType {
  readonly kind: 'map';
  readonly values: AvroType;
}

export interface UnionType {
  readonly kind: 'union';
  readonly branches: readonly AvroType[];
  /** Two branches look alike in JavaScript: values are `{ 'branch name': value }`, as in Avro's JSON encoding; null stays null. */
  readonly wrapped: boolean;
}

export interface RecordType {
  readonly kind: 'record';
  readonly name: string;
  readonly aliases: readonly string[];
  readonly fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  readonly hasDefault: boolean;
  /** As in the schema: JSON. */
  readonly default: unknown;
}

export type AvroType = PrimitiveType | FixedType | EnumType | ArrayType | MapType | UnionType | RecordType;

/** How values of 64-bit integers look: numbers that are refused beyond 2^53 − 1, or bigints. */
export type Longs = 'number' | 'bigint';

/** The name of a type as a union's branch. */
export function branchName(type: AvroType): string {
  return type.kind === 'record' || type.kind === 'enum' || type.kind === 'fixed' ? type.name : type.kind;
}

/** A type for messages. */
export function shownType(type: AvroType): string {
  switch (type.kind) {
    case 'union':
      return `[${type.branches.map(shownType).join(', ')}]`;
    case 'array':
      return `array of ${shownType(type.items)}`;
    case 'map':
      return `map of ${shownType(type.values)}`;
    case 'record':
    case 'enum':
      return `${type.kind} ${type.name}`;
    case 'fixed':
      return `${type.logical === null ? '' : `${shownLogical(type.logical)} in `}fixed ${type.name}(${type.size})`;
    default:
      return type.logical === null ? type.kind : `${shownLogical(type.logical)} in ${type.kind}`;
  }
}

export function shownLogical(logical: LogicalType): string {
  return logical.kind === 'decimal' ? `decimal(${logical.precision}, ${logical.scale})` : logical.kind;
}

/** The name without its namespace. */
export function simpleName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
