/** Tables of our own in the user's database: created when the job starts, or asked for with the statement to run by hand. */
import { ConfigError } from '../../../model/errors.ts';
import type { Dialect } from '../dialect.ts';
import { explain, SqlFailure, type JdbcSession } from '../session.ts';

export interface ServiceTable {
  readonly what: string;
  readonly name: string;
  readonly ddl: string;
}

export function ledgerTable(dialect: Dialect, name: string): ServiceTable {
  const text = `${dialect.keyType} NOT NULL`;
  return {
    what: 'ledger',
    name,
    ddl: `CREATE TABLE IF NOT EXISTS ${dialect.quoteName(name)} (job ${text}, sink ${text}, slot INTEGER NOT NULL, run ${text}, epoch BIGINT NOT NULL, published_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (job, sink, slot))${dialect.tableOptions}`,
  };
}

export function rejectsTable(dialect: Dialect, name: string): ServiceTable {
  const text = `${dialect.keyType} NOT NULL`;
  return {
    what: 'rejects table',
    name,
    ddl: `CREATE TABLE IF NOT EXISTS ${dialect.quoteName(name)} (job ${text}, sink ${text}, run ${dialect.shortKeyType} NOT NULL, epoch BIGINT NOT NULL, slot INTEGER NOT NULL, position BIGINT NOT NULL, record ${dialect.longType} NOT NULL, error ${dialect.longType} NOT NULL, rejected_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (job, sink, run, epoch, slot, position))${dialect.tableOptions}`,
  };
}

/** Throws ConfigError where it is not there and cannot be created, or is of a kind that loses rows. */
export async function provide(
  dialect: Dialect,
  session: JdbcSession,
  table: ServiceTable,
  columns: readonly string[],
  where: string,
): Promise<void> {
  const byHand = `Run this as a user who may, and grant SELECT, INSERT and UPDATE on it: ${table.ddl};`;
  if ((await dialect.table(session, table.name)) === null) {
    try {
      await session.run(table.ddl);
    } catch (thrown) {
      // Two jobs that start at once may both create it: the one that fails finds it then.
      if (!(thrown instanceof SqlFailure) || thrown.reaction === 'connection') throw thrown;
      if ((await dialect.table(session, table.name)) === null)
        throw new ConfigError(
          `${where}: the ${table.what} ${table.name} is not there and cannot be created: ${explain(thrown)}. ${byHand}`,
          { table: table.name },
        );
    }
  }
  const found = await dialect.table(session, table.name);
  const missing = columns.filter((name) => found?.columns.has(name) !== true);
  if (missing.length > 0)
    throw new ConfigError(
      `${where}: the table ${table.name} is no ${table.what}: it has no column ${missing.join(', ')}. Choose another name, or drop it. ${byHand}`,
      { table: table.name },
    );
  if (found !== null && found.unsafe !== null)
    throw new ConfigError(`${where}: the ${table.what} ${table.name} ${found.unsafe}. ${byHand}`, {
      table: table.name,
    });
}
