/**
 * Rows as multi-row VALUES. A statement's number of rows is the chunk's or a power of two, so that few statements are ever prepared, and
 * its values are at most what a prepared statement may have.
 */
import type { TableCatalog, TableColumn } from '../column-type.ts';
import type { BoundStatement, ColumnValues } from '../dialect.ts';
import type { WireValue } from '../wire-value.ts';

/** Measured for 6 columns: from 500 rows on, the size does not matter. */
const ROWS = 1000;
/** A prepared statement has at most 65,535. */
const MAX_VALUES = 60_000;

export function quoteMysql(name: string): string {
  return name
    .split('.')
    .map((part) => `\`${part.replaceAll('`', '``')}\``)
    .join('.');
}

export function insertMysql(
  table: TableCatalog,
  columns: readonly TableColumn[],
  values: ColumnValues,
): readonly BoundStatement[] {
  const head = insertOf(table, columns);
  return chunked(values, (rows) => `${head} ${rowsOf(columns.length, rows)}`);
}

export function upsertMysql(
  table: TableCatalog,
  columns: readonly TableColumn[],
  key: readonly string[],
  values: ColumnValues,
): readonly BoundStatement[] {
  const head = insertOf(table, columns);
  const set = [...guardOf(table, key), ...columns.filter(({ name }) => !key.includes(name)).map(assignment)];
  const update = set.length === 0 ? [`${quoteMysql(key[0]!)} = ${quoteMysql(key[0]!)}`] : set;
  return chunked(
    values,
    (rows) => `${head} ${rowsOf(columns.length, rows)} ON DUPLICATE KEY UPDATE ${update.join(', ')}`,
  );
}

export function deleteMysql(
  table: TableCatalog,
  key: readonly TableColumn[],
  values: ColumnValues,
): readonly BoundStatement[] {
  const names = key.map(({ name }) => quoteMysql(name)).join(', ');
  const tuple = `(${key.map(castOf).join(', ')})`;
  return chunked(
    values,
    (rows) =>
      `DELETE FROM ${table.sqlName} WHERE ${key.length === 1 ? names : `(${names})`} IN (${Array(rows)
        .fill(key.length === 1 ? castOf(key[0]!) : tuple)
        .join(', ')})`,
  );
}

/** Rows [from, to) for each statement. */
export function chunked(values: ColumnValues, sqlOf: (rows: number) => string): readonly BoundStatement[] {
  const statements: BoundStatement[] = [];
  const total = values[0]?.length ?? 0;
  const most = Math.max(1, Math.min(ROWS, Math.floor(MAX_VALUES / values.length)));
  for (let from = 0; from < total;) {
    const left = total - from;
    const rows = left >= most ? most : 2 ** Math.floor(Math.log2(left));
    const bound: WireValue[] = [];
    for (let r = from; r < from + rows; r++) for (const column of values) bound.push(column[r]!);
    statements.push({ sql: sqlOf(rows), values: bound });
    from += rows;
  }
  return statements;
}

/** `VALUES (?, ?), (?, ?)`. */
export function rowsOf(columns: number, rows: number): string {
  return `VALUES ${Array(rows)
    .fill(`(${Array(columns).fill('?').join(', ')})`)
    .join(', ')}`;
}

function insertOf(table: TableCatalog, columns: readonly TableColumn[]): string {
  return `INSERT INTO ${table.sqlName} (${columns.map(({ name }) => quoteMysql(name)).join(', ')})`;
}

function assignment({ name }: TableColumn): string {
  return `${quoteMysql(name)} = VALUES(${quoteMysql(name)})`;
}

/**
 * ON DUPLICATE KEY fires for every unique key, and would then change the row of another key; columns that the rows do not have count too,
 * by their defaults. Such a conflict is made an error: a subquery with two rows (1242).
 */
function guardOf(table: TableCatalog, key: readonly string[]): string[] {
  if (!table.hasOtherKeys && table.uniqueKeys.every((unique) => sameColumns(unique, key))) return [];
  const first = quoteMysql(key[0]!);
  const same = key.map((name) => `${quoteMysql(name)} <=> VALUES(${quoteMysql(name)})`).join(' AND ');
  return [`${first} = IF(${same}, ${first}, (SELECT 1 UNION ALL SELECT 2))`];
}

export function sameColumns(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

/**
 * A number that is compared with a text is compared as a double: it must be a number of the column's type. Times are compared with what
 * was stored of them.
 */
function castOf({ type, sqlType, storedType }: TableColumn): string {
  if (type.kind === 'integer') return `CAST(? AS ${type.min === 0n ? 'UNSIGNED' : 'SIGNED'})`;
  if (type.kind === 'decimal') return `CAST(? AS DECIMAL(${type.precision ?? 10}, ${type.scale}))`;
  if (type.kind === 'float') return sqlType.startsWith('float') ? 'CAST(? AS FLOAT)' : 'CAST(? AS DOUBLE)';
  if (type.kind === 'time' || type.kind === 'timestamp')
    return `CAST(? AS ${type.kind === 'time' ? 'TIME' : 'DATETIME'}(${/\((\d)\)/.exec(storedType)?.[1] ?? 0}))`;
  return type.kind === 'bits' ? 'CAST(CONV(HEX(?), 16, 10) AS UNSIGNED)' : '?';
}
