/** PostgreSQL. */
import type { BoundStatement, Dialect } from '../dialect.ts';
import type { JdbcSession } from '../session.ts';
import { postgresTable } from './postgres-catalog.ts';
import { preparePostgresQuery } from './postgres-query.ts';
import { PostgresResults } from './postgres-results.ts';
import { connectPostgres } from './postgres-session.ts';
import { deletePostgres, insertPostgres, quotePostgres, upsertPostgres } from './postgres-statements.ts';

export const POSTGRES: Dialect = {
  label: 'PostgreSQL',
  connect: connectPostgres,
  quoteName: quotePostgres,
  placeholder: (n) => `$${n}`,
  table: async (session, name) => await postgresTable(session, quotePostgres(name)),
  prepareQuery: preparePostgresQuery,
  insert: insertPostgres,
  upsert: upsertPostgres,
  delete: deletePostgres,
  check: checkPostgres,
  keyType: 'text COLLATE "C"',
  shortKeyType: 'text COLLATE "C"',
  longType: 'text',
  tableOptions: '',
  insertIfAbsent: (table, columns) =>
    `INSERT INTO ${table} (${columns.map(quotePostgres).join(', ')}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')}) ON CONFLICT DO NOTHING`,
  hazards: async () => [],
  results: new PostgresResults(),
  compared: (placeholder) => placeholder,
  zonedInstants: true,
};

/** The statements over empty arrays, and nothing of it stays. */
async function checkPostgres(session: JdbcSession, statements: readonly BoundStatement[]): Promise<void> {
  await session.run('BEGIN');
  try {
    for (const { sql, values } of statements)
      await session.run(
        sql,
        values.map(() => '{}'),
      );
  } finally {
    if (!session.broken) await session.run('ROLLBACK');
  }
}
