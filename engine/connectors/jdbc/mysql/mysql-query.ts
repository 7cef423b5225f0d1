/** A user's statement. One that inserts `VALUES (?, …)` and nothing else takes many rows at once; any other is run for each row. */
import type { PreparedQuery } from '../dialect.ts';
import { parsePlaceholders, withPlaceholders } from '../parse-placeholders.ts';
import type { JdbcSession } from '../session.ts';
import type { WireValue } from '../wire-value.ts';
import { chunked } from './mysql-statements.ts';

const VALUES_BEFORE = /^\s*(?:insert|replace)\b[\s\S]*\bvalues?\s*\(\s*$/i;

export async function prepareMysqlQuery(session: JdbcSession, sql: string): Promise<PreparedQuery> {
  const text = parsePlaceholders(sql);
  const parameters = text.parts.length - 1;
  const one = withPlaceholders(text, () => '?');
  await checkMysqlStatement(session, one);
  const head = text.parts[0]!;
  const isRow = VALUES_BEFORE.test(head) && text.parts.slice(1, -1).every((part) => /^\s*,\s*$/.test(part));
  const tail = /^\s*\)([\s\S]*)$/.exec(text.parts.at(-1)!);
  const types = Array.from({ length: parameters }, () => ({ kind: 'other', takesNul: true }) as const);
  if (!isRow || tail === null) {
    const each = async (on: JdbcSession, rows: readonly (readonly WireValue[])[]): Promise<void> => {
      for (const row of rows) await on.run(one, row);
    };
    return { types, run: each };
  }
  const before = head.slice(0, head.lastIndexOf('('));
  const row = `(${Array(parameters).fill('?').join(', ')})`;
  return {
    types,
    run: async (on, rows) => {
      const columns = types.map((_, p) => rows.map((values) => values[p]!));
      for (const statement of chunked(columns, (n) => `${before}${Array(n).fill(row).join(', ')}${tail[1]!}`))
        await on.run(statement.sql, statement.values);
    },
  };
}

/** Would the server take it from this user? */
export async function checkMysqlStatement(session: JdbcSession, sql: string): Promise<void> {
  await session.run('SET @millrace_statement = ?', [sql]);
  await session.run('PREPARE millrace_statement FROM @millrace_statement');
  await session.run('DEALLOCATE PREPARE millrace_statement');
}
