/**
 * Generates the function that writes one value: the counterpart of generate-reader.ts. In the generated code `w` is the output, `v` the value,
 * `K` the constants, `C` conversions. A record's missing field is its default, or null where its type allows null; else it is refused, like
 * everything that would read back as something else.
 */
import { expected, type AvroOutput } from './avro-output.ts';
import {
  branchName,
  shownType,
  type AvroField,
  type AvroType,
  type FixedType,
  type PrimitiveType,
  type UnionType,
} from './avro-types.ts';
import { bytesOfDecimal } from './decimal-bytes.ts';
import { defaultValue } from './default-value.ts';
import { inField } from './field-error.ts';
import { bytesOfDuration, bytesOfUuid, uuidText } from './logical-types.ts';

export type WriteDatum = (output: AvroOutput, value: unknown) => void;

const CONVERSIONS = { expected, bytesOfDecimal, bytesOfDuration, bytesOfUuid, uuidText };

/** Equal source would share type feedback with another schema's writer. */
let nonce = 0;

export function generateWriter(type: AvroType): WriteDatum {
  const generation = new WriterGeneration();
  const statement = generation.write(type, 'v');
  const source = `// avro writer ${nonce++}\n${generation.functions.join('\n')}\nreturn function write(w,v){${statement};};`;
  // oxlint-disable-next-line typescript/no-implied-eval -- generated from numbers and names only; names go through JSON.stringify
  const create = new Function('K', 'C', 'inField', source) as (...scope: readonly unknown[]) => WriteDatum;
  return create(generation.constants, CONVERSIONS, inField);
}

class WriterGeneration {
  readonly functions: string[] = [];
  readonly constants: unknown[] = [];
  readonly #writers = new Map<AvroType, string>();

  /** A statement that writes the value `v`, an expression without side effects. */
  write(type: AvroType, v: string): string {
    switch (type.kind) {
      case 'record':
      case 'enum':
      case 'array':
      case 'map':
      case 'union':
        return `${this.#writer(type)}(w,${v})`;
      default:
        return this.#scalar(type, v);
    }
  }

  #scalar(type: PrimitiveType | FixedType, v: string): string {
    const raw = this.#raw(type, v);
    switch (type.kind) {
      case 'null':
        return `if(${v}!==null&&${v}!==undefined)throw C.expected('null',${v})`;
      case 'bytes':
        return `w.bytesValue(${raw})`;
      case 'fixed':
        return `w.fixed(${raw},${type.size})`;
      default:
        return `w.${type.kind}(${raw})`;
    }
  }

  #raw(type: PrimitiveType | FixedType, v: string): string {
    const size = type.kind === 'fixed' ? type.size : null;
    switch (type.logical?.kind) {
      case 'decimal':
        return `C.bytesOfDecimal(${v},${JSON.stringify(type.logical)},${size})`;
      case 'uuid':
        return size === null ? `C.uuidText(${v})` : `C.bytesOfUuid(${v})`;
      case 'duration':
        return `C.bytesOfDuration(${v})`;
      default:
        return v;
    }
  }

  #writer(type: AvroType): string {
    let name = this.#writers.get(type);
    if (name === undefined) {
      name = `f${this.#writers.size}`;
      this.#writers.set(type, name);
      this.functions.push(`function ${name}(w,v){${this.#body(type)}}`);
    }
    return name;
  }

  #body(type: AvroType): string {
    switch (type.kind) {
      case 'enum': {
        const indices = this.#constant(new Map(type.symbols.map((symbol, i) => [symbol, i])));
        return `const i=${indices}.get(v);if(i===undefined)throw C.expected(${text(`one of ${type.symbols.join(', ')}`)},v);w.int(i);`;
      }
      case 'array':
        return `if(!Array.isArray(v))throw C.expected('an array',v);const n=v.length;
if(n>0){w.int(n);for(let i=0;i<n;i++){${this.write(type.items, 'v[i]')};}}w.int(0);`;
      case 'map':
        return `if(typeof v!=='object'||v===null||Array.isArray(v))throw C.expected('an object of values',v);
const ks=Object.keys(v),n=ks.length;if(n>0){w.int(n);for(let i=0;i<n;i++){w.string(ks[i]);const x=v[ks[i]];${this.write(type.values, 'x')};}}w.int(0);`;
      case 'union':
        return type.wrapped ? this.#wrappedUnion(type) : this.#union(type);
      case 'record':
        return `if(typeof v!=='object'||v===null||Array.isArray(v))throw C.expected(${text(`an object for ${shownType(type)}`)},v);
let a=0,x;try{${type.fields.map((field, i) => this.#field(field, i)).join('\n')}
}catch(e){throw inField(e,${this.#constant(type.fields.map((field) => field.name))}[a]);}`;
      default:
        return '';
    }
  }

  #field({ name, type, hasDefault, default: json }: AvroField, i: number): string {
    const fallback = hasDefault
      ? `if(x===undefined)x=${this.#constant(() => defaultValue(type, json, 'bigint'))}();`
      : '';
    return `a=${i};x=v[${text(name)}];${fallback}${this.write(type, 'x')};`;
  }

  /** Branches look different: the value says which. */
  #union(type: UnionType): string {
    const hasNumbers = type.branches.some((branch) => ['int', 'long', 'float', 'double'].includes(branch.kind));
    const cases = type.branches.map(
      (branch, i) =>
        `if(${testOf(branch, hasNumbers)}){w.int(${i});${branch.kind === 'null' ? '' : `${this.write(branch, 'v')};`}return;}`,
    );
    return `${cases.join('')}throw C.expected(${text(shownType(type))},v);`;
  }

  #wrappedUnion(type: UnionType): string {
    const names = type.branches.map(branchName);
    const cases = type.branches.map((branch, i) =>
      branch.kind === 'null'
        ? ''
        : `case ${text(names[i]!)}:{w.int(${i});const x=v[k];${this.write(branch, 'x')};return;}`,
    );
    const forNull = names.includes('null')
      ? `if(v===null||v===undefined){w.int(${names.indexOf('null')});return;}`
      : '';
    const shown = `{ 'branch': value } with a branch of ${names.join(', ')}`;
    return `${forNull}if(typeof v==='object'&&v!==null){const ks=Object.keys(v);if(ks.length===1){const k=ks[0];switch(k){${cases.join('')}}}}
throw C.expected(${text(shown)},v);`;
  }

  #constant(value: unknown): string {
    return `K[${this.constants.push(value) - 1}]`;
  }
}

function testOf(type: AvroType, hasNumbers: boolean): string {
  switch (type.kind) {
    case 'null':
      return 'v===null||v===undefined';
    case 'boolean':
      return `typeof v==='boolean'`;
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return `typeof v==='number'||typeof v==='bigint'`;
    case 'string':
    case 'enum':
      return `typeof v==='string'`;
    case 'bytes':
    case 'fixed':
      if (type.logical?.kind === 'decimal' && !hasNumbers) return `typeof v==='string'||typeof v==='bigint'`;
      if (type.logical?.kind === 'duration') return PLAIN_OBJECT;
      return type.logical === null ? 'v instanceof Uint8Array' : `typeof v==='string'`;
    case 'array':
      return 'Array.isArray(v)';
    default:
      return PLAIN_OBJECT;
  }
}

const PLAIN_OBJECT = `typeof v==='object'&&v!==null&&!Array.isArray(v)&&!(v instanceof Uint8Array)`;

function text(value: string): string {
  return JSON.stringify(value);
}
