/**
 * Rows as arrays, one statement for all of them: `INSERT … SELECT … FROM unnest($1::bigint[], $2::text[], …)`. Arrays have the types of
 * the table's columns without their lengths and scales, so that the assignment checks those and nothing is cut.
 */
import type { TableCatalog, TableColumn } from '../column-type.ts';
import type { BoundStatement, ColumnValues } from '../dialect.ts';
import { bytesAsHex, quoteArrayItem } from '../encode-value.ts';
import type { WireValue } from '../wire-value.ts';

export function quotePostgres(name: string): string {
  return name
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

export function insertPostgres(
  table: TableCatalog,
  columns: readonly TableColumn[],
  values: ColumnValues,
): readonly BoundStatement[] {
  return [{ sql: insertOf(table, columns), values: values.map(arrayLiteral) }];
}

export function upsertPostgres(
  table: TableCatalog,
  columns: readonly TableColumn[],
  key: readonly string[],
  values: ColumnValues,
): readonly BoundStatement[] {
  const conflict = key.map(quotePart).join(', ');
  const set = columns
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => `${quotePart(name)} = EXCLUDED.${quotePart(name)}`);
  const action = set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`;
  return [
    {
      sql: `${insertOf(table, columns)} ON CONFLICT (${conflict}) DO ${action}`,
      values: values.map(arrayLiteral),
    },
  ];
}

export function deletePostgres(
  table: TableCatalog,
  key: readonly TableColumn[],
  values: ColumnValues,
): readonly BoundStatement[] {
  const names = key.map((_, i) => `k${i + 1}`);
  const where = key.map((column, i) => `t.${quotePart(column.name)} = ${storedOf(column, `k.${names[i]!}`)}`);
  return [
    {
      sql: `DELETE FROM ${table.sqlName} AS t USING ${unnestOf(key)} AS k(${names.join(', ')}) WHERE ${where.join(' AND ')}`,
      values: values.map(arrayLiteral),
    },
  ];
}

/** Takes the values over: an array literal of them. */
export function arrayLiteral(values: readonly WireValue[]): string {
  let text = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (i > 0) text += ',';
    // Quoted even where it need not be: the word NULL, blanks and empty texts are then nothing special.
    if (value === null) text += 'NULL';
    else text += quoteArrayItem(typeof value === 'string' ? value : bytesAsHex(value));
  }
  return `${text}}`;
}

const quotePart = (name: string): string => `"${name.replaceAll('"', '""')}"`;

function insertOf(table: TableCatalog, columns: readonly TableColumn[]): string {
  const names = columns.map(({ name }) => quotePart(name)).join(', ');
  const rows = columns.map((_, i) => `c${i + 1}`);
  const selected = columns.map((column, i) => castOf(column, rows[i]!));
  return `INSERT INTO ${table.sqlName} (${names}) SELECT ${selected.join(', ')} FROM ${unnestOf(columns)} AS r(${rows.join(', ')})`;
}

function unnestOf(columns: readonly TableColumn[]): string {
  const arrays = columns.map((column, i) => `$${i + 1}::${isArray(column) ? 'text' : column.sqlType}[]`);
  return `unnest(${arrays.join(', ')})`;
}

/** unnest would take an array of arrays apart to the last element: those travel as text. */
function castOf(column: TableColumn, expression: string): string {
  return isArray(column) ? `${expression}::${column.sqlType}` : expression;
}

/** As an assignment would round it: it is compared with what was stored. */
function storedOf(column: TableColumn, expression: string): string {
  const isRounded = ['decimal', 'time', 'timestamp'].includes(column.type.kind) && column.storedType !== column.sqlType;
  return isRounded ? `${expression}::${column.storedType}` : castOf(column, expression);
}

const isArray = (column: TableColumn): boolean => column.type.kind === 'array';
