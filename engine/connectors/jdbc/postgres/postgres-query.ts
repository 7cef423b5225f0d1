/**
 * A user's statement: prepared once, so that the server says what types its values have; then run for each row, with the values written
 * into its text. Many go in one request: a request a row would cost a round trip a row. (Nothing stays prepared: where connections
 * are pooled by the transaction, the next one may be another session.)
 */
import { ConfigError } from '../../../model/errors.ts';
import type { PreparedQuery } from '../dialect.ts';
import { bytesAsHex } from '../encode-value.ts';
import { parsePlaceholders, withPlaceholders, type StatementText } from '../parse-placeholders.ts';
import type { JdbcSession } from '../session.ts';
import type { WireValue } from '../wire-value.ts';
import { postgresType } from './postgres-catalog.ts';

const NAME = 'millrace_statement';
const TYPES = `
SELECT t.typname, e.typname FROM pg_prepared_statements p
CROSS JOIN LATERAL unnest(p.parameter_types) WITH ORDINALITY AS u(oid, n)
JOIN pg_type t ON t.oid = u.oid LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE p.name = '${NAME}' ORDER BY u.n`;
/** Characters of one request: the server holds it whole. */
const REQUEST_CHARACTERS = 1_000_000;

export async function preparePostgresQuery(session: JdbcSession, sql: string): Promise<PreparedQuery> {
  const text = parsePlaceholders(sql);
  await session.run('BEGIN');
  let types: PreparedQuery['types'];
  try {
    await session.run(`PREPARE ${NAME} AS ${withPlaceholders(text, (n) => `$${n}`)}`);
    const { rows } = await session.run(TYPES);
    types = rows.map(([name, element]) =>
      element === null
        ? postgresType(name as string, -1)
        : { kind: 'array', element: postgresType(element as string, -1) },
    );
    await session.run(`DEALLOCATE ${NAME}`);
  } finally {
    if (!session.broken) await session.run('ROLLBACK');
  }
  if (types.length !== text.parts.length - 1)
    throw new ConfigError(`The statement's values cannot be counted; write each as "?": ${sql.slice(0, 200)}`);
  return { types, run: (of, rows) => execute(of, text, rows) };
}

async function execute(
  session: JdbcSession,
  text: StatementText,
  rows: readonly (readonly WireValue[])[],
): Promise<void> {
  let request = '';
  for (const row of rows) {
    // On a line of its own: the statement may end in a comment.
    request += `${withPlaceholders(text, (n) => literal(row[n - 1]!))}\n;\n`;
    if (request.length < REQUEST_CHARACTERS) continue;
    await session.run(request);
    request = '';
  }
  if (request !== '') await session.run(request);
}

/** Of no type: the server gives it the parameter's. standard_conforming_strings is on, so only the quote is special. */
function literal(value: WireValue): string {
  if (value === null) return 'NULL';
  return `'${(typeof value === 'string' ? value : bytesAsHex(value)).replaceAll("'", "''")}'`;
}
