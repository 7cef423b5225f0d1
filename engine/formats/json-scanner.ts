/**
 * Generates the function that scans lines of JSON into columns: one per schema and learned template (HOTPATH sections 2 and 7).
 *
 * Three levels, each leaving what it does not know to the next, and all agreeing with JSON.parse + coerceRecord (fuzzed):
 *   fast     literal compares of everything between values, as the template says;
 *   general  from the segment where the line differs: keys in any order, blanks, nulls, unknown keys, duplicates (the last one counts);
 *   slow     JSON.parse of the line (`out.slow`): wrong types, missing fields, escaped keys, deep nesting, anything invalid, blank lines.
 * Strings with escapes or non-ASCII bytes are decoded alone and go to `side`.
 *
 * In the generated code: `p` is the place in the bytes `b`; field i has k_i (0 value, 1 null or not seen, 2 text in side) and s_i, e_i,
 * h_i (string) or v_i (number). Invariant: at a `break fast`, `p` is after the last complete value, or at the line's start (`g` = 0).
 */
import type { ColumnSet } from '../model/source-batch.ts';
import {
  BYTE_CLASS,
  minuteAt,
  numberAt,
  POWERS_OF_10,
  skipNumber,
  skipSpace,
  skipString,
  skipValue,
  skipWord,
} from './json-bytes.ts';
import type { LineTemplate } from './json-template.ts';
import type { NamedField, Schema } from './schema.ts';
import { timestampOrNaN } from './timestamp.ts';

export interface ScanTarget {
  readonly cols: ColumnSet;
  /** Line start of each row. */
  readonly starts: Int32Array;
  /** Lines that did not fit the template. */
  misses: number;
  /** Where the scan stopped. */
  at: number;
  /** Decodes the line with JSON.parse into row `n`; false when it gave no row. */
  slow(from: number, to: number, n: number): boolean;
}
/** Scans at most `max` lines of `b[p, end)` into rows from 0 on; answers the number of rows. */
export type LineScan = (b: Buffer, view: DataView, p: number, end: number, max: number, out: ScanTarget) => number;

/** Equal source would share type feedback with another job's scanner (HOTPATH section 9.1). */
let nonce = 0;

export function generateScan(schema: Schema, template: LineTemplate | null): LineScan {
  const { fields } = schema;
  const locals = fields.map((f, i) => (f.type === 'string' ? `k${i}=1,s${i}=0,e${i}=0,h${i}=0` : `k${i}=1,v${i}=0`));
  const usable = template !== null && coversRequired(fields, template) ? template : null;
  const source = `// json scanner ${nonce++}
const {T,P10,skipSpace,skipString,skipNumber,skipWord,skipValue,numberAt,minuteAt,text,timestampText}=R;
${fields.map((f, i) => (f.type === 'timestamp' ? timestampFunction(i) : '')).join('')}
return function scan(b,dv,p,end,max,out){
const cols=out.cols,side=cols.side,starts=out.starts;
${fields.map(columnConstants).join('\n')}
let n=0,c=0,h=0,g=0,q=0,m=0,d=0,x=0,neg=0,${locals.join(',')};
for(;p<end&&max>0;max--){
const line=p;
${fields.map((_, i) => `k${i}=1;`).join('')}
row:{
slow:{
${usable === null ? 'g=0;' : `fast:{\n${fastPath(fields, usable)}\nbreak row;\n}\nout.misses++;`}
${generalPath(fields)}
break row;
}
p=b.indexOf(10,line)+1;
if(out.slow(line,p-1,n))starts[n++]=line;
continue;
}
starts[n]=line;
${fields.map(storeRow).join('\n')}
n++;
}
out.at=p;
return n;
}`;
  const runtime = {
    T: BYTE_CLASS,
    P10: POWERS_OF_10,
    skipSpace,
    skipString,
    skipNumber,
    skipWord,
    skipValue,
    numberAt,
    minuteAt,
    text,
    timestampText,
  };
  // oxlint-disable-next-line typescript/no-implied-eval -- generated from names and numbers only; names go through JSON.stringify or bytes
  const make = new Function('R', source) as (r: typeof runtime) => LineScan;
  return make(runtime);
}

/** A string the scanner does not read itself: appends it to `side`. From after the opening quote to the closing one, or −1. */
function text(b: Buffer, from: number, side: string[]): number {
  const close = skipString(b, from);
  if (close < 0) return -1;
  const plain = b.utf8Slice(from, close);
  side.push(plain.includes('\\') ? (JSON.parse(`"${plain}"`) as string) : plain);
  return close;
}

