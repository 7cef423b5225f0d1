/**
 * What the columns of a source's lazy rows are. A ColumnSet does not say whether 0 and 1 are numbers or booleans; its cursor does, at the
 * first row that is not null.
 */
import type { ColumnSet, RowCursor } from '../../model/source-batch.ts';
import type { ExchangeBatch } from '../../operators/exchange-batch.ts';
import type { LazyType } from './block-format.ts';
import { DictionaryHint } from './string-column.ts';

export class LazyShape {
  readonly names: readonly string[];
  readonly hints: readonly DictionaryHint[];
  /** The same array as long as nothing new is learned. */
  types: readonly LazyType[];
  /** null: every row so far was null. */
  private readonly known: (LazyType | null)[];

  constructor(cols: ColumnSet) {
    this.names = [...cols.fields.keys()];
    this.known = this.names.map((_, i) => (cols.start[i] ? 'string' : null));
    this.types = typesOf(this.known);
    this.hints = this.names.map(() => new DictionaryHint());
  }

  isString(field: number): boolean {
    return this.known[field] === 'string';
  }

  /** Looks at rows [from, to) for columns whose type is not known yet: null in every row so far, so their chunks may say anything. */
  learn(batch: ExchangeBatch, from: number, to: number): void {
    if (!this.known.includes(null)) return;
    const { row, cols } = batch.source!;
    let learned = false;
    this.known.forEach((type, field) => {
      if (type !== null) return;
      const nulls = cols!.nulls[field]!;
      for (let j = from; j < to; j++) {
        const i = batch.index[j]!;
        if (nulls[i] !== 0) continue;
        row!.__i = i;
        const isBoolean = typeof (row as RowCursor & Record<string, unknown>)[this.names[field]!] === 'boolean';
        this.known[field] = isBoolean ? 'boolean' : 'number';
        learned = true;
        return;
      }
    });
    if (learned) this.types = typesOf(this.known);
  }
}

function typesOf(known: readonly (LazyType | null)[]): readonly LazyType[] {
  return known.map((type) => type ?? 'number');
}

/** Shapes of column sets: those of one format are the same. */
export class LazyShapes {
  private readonly bySet = new WeakMap<ColumnSet, LazyShape>();
  private readonly byText = new Map<string, LazyShape>();

  of(cols: ColumnSet): LazyShape {
    let shape = this.bySet.get(cols);
    if (shape !== undefined) return shape;
    const text = JSON.stringify([...cols.fields.keys()].map((name, i) => [name, cols.start[i] !== null]));
    shape = this.byText.get(text);
    if (shape === undefined) this.byText.set(text, (shape = new LazyShape(cols)));
    this.bySet.set(cols, shape);
    return shape;
  }
}
