/**
 * Generates the class of a schema's lazy rows. One class per format, so that a user function which sees rows of many splits stays monomorphic.
 * A row is a flyweight: `__i` says which row of the columns it shows; it is valid until its batch is released, `__copy()` for longer.
 * JSON.stringify(row) gives the fields; `{...row}` does not, because getters are not own properties: use `__copy()`.
 */
import type { ColumnSet, RowCursor } from '../model/source-batch.ts';
import type { NamedField, Schema } from './schema.ts';
import { StringDictionary } from './string-dictionary.ts';

export type RowClass = new (cols: ColumnSet) => RowCursor;

let nonce = 0;

export function generateRowClass(schema: Schema): RowClass {
  const { fields } = schema;
  const names = fields.map((f) => JSON.stringify(f.name));
  const toJson = fields.some((f) => f.name === 'toJSON') ? '' : 'toJSON(){return this.__copy()}';
  const source = `// row ${nonce++}
return class Row{
constructor(cols){this.__i=0;this.__cols=cols;
${fields.map((f, i) => (f.type === 'string' ? `this.__s${i}=cols.start[${i}];this.__e${i}=cols.end[${i}];this.__h${i}=cols.hash[${i}];` : `this.__v${i}=cols.numbers[${i}];`) + `this.__n${i}=cols.nulls[${i}];`).join('\n')}
}
${fields.map((f, i) => `get [${names[i]}](){${getter(f, i)}}`).join('\n')}
__copy(){return {${names.map((name) => `[${name}]:this[${name}]`).join(',')}}}
${toJson}
}`;
  const dictionaries = fields.map((f) => (f.type === 'string' ? new StringDictionary() : null));
  return (
    new Function('D', fields.map((f, i) => (f.type === 'string' ? `const D${i}=D[${i}];` : '')).join('') + source) as (
      d: typeof dictionaries,
    ) => RowClass
  )(dictionaries);
}

function getter(f: NamedField, i: number): string {
  if (f.type === 'string') {
    return `const i=this.__i,n=this.__n${i}[i];
return n===0?D${i}.get(this.__cols.bytes,this.__s${i}[i],this.__e${i}[i],this.__h${i}[i]):n===1?null:this.__cols.side[this.__s${i}[i]];`;
  }
  const value = f.type === 'boolean' ? `this.__v${i}[this.__i]===1` : `this.__v${i}[this.__i]`;
  return f.isNullable ? `return this.__n${i}[this.__i]===1?null:${value};` : `return ${value};`;
}
