/**
 * Schema resolution: how data of the writer's schema is read as the reader's. Java's rules (org.apache.avro.Resolver): what does not fit is an
 * error of the data that needs it, not of the schemas, so that a union's other branches read on; records need not have the same name outside
 * unions; aliases are the reader's. Beyond Java, which takes the raw value as the reader's logical type: timestamps, times and dates are
 * converted between units, decimals between scales; what has no conversion is an error.
 */
import {
  branchName,
  shownType,
  simpleName,
  type AvroField,
  type AvroType,
  type EnumType,
  type FixedType,
  type Longs,
  type PrimitiveType,
  type RecordType,
  type UnionType,
} from './avro-types.ts';
import { scalarCode, type ScalarCode } from './scalar-code.ts';

export type ReadAction =
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'scalar'; readonly code: ScalarCode }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly written: readonly string[];
      /** By written symbol; null: the reader does not know it. */
      readonly symbols: readonly (string | null)[];
    }
  | { readonly kind: 'array' | 'map'; readonly item: ReadAction; readonly written: AvroType }
  | RecordAction
  | { readonly kind: 'branches'; readonly actions: readonly ReadAction[] }
  | { readonly kind: 'wrap'; readonly branch: string; readonly action: ReadAction };

export interface RecordAction {
  readonly kind: 'record';
  /** In the writer's order. `field`: index of the reader's field, −1 to pass over. */
  readonly steps: {
    readonly name: string;
    readonly field: number;
    readonly action: ReadAction | null;
    readonly written: AvroType;
  }[];
  readonly fields: readonly AvroField[];
}

export function resolveSchemas(writer: AvroType, reader: AvroType, longs: Longs): ReadAction {
  return new Resolution(longs).resolve(writer, reader);
}

class Resolution {
  readonly #longs: Longs;
  readonly #records = new Map<RecordType, Map<RecordType, ReadAction>>();

  constructor(longs: Longs) {
    this.#longs = longs;
  }

  resolve(writer: AvroType, reader: AvroType): ReadAction {
    if (writer.kind === 'union') return this.#writerUnion(writer, reader);
    if (reader.kind === 'union') return this.#readerUnion(writer, reader);
    if (writer.kind === 'record' && reader.kind === 'record') return this.#record(writer, reader);
    if (writer.kind === 'enum' && reader.kind === 'enum') return enumAction(writer, reader);
    if (writer.kind === 'array' && reader.kind === 'array')
      return { kind: 'array', item: this.resolve(writer.items, reader.items), written: writer.items };
    if (writer.kind === 'map' && reader.kind === 'map')
      return { kind: 'map', item: this.resolve(writer.values, reader.values), written: writer.values };
    if (!isScalar(writer) || !isScalar(reader)) return unfit(writer, reader);
    if (
      writer.kind === 'fixed' &&
      reader.kind === 'fixed' &&
      !(sameName(writer, reader) && writer.size === reader.size)
    )
      return unfit(writer, reader);
    const code = scalarCode(writer, reader, this.#longs);
    return code === null ? unfit(writer, reader) : { kind: 'scalar', code };
  }

  #writerUnion(writer: UnionType, reader: AvroType): ReadAction {
    if (reader.kind !== 'union' || !sameShape(writer, reader, new Map()))
      return { kind: 'branches', actions: writer.branches.map((branch) => this.resolve(branch, reader)) };
    const actions = writer.branches.map((branch, i) => this.#inBranch(branch, reader, i));
    return { kind: 'branches', actions };
  }

  #readerUnion(writer: AvroType, reader: UnionType): ReadAction {
    const match = this.#matchingBranch(writer, reader.branches);
    return match < 0 ? unfit(writer, reader) : this.#inBranch(writer, reader, match);
  }

