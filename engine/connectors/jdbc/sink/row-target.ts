/** Where an epoch's rows go: a table, or a statement of the user's. What it is for is said by the staged header. */
import { ConfigError } from '../../../model/errors.ts';
import type { TableCatalog, TableColumn } from '../column-type.ts';
import type { BoundStatement, ColumnValues, Dialect } from '../dialect.ts';
import { bytesAsHex } from '../encode-value.ts';
import type { JdbcSession } from '../session.ts';
import { foldChanges, type ChangeGroup } from './fold-changes.ts';
import type { Change, StagedHeader, StagedRow } from './staged-rows.ts';

export interface RowTarget {
  /** All rows, or it throws; in order, as far as order shows. */
  write(session: JdbcSession, rows: readonly StagedRow[], batchSize: number): Promise<void>;
  /** A row as JSON, for messages and the rejects table. */
  textOf(row: StagedRow): string;
}

/** About so much goes into one statement: servers hold it whole, and MySQL's default limit of a packet is 16 MB. */
const BATCH_CHARACTERS = 4_000_000;

export async function openTarget(
  dialect: Dialect,
  session: JdbcSession,
  header: StagedHeader,
  where: string,
): Promise<RowTarget> {
  if (header.kind === 'query') {
    const query = await dialect.prepareQuery(session, header.sql);
    return {
      textOf: ({ values }) => JSON.stringify(values.map(shown)),
      write: async (on, rows, batchSize) => {
        for (const batch of batches(rows, batchSize))
          await query.run(
            on,
            batch.map(({ values }) => values),
          );
      },
    };
  }
  const table = await dialect.table(session, header.table);
  if (table === null)
    throw new ConfigError(
      `${where}: there is no table ${header.table} any more. Bring it back; publishing goes on then.`,
      {
        table: header.table,
      },
    );
  const columns = header.columns.map((name) => {
    const column = table.columns.get(name);
    if (column !== undefined) return column;
    throw new ConfigError(
      `${where}: the rows of a committed epoch have the column ${name}, which the table ${header.table} has no more. Bring it back; publishing goes on then.`,
      { table: header.table, column: name },
    );
  });
  return new TableTarget(dialect, table, columns, header);
}

class TableTarget implements RowTarget {
  readonly #statements: TableStatements;
  readonly #columns: readonly TableColumn[];
  readonly #key: readonly number[];
  readonly #exact: boolean;
  readonly #folds: boolean;

  constructor(
    dialect: Dialect,
    table: TableCatalog,
    columns: readonly TableColumn[],
    header: Extract<StagedHeader, { kind: 'table' }>,
  ) {
    this.#columns = columns;
    this.#key = header.key.map((name) => header.columns.indexOf(name));
    this.#exact = this.#key.every((position) => !columns[position]!.looseEquality);
    this.#folds = header.mode === 'upsert';
    this.#statements = new TableStatements(dialect, table, columns, header.mode, header.key);
  }

  async write(session: JdbcSession, rows: readonly StagedRow[], batchSize: number): Promise<void> {
    const groups: readonly ChangeGroup[] = this.#folds
      ? foldChanges(rows, this.#key, this.#exact)
      : [{ change: 'write', rows }];
    for (const group of groups)
      for (const batch of batches(group.rows, batchSize))
        for (const { sql, values } of this.#statements.of(group.change, batch)) await session.run(sql, values);
  }

  textOf({ values, change }: StagedRow): string {
    const row = Object.fromEntries(this.#columns.map(({ name }, i) => [name, shown(values[i]!)]));
    return JSON.stringify(change === 'delete' ? { ...row, '(change)': 'delete' } : row);
  }
}

/** The statements that write rows of a table. */
export class TableStatements {
  readonly #dialect: Dialect;
  readonly #table: TableCatalog;
  readonly #columns: readonly TableColumn[];
  readonly #mode: 'insert' | 'upsert';
  readonly #key: readonly string[];

  constructor(
    dialect: Dialect,
    table: TableCatalog,
    columns: readonly TableColumn[],
    mode: 'insert' | 'upsert',
    key: readonly string[],
  ) {
    this.#dialect = dialect;
    this.#table = table;
    this.#columns = columns;
    this.#mode = mode;
    this.#key = key;
  }

  of(change: Change, rows: readonly StagedRow[]): readonly BoundStatement[] {
    if (change === 'delete') {
      const columns = this.#key.map((name) => this.#columns.find((column) => column.name === name)!);
      return this.#dialect.delete(this.#table, columns, this.#byColumn(columns, rows));
    }
    const values = this.#byColumn(this.#columns, rows);
    return this.#mode === 'insert'
      ? this.#dialect.insert(this.#table, this.#columns, values)
      : this.#dialect.upsert(this.#table, this.#columns, this.#key, values);
  }

  #byColumn(columns: readonly TableColumn[], rows: readonly StagedRow[]): ColumnValues {
    return columns.map((column) => {
      const position = this.#columns.indexOf(column);
      return rows.map(({ values }) => values[position]!);
    });
  }
}

function* batches(rows: readonly StagedRow[], batchSize: number): Generator<readonly StagedRow[]> {
  let from = 0;
  let characters = 0;
  for (let i = 0; i < rows.length; i++) {
    let size = 0;
    for (const value of rows[i]!.values) size += value?.length ?? 0;
    if (i > from && (i - from >= batchSize || characters + size > BATCH_CHARACTERS)) {
      yield rows.slice(from, i);
      from = i;
      characters = 0;
    }
    characters += size;
  }
  if (from < rows.length) yield from === 0 ? rows : rows.slice(from);
}

const shown = (value: string | Uint8Array | null): string | null =>
  value instanceof Uint8Array ? bytesAsHex(value) : value;
