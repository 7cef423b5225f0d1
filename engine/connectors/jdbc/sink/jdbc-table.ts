/** A table to write to, as the job declares it, and whether the table that there is can take it. */
import { ConfigError } from '../../../model/errors.ts';
import type { TableCatalog, TableColumn } from '../column-type.ts';
import type { JdbcValue } from '../wire-value.ts';

/** Fields of a row that a column can take. */
type WritableField<T> = {
  [K in keyof T]-?: [T[K]] extends [JdbcValue] ? K : never;
}[keyof T] &
  string;

interface TableOptions<T> {
  /** Exact: `Orders` is not `orders`. `sales.orders` is a table of another schema (PostgreSQL) or database (MySQL, MariaDB). */
  readonly name: string;
  /** Columns of a unique key. A row replaces the row of its key. */
  readonly keyFields?: readonly string[];
  /** Default: upsert with key fields, else insert. */
  readonly mode?: 'insert' | 'upsert';
  /** Such a row deletes the row of its key; only its key's columns are asked for. */
  readonly deleteWhen?: (row: T) => boolean;
}

/** `columns`: fields that are columns of the same name. `values`: for each column, by its name, a function. */
export type JdbcTable<T> = TableOptions<T> &
  (
    | { readonly columns: readonly WritableField<T>[]; readonly values?: never }
    | { readonly columns?: never; readonly values: Readonly<Record<string, (row: T) => JdbcValue>> }
  );

export interface TablePlan<T> {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly valueOf: (row: T) => unknown }[];
  readonly key: readonly string[];
  readonly mode: 'insert' | 'upsert';
  readonly deleteWhen: ((row: T) => boolean) | null;
}

export function planTable<T>(table: JdbcTable<T>): TablePlan<T> {
  const { name, keyFields = [], deleteWhen = null } = table;
  const mode = table.mode ?? (keyFields.length > 0 ? 'upsert' : 'insert');
  const planned =
    table.columns === undefined
      ? Object.entries(table.values).map(([column, valueOf]) => ({ name: column, valueOf }))
      : table.columns.map((field) => ({ name: field, valueOf: (row: T): unknown => row[field] }));
  const refuse = (what: string): ConfigError => new ConfigError(`JdbcSink to ${name}: ${what}`, { table: name });
  if (planned.length === 0) throw refuse('withTable() names no columns: give `columns` or `values`.');
  const twice = planned.find(({ name: column }, i) => planned.findIndex((other) => other.name === column) !== i);
  if (twice !== undefined) throw refuse(`the column ${twice.name} is named twice.`);
  for (const field of keyFields)
    if (!planned.some((column) => column.name === field))
      throw refuse(`the key field ${field} is none of its columns.`);
  if (mode === 'upsert' && keyFields.length === 0) throw refuse('upsert needs keyFields: the columns of a unique key.');
  if (mode === 'insert' && deleteWhen !== null)
    throw refuse("deleteWhen needs mode 'upsert' and keyFields: inserted rows have no key to delete by.");
  return { name, columns: planned, key: keyFields, mode, deleteWhen };
}

/** Throws ConfigError with what does not fit; answers the columns in order. */
export function columnsOf<T>(plan: TablePlan<T>, table: TableCatalog | null, where: string): readonly TableColumn[] {
  const refuse = (what: string): ConfigError => new ConfigError(`${where}: ${what}`, { table: plan.name });
  if (table === null) throw refuse(`there is no table ${plan.name}. Create it, or correct its name; names are exact.`);
  const columns = plan.columns.map(({ name }) => {
    const column = table.columns.get(name);
    if (column !== undefined) return column;
    throw refuse(
      `the table ${plan.name} has no column ${name} that can be written; it has ${[...table.columns.keys()].join(', ')}.`,
    );
  });
  const required = [...table.columns.values()].filter(
    ({ name, nullable, hasDefault }) => !nullable && !hasDefault && !columns.some((column) => column.name === name),
  );
  if (required.length > 0)
    throw refuse(
      `the table ${plan.name} needs a value for ${required.map(({ name }) => name).join(', ')} (NOT NULL, no default). Add it to withTable()'s columns.`,
    );
  const isKey = (unique: readonly string[]): boolean =>
    unique.length === plan.key.length && unique.every((name) => plan.key.includes(name));
  if (plan.mode === 'upsert' && !table.uniqueKeys.some(isKey))
    throw refuse(
      `keyFields ${plan.key.join(', ')} are no unique key of ${plan.name}, so no row could be replaced. Its unique keys: ${table.uniqueKeys.map((key) => `(${key.join(', ')})`).join(', ') || 'none'}. Correct keyFields, or create a unique index over them.`,
    );
  return columns;
}
