/**
 * Plain objects with the same keys in the same order, taken apart into columns and put together again by code made for those keys. The
 * taking apart checks every row, so a shape is a guess that may fail, never a wrong answer.
 */
import { generate } from '../../operators/generated-loop.ts';
import { DictionaryHint } from './string-column.ts';
import type { ColumnValues } from './value-column.ts';
import { MAX_CHUNK_ROWS } from './block-format.ts';

const MAX_FIELDS = 256;

/** Keys of a plain object; null for anything else. */
export function recordKeys(value: unknown): readonly string[] | null {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return null;
  const names = Object.keys(value);
  return names.length === 0 || names.length > MAX_FIELDS ? null : names;
}

type Extract = (rows: readonly unknown[], n: number, columns: readonly (Float64Array | unknown[])[]) => number;
export type FieldType = 'number' | 'string' | 'other';

export class RecordShape {
  readonly names: readonly string[];
  readonly columns: (Float64Array | unknown[])[];
  readonly types: FieldType[];
  readonly hints: readonly DictionaryHint[];
  private loop: Extract | null = null;

  constructor(names: readonly string[], sample: object) {
    this.names = names;
    this.hints = names.map(() => new DictionaryHint());
    this.types = Object.values(sample).map((v) =>
      typeof v === 'number' || typeof v === 'string' ? (typeof v as FieldType) : 'other',
    );
    this.columns = this.types.map((type) =>
      type === 'number' ? new Float64Array(MAX_CHUNK_ROWS) : new Array<unknown>(MAX_CHUNK_ROWS).fill(''),
    );
  }

  /** Fills `columns` with rows [0, n); false when a row is of another shape. */
  extract(rows: readonly unknown[], n: number): boolean {
    for (;;) {
      this.loop ??= this.compile();
      const column = this.loop(rows, n, this.columns);
      if (column === DONE) return true;
      if (column === OTHER) return false;
      this.types[column] = 'other';
      this.columns[column] = new Array<unknown>(MAX_CHUNK_ROWS).fill(null);
      this.loop = null;
    }
  }

  /** Drops references to what was extracted. */
  clear(n: number): void {
    for (const column of this.columns) if (Array.isArray(column)) column.fill('', 0, n);
  }

  private compile(): Extract {
    const { names, types } = this;
    const fields = names.map((name, c) => {
      const check = types[c] === 'other' ? '' : `if (typeof v${c} !== ${JSON.stringify(types[c])}) return ${c};`;
      return `const v${c} = r[${JSON.stringify(name)}]; ${check} c${c}[i] = v${c};`;
    });
    return generate<Extract>(
      { N: names, P: Object.prototype },
      `return function (rows, n, columns) {
${names.map((_, c) => `const c${c} = columns[${c}];`).join('\n')}
for (let i = 0; i < n; i++) {
  const r = rows[i];
  if (typeof r !== 'object' || r === null || Object.getPrototypeOf(r) !== P) return ${OTHER};
  let k = 0;
  for (const name in r) if (name !== N[k++]) return ${OTHER};
  if (k !== ${names.length}) return ${OTHER};
  ${fields.join('\n  ')}
}
return ${DONE};
};`,
    );
  }
}

const DONE = -1;
const OTHER = -2;

export type BuildRecords = (n: number, columns: readonly ColumnValues[]) => unknown[];

/** The loop that makes objects with these keys. */
export function recordBuilder(names: readonly string[]): BuildRecords {
  return generate<BuildRecords>(
    {},
    `return function (n, columns) {
${names.map((_, c) => `const c${c} = columns[${c}];`).join('\n')}
const out = new Array(n);
for (let i = 0; i < n; i++) out[i] = {${names.map((name, c) => `${property(name)}: c${c}[i]`).join(', ')}};
return out;
};`,
  );
}

/** A computed key is slower, and the only one that makes a property of this name. */
function property(name: string): string {
  return name === '__proto__' ? `['__proto__']` : JSON.stringify(name);
}
