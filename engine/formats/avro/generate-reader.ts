/**
 * Generates the function that reads one record: a function for each record, array, map, enum and union, scalars in place. In the generated code
 * `r` is the input, `K` the constants, `C` conversions; `a` counts the fields read, so that an error can name the one it is in.
 */
import type { AvroInput } from './avro-input.ts';
import type { AvroType, Longs } from './avro-types.ts';
import { defaultValue } from './default-value.ts';
import { inField } from './field-error.ts';
import type { ReadAction, RecordAction } from './resolve.ts';
import { SCALAR_CONVERSIONS } from './scalar-code.ts';

export type ReadDatum = (input: AvroInput) => unknown;

/** Equal source would share type feedback with another schema's reader. */
let nonce = 0;

export function generateReader(action: ReadAction, longs: Longs): ReadDatum {
  const generation = new ReaderGeneration(longs);
  const result = generation.value(action);
  const source = `// avro reader ${nonce++}\n${generation.functions.join('\n')}\nreturn function read(r){return ${result};};`;
  // oxlint-disable-next-line typescript/no-implied-eval -- generated from numbers and names only; names go through JSON.stringify
  const create = new Function('K', 'C', 'inField', source) as (...scope: readonly unknown[]) => ReadDatum;
  return create(generation.constants, SCALAR_CONVERSIONS, inField);
}

class ReaderGeneration {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  readonly #longs: Longs;
  readonly #readers = new Map<ReadAction, string>();
  readonly #skippers = new Map<AvroType, string>();

  constructor(longs: Longs) {
    this.#longs = longs;
  }

  /** An expression for the action's value. */
  value(action: ReadAction): string {
    if (action.kind === 'scalar') return action.code;
    if (action.kind === 'wrap') return `{${property(action.branch)}:${this.value(action.action)}}`;
    return this.#call(this.#readers, action, () => this.#reader(action));
  }

  #reader(action: Exclude<ReadAction, { kind: 'scalar' | 'wrap' }>): string {
    switch (action.kind) {
      case 'error':
        return `throw new Error(${JSON.stringify(action.message)});`;
      case 'enum': {
        const symbols = this.#constant(action.symbols);
        return `const i=r.index(${action.symbols.length},"symbol"),s=${symbols}[i];
if(s===null)throw new Error('the symbol '+${this.#constant(action.written)}[i]+${JSON.stringify(` is none of enum ${action.name}, which has no default`)});
return s;`;
      }
      case 'array':
        return `const l=[];for(let n=r.block(${leastBytes(action.written)},0);n>0;n=r.block(${leastBytes(action.written)},l.length))
while(n-->0)l.push(${this.value(action.item)});
return l;`;
      case 'map':
        return `const m={};for(let n=r.block(${1 + leastBytes(action.written)},0);n>0;n=r.block(${1 + leastBytes(action.written)},0))
while(n-->0){const k=r.string(),v=${this.value(action.item)};
if(k==='__proto__')Object.defineProperty(m,k,{value:v,enumerable:true,configurable:true,writable:true});else m[k]=v;}
return m;`;
      case 'record':
        return this.#record(action);
      case 'branches':
        return this.#switch(action.actions.map((branch) => `return ${this.value(branch)};`));
    }
  }

  #record({ steps, fields }: RecordAction): string {
    const statements = steps.map(({ field, action, written }, i) => {
      const done = i === steps.length - 1 ? '' : `a=${i + 1};`;
      return action === null ? `${this.#skip(written)};${done}` : `v${field}=${this.value(action)};${done}`;
    });
    const read = new Set(steps.map((step) => step.field));
    const properties = fields.map(
      ({ name }, i) => `${property(name)}:${read.has(i) ? `v${i}` : this.#default(fields[i]!)}`,
    );
    const locals = fields.flatMap((_, i) => (read.has(i) ? `,v${i}` : []));
    return `let a=0${locals.join('')};
try{${statements.join('\n')}}catch(e){throw inField(e,${this.#constant(steps.map((step) => step.name))}[a]);}
return {${properties.join(',')}};`;
  }

  #default({ type, default: json }: { readonly type: AvroType; readonly default: unknown }): string {
    const value = defaultValue(type, json, this.#longs);
    if (typeof value !== 'object' || value === null) return this.#constant(value);
    return `${this.#constant(() => defaultValue(type, json, this.#longs))}()`;
  }

  /** A statement that passes over a value. */
  #skip(type: AvroType): string {
    switch (type.kind) {
      case 'null':
        return '';
      case 'boolean':
        return 'r.skip(1)';
      case 'int':
      case 'long':
      case 'enum':
        return 'r.skipLong()';
      case 'float':
        return 'r.skip(4)';
      case 'double':
        return 'r.skip(8)';
      case 'string':
      case 'bytes':
        return 'r.skipBytes()';
      case 'fixed':
        return `r.skip(${type.size})`;
      default:
        return this.#call(this.#skippers, type, () => this.#skipper(type));
    }
  }

  #skipper(type: AvroType): string {
    switch (type.kind) {
      case 'record':
        return type.fields.map((field) => `${this.#skip(field.type)};`).join('');
      case 'union':
        return this.#switch(type.branches.map((branch) => `${this.#skip(branch)};return;`));
      case 'array':
        return `for(let n,b=0;(n=r.skipBlock(${leastBytes(type.items)},b))>0;){b+=n;while(n-->0){${this.#skip(type.items)};}}`;
      case 'map':
        return `for(let n;(n=r.skipBlock(${1 + leastBytes(type.values)},0))>0;)while(n-->0){r.skipBytes();${this.#skip(type.values)};}`;
      default:
        return '';
    }
  }

  #switch(cases: readonly string[]): string {
    return `switch(r.index(${cases.length},"branch of the union")){${cases.map((code, i) => `case ${i}:${code}`).join('\n')}}`;
  }

  /** A call of the function for `of`, which is made the first time: schemas may be recursive. */
  #call<T>(made: Map<T, string>, of: T, body: () => string): string {
    let name = made.get(of);
    if (name === undefined) {
      name = `f${this.#readers.size + this.#skippers.size}`;
      made.set(of, name);
      this.functions.push(`function ${name}(r){${body()}}`);
    }
    return `${name}(r)`;
  }

  #constant(value: unknown): string {
    return `K[${this.constants.push(value) - 1}]`;
  }
}

/** As a key of an object literal: always an own property. */
function property(name: string): string {
  return name === '__proto__' ? '["__proto__"]' : JSON.stringify(name);
}

/** Bytes that a value takes at least. `known`: of records; 0 while one is looked at, as it may hold itself. */
function leastBytes(type: AvroType, known = new Map<AvroType, number>()): number {
  switch (type.kind) {
    case 'null':
      return 0;
    case 'float':
      return 4;
    case 'double':
      return 8;
    case 'fixed':
      return type.size;
    case 'record': {
      let least = known.get(type);
      if (least !== undefined) return least;
      known.set(type, 0);
      least = type.fields.reduce((sum, field) => sum + leastBytes(field.type, known), 0);
      known.set(type, least);
      return least;
    }
    default:
      return 1;
  }
}
