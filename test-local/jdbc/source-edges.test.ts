/** Ranges up to the edges of a column's type, values without a range, and keys that only the database takes for equal. */
import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { JdbcSource } from '../../engine/connectors/jdbc/source/jdbc-source.ts';
import { ConfigError } from '../../engine/model/errors.ts';
import type { Source, SourceContext, SplitSpec } from '../../engine/ports/source.ts';
import { DATABASES, databaseOfSuite } from './databases.ts';

const CTX: SourceContext = { job: 'j', operator: 'in', clock: new SystemClock(), log: null, blobs: null };

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);

  const ofMysql = name === 'mariadb';
  const onPostgres = ofMysql ? [] : [name];

  function source(table: string, partition: string | null, parts: number, fetchSize = 2): JdbcSource<string> {
    const base = JdbcSource.builder()
      .setConnection(database.connection)
      .setTable(table)
      .setKeyFields('id')
      .setResultSetFetchSize(fetchSize);
    const made = (partition === null ? base : base.setPartitionColumn(partition, parts))
      .setResultExtractor((row) => String(row['id']))
      .build();
    database.closesToo(made);
    return made;
  }

  async function read(from: Source<string>, split: SplitSpec, position = 0): Promise<string[]> {
    const reader = await from.open(split, position, CTX);
    const rows: string[] = [];
    for (;;) {
      const batch = await reader.fill(3, null);
      if (typeof batch === 'string') break;
      for (let i = 0; i < batch.n; i++) rows.push(batch.values![i] as string);
    }
    await reader.close();
    return rows;
  }

  async function readAll(from: Source<string>): Promise<string[]> {
    const rows: string[] = [];
    for (const split of await from.discover(CTX)) rows.push(...(await read(from, split)));
    return rows.toSorted(byText);
  }

  test.each([
    ['small', 'SMALLINT', ['-32768', '7', '32767']],
    ['whole', 'INT', ['-2147483648', '2147483646', '2147483647']],
    ['big', 'BIGINT', ['-9223372036854775808', '0', '9223372036854775807']],
    ...(ofMysql
      ? [['unsigned', 'BIGINT UNSIGNED', ['0', '18446744073709551614', '18446744073709551615']] as const]
      : []),
  ] as const)('the largest and the smallest number of a column: %s', async (word, type, ids) => {
    const table = `e_${word}`;
    await database.admin.run(`CREATE TABLE ${table} (id ${type} PRIMARY KEY)`);
    await database.admin.run(`INSERT INTO ${table} VALUES ${ids.map((id) => `(${id})`).join(', ')}`);
    for (const parts of [1, 3]) {
      const from = source(table, 'id', parts);
      expect(await readAll(from)).toEqual(ids.toSorted(byText));
      const splits = await from.discover(CTX);
      const end = (await from.open(splits.at(-1)!, 0, CTX)).endPosition();
      if (end !== null) expect(await read(from, splits.at(-1)!, end)).toEqual([]);
    }
  });

  test('floats whose next whole number is the same float', async () => {
    const [four, eight] = ofMysql ? ['FLOAT', 'DOUBLE'] : ['REAL', 'DOUBLE PRECISION'];
    await database.admin.run(`CREATE TABLE e_floats (id INT PRIMARY KEY, four ${four}, eight ${eight})`);
    await database.admin.run(
      'INSERT INTO e_floats VALUES (1, 16777216, 9007199254740992), (2, -16777216, -1e300), (3, 12345678, 1e300), (4, 0.5, 0.5), (5, NULL, NULL)',
    );
    for (const column of ['four', 'eight'])
      for (const parts of [1, 4])
        expect(await readAll(source('e_floats', column, parts))).toEqual(['1', '2', '3', '4', '5']);
  });

  test('the last day that there is stands for "never", and may be the largest value', async () => {
    const at = ofMysql ? 'DATETIME(6)' : 'TIMESTAMP';
    await database.admin.run(`CREATE TABLE e_never (id INT PRIMARY KEY, day_ DATE, at_ ${at})`);
    await database.admin.run(
      "INSERT INTO e_never VALUES (1, '2024-01-01', '2024-01-01 00:00:00'), (2, '9999-12-31', '9999-12-31 23:59:59.999999'), (3, '1066-10-14', '1066-10-14 00:00:00.000001')",
    );
    for (const column of ['day_', 'at_'])
      for (const parts of [1, 3]) expect(await readAll(source('e_never', column, parts))).toEqual(['1', '2', '3']);
  });

  test.each(onPostgres)('a value that no range ends at is named', async () => {
    await database.admin.run('CREATE TABLE e_odd (id INT PRIMARY KEY, f REAL, at_ TIMESTAMPTZ, n NUMERIC)');
    await database.admin.run("INSERT INTO e_odd VALUES (1, 1, now(), 1), (2, 'NaN', 'infinity', 'NaN')");
    for (const column of ['f', 'at_', 'n']) {
      const thrown = await readAll(source('e_odd', column, 2)).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(ConfigError);
      expect((thrown as Error).message).toMatch(new RegExp(`partition column ${column} has the value (NaN|infinity)`));
    }
  });

  test('keys that the database takes for equal are refused at the edge of a page, and rows that come and go there are not', async () => {
    const word = ofMysql ? 'VARCHAR(9) COLLATE utf8mb4_general_ci' : `VARCHAR(9) COLLATE ${'"e_caseless"'}`;
    if (!ofMysql)
      await database.admin.run(
        "CREATE COLLATION e_caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
      );
    await database.admin.run(`CREATE TABLE e_words (id ${word})`);
    await database.admin.run("INSERT INTO e_words VALUES ('a'), ('A'), ('b')");
    const thrown = await readAll(source('e_words', null, 1, 1)).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(ConfigError);
    expect((thrown as Error).message).toMatch(/equal keys by the column's collation.*setKeyFields/s);

    await database.admin.run("DELETE FROM e_words WHERE id = 'a'");
    await database.admin.run("INSERT INTO e_words VALUES ('d'), ('f'), ('h')");
    const from = source('e_words', null, 1, 1);
    const reader = await from.open((await from.discover(CTX))[0]!, 0, CTX);
    const rows: string[] = [];
    for (;;) {
      const batch = await reader.fill(9, null);
      if (typeof batch === 'string') break;
      rows.push(batch.values![0] as string);
      if (rows.at(-1) === 'b') await database.admin.run("DELETE FROM e_words WHERE id = 'd'");
      if (rows.at(-1) === 'f') await database.admin.run("INSERT INTO e_words VALUES ('g')");
    }
    expect(rows).toEqual(['b', 'f', 'g', 'h']);
  });
});
