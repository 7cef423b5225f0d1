/**
 * Generates the class of a schema's lazy rows. One class per format, so that a user function which sees rows of many splits stays monomorphic.
 * A row is a flyweight: `__i` says which row of the columns it shows; it is valid until its batch is released, `__copy()` for longer.
 * Its fields are own, enumerable accessors, and everything else is hidden: `{...row}`, Object.keys and JSON.stringify see the fields.
 * The accessors are the same functions for all rows, so that all share one hidden class of V8.
 */
import type { ColumnSet, RowCursor } from '../model/source-batch.ts';
import type { NamedField, Schema } from './schema.ts';
import { StringDictionary } from './string-dictionary.ts';

export type RowClass = new (cols: ColumnSet) => RowCursor;

let nonce = 0;

export function generateRowClass(schema: Schema): RowClass {
  const { fields } = schema;
  const names = fields.map((f) => JSON.stringify(f.name));
  const hidden = (name: string, value: string): string =>
    `Object.defineProperty(this,'${name}',{value:${value},writable:true});`;
  const columns = fields.map((f, i) =>
    f.type === 'string'
      ? hidden(`__s${i}`, `cols.start[${i}]`) +
        hidden(`__e${i}`, `cols.end[${i}]`) +
        hidden(`__h${i}`, `cols.hash[${i}]`)
      : hidden(`__v${i}`, `cols.numbers[${i}]`),
  );
  const source = `// row ${nonce++}
${fields.map((f, i) => `const g${i}={get:function(){${getter(f, i)}},enumerable:true};`).join('\n')}
return class Row{
constructor(cols){${hidden('__i', '0')}${hidden('__cols', 'cols')}
${columns.map((column, i) => `${column}${hidden(`__n${i}`, `cols.nulls[${i}]`)}`).join('\n')}
${names.map((name, i) => `Object.defineProperty(this,${name},g${i});`).join('\n')}
}
__copy(){return {${names.map((name) => `[${name}]:this[${name}]`).join(',')}}}
}`;
  const dictionaries = fields.map((f) => (f.type === 'string' ? new StringDictionary() : null));
  const bound = fields.map((f, i) => (f.type === 'string' ? `const D${i}=D[${i}];` : '')).join('');
  // oxlint-disable-next-line typescript/no-implied-eval -- generated from names and numbers only; names go through JSON.stringify
  const make = new Function('D', bound + source) as (d: typeof dictionaries) => RowClass;
  return make(dictionaries);
}

function getter(f: NamedField, i: number): string {
  if (f.type === 'string') {
    return `const i=this.__i,n=this.__n${i}[i];
return n===0?D${i}.get(this.__cols.bytes,this.__s${i}[i],this.__e${i}[i],this.__h${i}[i]):n===1?null:this.__cols.side[this.__s${i}[i]];`;
  }
  const value = f.type === 'boolean' ? `this.__v${i}[this.__i]===1` : `this.__v${i}[this.__i]`;
  return f.isNullable ? `return this.__n${i}[this.__i]===1?null:${value};` : `return ${value};`;
}