function timestampText(b: Buffer, from: number, close: number): number {
  const raw = b.utf8Slice(from, close);
  return timestampOrNaN(raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw);
}

/** Without all required fields in the template, the fast path would have to check for missing ones. */
function coversRequired(fields: readonly NamedField[], template: LineTemplate): boolean {
  return fields.every((f) => f.isNullable || template.segments.some((s) => s.key === f.name));
}

function columnConstants(f: NamedField, i: number): string {
  const nulls = `N${i}=cols.nulls[${i}]`;
  return f.type === 'string'
    ? `const S${i}=cols.start[${i}],E${i}=cols.end[${i}],H${i}=cols.hash[${i}],${nulls};`
    : `const V${i}=cols.numbers[${i}],${nulls};`;
}

function storeRow(f: NamedField, i: number): string {
  return f.type === 'string'
    ? `S${i}[n]=s${i};E${i}[n]=e${i};H${i}[n]=h${i};N${i}[n]=k${i};`
    : `V${i}[n]=v${i};N${i}[n]=k${i};`;
}

/**
 * `YYYY-MM-DD HH:MM:SS.mmm` at p → ms, NaN otherwise. The 16 bytes of the minute are compared with those of the row before: rows near each
 * other mostly share it.
 */
function timestampFunction(i: number): string {
  return `let w${i}a=0,w${i}b=0,w${i}c=0,w${i}d=0,minute${i}=NaN;
function time${i}(b,dv,p){
if(dv.getInt32(p,true)!==w${i}a||dv.getInt32(p+4,true)!==w${i}b||dv.getInt32(p+8,true)!==w${i}c||dv.getInt32(p+12,true)!==w${i}d){
w${i}a=dv.getInt32(p,true);w${i}b=dv.getInt32(p+4,true);w${i}c=dv.getInt32(p+8,true);w${i}d=dv.getInt32(p+12,true);minute${i}=minuteAt(b,p);}
const s=b[p+17]-48,t=b[p+18]-48,x=b[p+20]-48,y=b[p+21]-48,z=b[p+22]-48;
if(b[p+16]!==58||b[p+19]!==46||(s|(5-s)|t|(9-t)|x|(9-x)|y|(9-y)|z|(9-z))<0)return NaN;
return minute${i}+(s*10+t)*1000+x*100+y*10+z;}
`;
}

/** Condition that the bytes at `p` differ from `literal`. */
function differs(literal: readonly number[]): string {
  const tests: string[] = [];
  let i = 0;
  for (; i + 4 <= literal.length; i += 4) {
    const word = literal[i]! | (literal[i + 1]! << 8) | (literal[i + 2]! << 16) | (literal[i + 3]! << 24);
    tests.push(`dv.getInt32(p+${i},true)!==${word}`);
  }
  for (; i < literal.length; i++) tests.push(`b[p+${i}]!==${literal[i]}`);
  return tests.join('||');
}

const SCAN_STRING = 'h=0;while(T[c=b[p]]===0){h=(Math.imul(h,31)+c)|0;p++}';
const SCAN_DIGITS = 'while(c>=48&&c<=57){x=x*10+(c-48);c=b[++p]}';

/** Reads the string at `p` (after its quote) into field i, up to its closing quote. */
function stringValue(i: number, miss: string): string {
  return `s${i}=p;${SCAN_STRING}
if(c===34){e${i}=p;h${i}=h;k${i}=0}else{p=text(b,s${i},side);if(p<0)${miss}s${i}=side.length-1;e${i}=0;h${i}=0;k${i}=2}`;
}

function fastPath(fields: readonly NamedField[], template: LineTemplate): string {
  let afterString = false;
  const parts = template.segments.map((s, position) => {
    const miss = `{p=q;g=${position === 0 ? 0 : 1};break fast}`;
    const i = fields.findIndex((f) => f.name === s.key);
    const start = afterString ? 'q=p+1;' : 'q=p;';
    afterString = s.kind === 'string';
    return `${start}if(${differs(s.literal)})${miss}p+=${s.literal.length};\n${fastValue(i, fields[i], s.kind, miss)}`;
  });
  const q = afterString ? 'p+1' : 'p';
  return `${parts.join('\n')}\nif(${differs(template.tail)}){p=${q};g=1;break fast}p+=${template.tail.length};`;
}

