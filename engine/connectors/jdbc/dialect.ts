/** What differs between databases: connecting, catalog, statements. */
import type { ColumnType, TableCatalog, TableColumn } from './column-type.ts';
import type { JdbcConnectionOptions } from './jdbc-connection-options.ts';
import type { JdbcSession } from './session.ts';
import type { ComparableKind, ResultReader } from './source/result-reader.ts';
import type { WireValue } from './wire-value.ts';

export interface BoundStatement {
  readonly sql: string;
  readonly values: readonly WireValue[];
}

/** Rows by column: `columns[c][row]`. */
export type ColumnValues = readonly (readonly WireValue[])[];

/** A user's statement, ready to be bound. */
export interface PreparedQuery {
  readonly types: readonly ColumnType[];
  /** Rows in order. `rows[r][p]`: the value of parameter p. */
  run(session: JdbcSession, rows: readonly (readonly WireValue[])[]): Promise<void>;
}

export interface Dialect {
  /** Name for users. */
  readonly label: string;
  connect(options: JdbcConnectionOptions, writes: boolean): Promise<JdbcSession>;
  /** `a.b` as a quoted name. */
  quoteName(name: string): string;
  /** The nth value of a statement, counted from 1. */
  placeholder(n: number): string;
  /** Null: there is no such table. */
  table(session: JdbcSession, name: string): Promise<TableCatalog | null>;
  prepareQuery(session: JdbcSession, sql: string): Promise<PreparedQuery>;

  insert(table: TableCatalog, columns: readonly TableColumn[], values: ColumnValues): readonly BoundStatement[];
  /** No two rows have the same key. */
  upsert(
    table: TableCatalog,
    columns: readonly TableColumn[],
    key: readonly string[],
    values: ColumnValues,
  ): readonly BoundStatement[];
  delete(table: TableCatalog, key: readonly TableColumn[], values: ColumnValues): readonly BoundStatement[];
  /** Would the server take these statements, as `insert`, `upsert` and `delete` make them, from this user? Throws what it says; changes nothing. */
  check(session: JdbcSession, statements: readonly BoundStatement[]): Promise<void>;

  /** Text types for the tables of our own: compared byte by byte. */
  readonly keyType: string;
  readonly shortKeyType: string;
  readonly longType: string;
  /** Behind the columns of CREATE TABLE. */
  readonly tableOptions: string;
  /** `INSERT … ` that does nothing where the key is there. */
  insertIfAbsent(table: string, columns: readonly string[]): string;
  /** Warnings about the server's settings, for exactly once. */
  hazards(session: JdbcSession): Promise<readonly string[]>;

  /** For the source. */
  readonly results: ResultReader;
  /** A value of a column that is compared: `placeholder`, cast where the server would compare inexactly. */
  compared(placeholder: string, kind: ComparableKind, value: WireValue): string;
  /** Do texts of instants end in +00? */
  readonly zonedInstants: boolean;
}
