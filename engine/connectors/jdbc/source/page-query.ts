/** The statement for one page of a split: rows in the order of the key, after the last one that was read. */
import type { BoundStatement, Dialect } from '../dialect.ts';
import { parsePlaceholders, withPlaceholders } from '../parse-placeholders.ts';
import type { WireValue } from '../wire-value.ts';
import type { ComparableKind } from './result-reader.ts';

/** What is read: a table, or a statement as a table. */
export type Base =
  | { readonly kind: 'table'; readonly sqlName: string; readonly columns: readonly string[] | null }
  | { readonly kind: 'query'; readonly sql: string };

export interface KeyColumn {
  readonly name: string;
  readonly kind: ComparableKind;
}

export interface Page {
  readonly parameters: readonly WireValue[];
  /** Conditions `column >= value`, `column < value` or `column IS NULL`. */
  readonly bounds: readonly {
    readonly column: KeyColumn;
    readonly operator: '>=' | '<' | 'IS NULL';
    readonly value: WireValue;
  }[];
  readonly key: readonly KeyColumn[];
  /** The key of the last row that was read; null: none. */
  readonly after: readonly WireValue[] | null;
  readonly offset: number;
  readonly limit: number;
}

export function pageQuery(dialect: Dialect, base: Base, page: Page): BoundStatement {
  const { values, bind, from } = begin(dialect, base, page.parameters);
  const compared = (column: KeyColumn, value: WireValue): string => dialect.compared(bind(value), column.kind, value);
  const name = (column: KeyColumn): string => `q.${dialect.quoteName(column.name)}`;
  const conditions = page.bounds.map(({ column, operator, value }) =>
    operator === 'IS NULL' ? `${name(column)} IS NULL` : `${name(column)} ${operator} ${compared(column, value)}`,
  );
  const { after } = page;
  if (after !== null) {
    // (a, b) > (x, y) written out: row comparisons keep MySQL from using an index.
    const steps = page.key.map((column, i) => {
      const equal = page.key.slice(0, i).map((before, j) => `${name(before)} = ${compared(before, after[j]!)}`);
      return `(${[...equal, `${name(column)} > ${compared(column, after[i]!)}`].join(' AND ')})`;
    });
    conditions.push(`(${steps.join(' OR ')})`);
  }
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const order = page.key.map(name).join(', ');
  const offset = page.offset === 0 ? '' : ` OFFSET ${page.offset}`;
  return {
    sql: `SELECT ${selected(dialect, base)} FROM ${from}${where} ORDER BY ${order} LIMIT ${page.limit}${offset}`,
    values,
  };
}

/** The smallest and the largest value of a column, and whether it has nulls. */
export function boundsQuery(dialect: Dialect, base: Base, column: string): BoundStatement {
  const { values, from } = begin(dialect, base, []);
  const name = `q.${dialect.quoteName(column)}`;
  return { sql: `SELECT MIN(${name}), MAX(${name}), COUNT(*) - COUNT(${name}) FROM ${from}`, values };
}

/** No rows: for the types of the columns. */
export function columnsQuery(dialect: Dialect, base: Base, parameters: readonly WireValue[]): BoundStatement {
  const { values, from } = begin(dialect, base, parameters);
  return { sql: `SELECT ${selected(dialect, base)} FROM ${from} WHERE 1 = 0`, values };
}

function begin(
  dialect: Dialect,
  base: Base,
  parameters: readonly WireValue[],
): { readonly values: WireValue[]; readonly bind: (value: WireValue) => string; readonly from: string } {
  const values: WireValue[] = [];
  const bind = (value: WireValue): string => dialect.placeholder(values.push(value));
  if (base.kind === 'table') return { values, bind, from: `${base.sqlName} AS q` };
  const sql = base.sql.replace(/[\s;]+$/, '');
  const text =
    parameters.length === 0 ? sql : withPlaceholders(parsePlaceholders(sql), (n) => bind(parameters[n - 1]!));
  return { values, bind, from: `(${text}\n) AS q` };
}

function selected(dialect: Dialect, base: Base): string {
  if (base.kind === 'query' || base.columns === null) return 'q.*';
  return base.columns.map((column) => `q.${dialect.quoteName(column)}`).join(', ');
}