function fastValue(i: number, f: NamedField | undefined, kind: 'string' | 'number' | 'other', miss: string): string {
  if (f === undefined) {
    if (kind === 'string') return `while(T[b[p]]===0)p++;if(b[p]!==34){p=skipString(b,p);if(p<0)${miss}}`;
    return `p=${kind === 'number' ? 'skipNumber(b,p)' : 'skipValue(b,p,0)'};if(p<0)${miss}`;
  }
  if (kind === 'string') {
    if (f.type === 'string') return stringValue(i, miss);
    if (f.type !== 'timestamp') return miss;
    return `v${i}=time${i}(b,dv,p);if(v${i}!==v${i})${miss}p+=23;if(b[p]===90)p++;if(b[p]!==34)${miss}k${i}=0;`;
  }
  const orNull =
    f.isNullable && f.type !== 'string' ? `if(b[p]===110){p=skipWord(b,p);if(p<0)${miss}v${i}=0;k${i}=1}else ` : '';
  if (f.type === 'boolean')
    return `${orNull}{c=b[p];if(c!==116&&c!==102)${miss}p=skipWord(b,p);if(p<0)${miss}v${i}=c===116?1:0;k${i}=0}`;
  if (f.type === 'string') return miss;
  // At most 15 digits: exact as an integer, and correctly rounded by one division.
  const fraction =
    f.type === 'number' ? `if(c===46){d=++p;c=b[p];${SCAN_DIGITS}if(p===d||p-m>16)${miss}x/=P10[p-d]}else ` : '';
  return `${orNull}{x=0;neg=b[p]===45?1:0;c=b[p+=neg];m=p;
${SCAN_DIGITS}if(p===m||p-m>1&&b[m]===48)${miss}
${fraction}if(p-m>15||c===46)${miss}
if((c|32)===101)${miss}v${i}=(1-neg-neg)*x;k${i}=0}`;
}

/** The rest of the line from `p`: the whole line when g is 0, else what follows a complete value. */
function generalPath(fields: readonly NamedField[]): string {
  const byLength = new Map<number, string[]>();
  fields.forEach((f, i) => {
    const key = Buffer.from(f.name);
    const test = [...key].map((x, j) => `b[q+${j}]===${x}`).join('&&');
    byLength.set(key.length, [...(byLength.get(key.length) ?? []), `if(${test})m=${i};`]);
  });
  const keys = [...byLength].map(([length, tests]) => `case ${length}:${tests.join('else ')}break;`).join('\n');
  const required = fields.flatMap((f, i) => (f.isNullable ? [] : [`k${i}===1`])).join('||');
  // A key that is not plain ASCII is left to JSON.parse: it may be a declared one.
  return `p=skipSpace(b,p);
object:{
if(g===0){if(b[p]!==123)break slow;p=skipSpace(b,p+1);if(b[p]===125){p++;break object}}
else{if(b[p]===125){p++;break object}if(b[p]!==44)break slow;p=skipSpace(b,p+1)}
for(;;){
if(b[p]!==34)break slow;
q=++p;while(T[b[p]]===0)p++;if(b[p]!==34)break slow;
m=-1;switch(p-q){
${keys}
}
p=skipSpace(b,p+1);if(b[p]!==58)break slow;p=skipSpace(b,p+1);
if(m<0){p=skipValue(b,p,0);if(p<0)break slow}
else if((c=b[p])===110){p=skipWord(b,p);if(p<0)break slow;switch(m){${fields.map((_, i) => `case ${i}:k${i}=1;break;`).join('')}}}
else switch(m){
${fields.map((f, i) => `case ${i}:${generalValue(f, i)}break;`).join('\n')}
}
p=skipSpace(b,p);
if(b[p]===44){p=skipSpace(b,p+1);continue}
if(b[p]!==125)break slow;
p++;break object;
}}
p=skipSpace(b,p);if(b[p]!==10)break slow;p++;
${required === '' ? '' : `if(${required})break slow;`}`;
}

function generalValue(f: NamedField, i: number): string {
  const number = (check: string): string =>
    `q=p;p=skipNumber(b,p);if(p<0)break slow;v${i}=numberAt(b,q,p);if(!${check}(v${i}))break slow;k${i}=0;`;
  switch (f.type) {
    case 'string':
      return `if(c!==34)break slow;p++;${stringValue(i, 'break slow;')}p++;`;
    case 'boolean':
      return `p=skipWord(b,p);if(p<0)break slow;v${i}=c===116?1:0;k${i}=0;`;
    case 'number':
      return number('Number.isFinite');
    case 'int':
      return number('Number.isSafeInteger');
    case 'timestamp':
      return `if(c===34){q=++p;p=skipString(b,p);if(p<0)break slow;v${i}=p-q===23?time${i}(b,dv,q):NaN;
if(v${i}!==v${i})v${i}=timestampText(b,q,p);if(v${i}!==v${i})break slow;p++;k${i}=0}else{${number('Number.isSafeInteger')}}`;
  }
}