  #inBranch(writer: AvroType, reader: UnionType, at: number): ReadAction {
    const branch = reader.branches[at]!;
    const action = this.resolve(writer, branch);
    return reader.wrapped && branch.kind !== 'null' ? { kind: 'wrap', branch: branchName(branch), action } : action;
  }

  /** The same type and name; else a record of fitting structure, the short name preferred; else by promotion. −1: none. */
  #matchingBranch(writer: AvroType, branches: readonly AvroType[]): number {
    const exact = branches.findIndex(
      (branch) => branch.kind === writer.kind && (!isNamed(branch) || hasName(branch, fullNameOf(writer))),
    );
    if (exact >= 0) return exact;
    if (writer.kind === 'record') {
      const fitting = branches.flatMap((branch, i) =>
        branch.kind === 'record' && !hasError(this.#record(writer, branch))
          ? [{ i, name: simpleName(branch.name) }]
          : [],
      );
      return (fitting.findLast(({ name }) => name === simpleName(writer.name)) ?? fitting[0])?.i ?? -1;
    }
    if (!isScalar(writer) || writer.kind === 'fixed') return -1;
    return branches.findIndex(
      (branch) => isScalar(branch) && branch.kind !== writer.kind && this.resolve(writer, branch).kind !== 'error',
    );
  }

  #record(writer: RecordType, reader: RecordType): ReadAction {
    let byReader = this.#records.get(writer);
    if (byReader === undefined) this.#records.set(writer, (byReader = new Map<RecordType, ReadAction>()));
    const known = byReader.get(reader);
    if (known !== undefined) return known;
    const read = writer.fields.map((field) => readerField(field, reader));
    const missing = reader.fields.find((field, i) => !field.hasDefault && !read.includes(i));
    if (missing !== undefined) {
      const action = {
        kind: 'error',
        message: `the field "${missing.name}" of ${shownType(reader)} was not written, and has no default`,
      } as const;
      byReader.set(reader, action);
      return action;
    }
    const record: RecordAction = { kind: 'record', steps: [], fields: reader.fields };
    byReader.set(reader, record);
    for (const [i, { name, type }] of writer.fields.entries()) {
      const field = read[i]!;
      const action = field < 0 ? null : this.resolve(type, reader.fields[field]!.type);
      record.steps.push({ name, field, action, written: type });
    }
    return record;
  }
}

/** Index of the reader's field that reads the writer's; −1: none. By name, else by alias. */
function readerField({ name }: AvroField, reader: RecordType): number {
  const byName = reader.fields.findIndex((field) => field.name === name);
  return byName >= 0 ? byName : reader.fields.findIndex((field) => field.aliases.includes(name));
}

function enumAction(writer: EnumType, reader: EnumType): ReadAction {
  if (!sameName(writer, reader)) return unfit(writer, reader);
  return {
    kind: 'enum',
    name: reader.name,
    written: writer.symbols,
    symbols: writer.symbols.map((symbol) => (reader.symbols.includes(symbol) ? symbol : reader.default)),
  };
}

/** Without namespaces, as Java compares them outside unions; or an alias. */
function sameName(writer: EnumType | FixedType, reader: EnumType | FixedType): boolean {
  return simpleName(writer.name) === simpleName(reader.name) || hasName(reader, writer.name);
}

function isNamed(type: AvroType): type is RecordType | EnumType | FixedType {
  return type.kind === 'record' || type.kind === 'enum' || type.kind === 'fixed';
}

function fullNameOf(type: AvroType): string {
  return isNamed(type) ? type.name : '';
}

function hasName(type: RecordType | EnumType | FixedType, name: string): boolean {
  return type.name === name || type.aliases.includes(name);
}

function isScalar(type: AvroType): type is PrimitiveType | FixedType {
  return !['record', 'enum', 'array', 'map', 'union'].includes(type.kind);
}

function hasError(action: ReadAction): boolean {
  return (
    action.kind === 'error' || (action.kind === 'record' && action.steps.some((step) => step.action?.kind === 'error'))
  );
}

/** The same union on both sides: branches are matched by place. */
function sameShape(a: AvroType, b: AvroType, seen: Map<AvroType, AvroType>): boolean {
  if (a.kind !== b.kind) return false;
  if (isNamed(a) && simpleName(a.name) !== simpleName((b as RecordType).name)) return false;
  switch (a.kind) {
    case 'array':
      return sameShape(a.items, (b as typeof a).items, seen);
    case 'map':
      return sameShape(a.values, (b as typeof a).values, seen);
    case 'fixed':
      return a.size === (b as typeof a).size;
    case 'enum':
      return a.symbols.join() === (b as typeof a).symbols.join();
    case 'union': {
      const { branches } = b as typeof a;
      return a.branches.length === branches.length && a.branches.every((x, i) => sameShape(x, branches[i]!, seen));
    }
    case 'record': {
      if (seen.get(a) === b) return true;
      seen.set(a, b);
      const { fields } = b as typeof a;
      return (
        a.fields.length === fields.length &&
        a.fields.every((f, i) => f.name === fields[i]!.name && sameShape(f.type, fields[i]!.type, seen))
      );
    }
    default:
      return true;
  }
}

function unfit(writer: AvroType, reader: AvroType): ReadAction {
  return { kind: 'error', message: `${shownType(writer)} was written, which cannot be read as ${shownType(reader)}` };
}
