/** MySQL and MariaDB. */
import type { Dialect } from '../dialect.ts';
import type { JdbcSession } from '../session.ts';
import type { ComparableKind } from '../source/result-reader.ts';
import type { WireValue } from '../wire-value.ts';
import { mysqlTable } from './mysql-catalog.ts';
import { checkMysqlStatement, prepareMysqlQuery } from './mysql-query.ts';
import { MysqlResults } from './mysql-results.ts';
import { connectMysql } from './mysql-session.ts';
import { deleteMysql, insertMysql, quoteMysql, upsertMysql } from './mysql-statements.ts';

export const MYSQL: Dialect = {
  label: 'MySQL or MariaDB',
  connect: connectMysql,
  quoteName: quoteMysql,
  placeholder: () => '?',
  table: mysqlTable,
  prepareQuery: prepareMysqlQuery,
  insert: insertMysql,
  upsert: upsertMysql,
  delete: deleteMysql,
  check: async (session, statements) => {
    for (const { sql } of statements) await checkMysqlStatement(session, sql);
  },
  keyType: 'VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  shortKeyType: 'VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
  longType: 'LONGTEXT CHARACTER SET utf8mb4',
  tableOptions: ' ENGINE=InnoDB',
  insertIfAbsent: (table, columns) =>
    `INSERT INTO ${table} (${columns.map(quoteMysql).join(', ')}) VALUES (${columns.map(() => '?').join(', ')}) ON DUPLICATE KEY UPDATE ${quoteMysql(columns[0]!)} = ${quoteMysql(columns[0]!)}`,
  hazards,
  results: new MysqlResults(),
  compared,
  zonedInstants: false,
};

/** A number that is compared with a text is compared as a double. */
function compared(placeholder: string, kind: ComparableKind, value: WireValue): string {
  if (kind === 'integer')
    return `CAST(${placeholder} AS ${typeof value === 'string' && BigInt(value) > MAX_SIGNED ? 'UNSIGNED' : 'SIGNED'})`;
  return kind === 'decimal' ? `CAST(${placeholder} AS DECIMAL(65, 30))` : placeholder;
}

const MAX_SIGNED = (1n << 63n) - 1n;

async function hazards(session: JdbcSession): Promise<readonly string[]> {
  const { rows } = await session.run('SELECT @@GLOBAL.innodb_flush_log_at_trx_commit');
  const setting = String(rows[0]?.[0]);
  if (setting === '1') return [];
  return [
    `the server has innodb_flush_log_at_trx_commit = ${setting}: when it crashes it may forget epochs that it confirmed; set it to 1`,
  ];
}
