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
  /** Conditions `column >= value` and so on, or `column IS NULL`. */
  readonly bounds: readonly {
    readonly column: KeyColumn;
    readonly operator: '>=' | '>' | '<' | '<=' | 'IS NULL';
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
  const compared = comparedBy(dialect, bind);
  const conditions = boundsOf(page, compared);
  if (page.after !== null) conditions.push(`(${behind(page.key, page.after, compared)})`);
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  const order = page.key.map((column) => nameOf(dialect, column)).join(', ');
  const offset = page.offset === 0 ? '' : ` OFFSET ${page.offset}`;
  return {
    sql: `SELECT ${selected(dialect, base)} FROM ${from}${where} ORDER BY ${order} LIMIT ${page.limit}${offset}`,
    values,
  };
}

/** Is there a row of key `next` that the database takes for one of key `after`, though their texts differ? Then it has rows. */
export function tieQuery(
  dialect: Dialect,
  base: Base,
  page: Pick<Page, 'parameters' | 'bounds' | 'key'> & Record<'after' | 'next', readonly WireValue[]>,
): BoundStatement {
  const { values, bind, from } = begin(dialect, base, page.parameters);
  const compared = comparedBy(dialect, bind);
  const conditions = boundsOf(page, compared);
  for (const [i, column] of page.key.entries()) conditions.push(compared(column, '=', page.next[i]!));
  conditions.push(`NOT (${behind(page.key, page.after, compared)})`);
  return { sql: `SELECT 1 FROM ${from} WHERE ${conditions.join(' AND ')} LIMIT 1`, values };
}

/** `column operator value`. */
type Compared = (column: KeyColumn, operator: string, value: WireValue) => string;

function comparedBy(dialect: Dialect, bind: (value: WireValue) => string): Compared {
  return (column, operator, value) =>
    operator === 'IS NULL'
      ? `${nameOf(dialect, column)} IS NULL`
      : `${nameOf(dialect, column)} ${operator} ${dialect.compared(bind(value), column.kind, value)}`;
}

const nameOf = (dialect: Dialect, { name }: KeyColumn): string => `q.${dialect.quoteName(name)}`;

const boundsOf = ({ bounds }: Pick<Page, 'bounds'>, compared: Compared): string[] =>
  bounds.map(({ column, operator, value }) => compared(column, operator, value));

/** (a, b) > (x, y) written out: row comparisons keep MySQL from using an index. */
function behind(key: Page['key'], after: readonly WireValue[], compared: Compared): string {
  const steps = key.map((column, i) => {
    const equal = key.slice(0, i).map((before, j) => compared(before, '=', after[j]!));
    return `(${[...equal, compared(column, '>', after[i]!)].join(' AND ')})`;
  });
  return steps.join(' OR ');
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
