/** Keys of every type: a row replaces the row of its key and a delete finds it, also where the column rounds or fills up what it is given. */
import { beforeAll, describe, expect, test } from 'vitest';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import type { JdbcValue } from '../../engine/connectors/jdbc/wire-value.ts';
import { DATABASES, instantClock, databaseOfSuite, SinkOnTrial } from './databases.ts';

interface Row {
  readonly k: JdbcValue;
  readonly n: number;
  readonly gone: boolean;
}

const BOTH: [string, JdbcValue, JdbcValue][] = [
  ['INT', 1, 2],
  ['BIGINT', 9_007_199_254_740_993n, 9_007_199_254_740_992n],
  ['NUMERIC(5, 2)', '1.005', '1.02'],
  ['CHAR(5)', 'ab', 'abc'],
  ['VARCHAR(9)', 'a\'\\"', 'b'],
  ['DATE', '2024-02-29', '2024-03-01'],
  ['TIME', '10:11:12', '10:11:13'],
];
const POSTGRES: typeof BOTH = [
  ['REAL', 0.1, 0.2],
  ['DOUBLE PRECISION', 0.1, NaN],
  ['NUMERIC', '1.005', 'NaN'],
  ['TIME(0)', '10:11:12.6', '10:11:12'],
  ['TIMESTAMP(0)', 1600, 3000],
  ['TIMESTAMPTZ(1)', 1660, 1800],
  ['BPCHAR', 'ab  ', 'abc'],
  ['"char"', 'a', 'b'],
  ['UUID', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'],
  ['BYTEA', Uint8Array.of(0, 255), Uint8Array.of(0)],
  ['BOOLEAN', true, false],
  ['INT[]', [1, 2], [1]],
  ['JSONB', { a: 1 }, { a: 2 }],
  ['BIT(3)', '101', '100'],
  ['INTERVAL', '25 hours', '1 day'],
  ['INET', '10.0.0.1', '10.0.0.2'],
  ['k_mood', 'good', 'bad'],
  ['k_cents', '1.005', '1.02'],
];
const MARIADB: typeof BOTH = [
  ['FLOAT', 0.1, 0.2],
  ['DOUBLE', 0.1, 0.2],
  ['BIGINT UNSIGNED', 2n ** 64n - 1n, 2n ** 64n - 2n],
  ['TINYINT(1)', true, false],
  ['TIME(1)', '10:11:12.66', '10:11:12'],
  ['DATETIME', 1600, 3000],
  ['DATETIME(3)', '2024-01-01 00:00:00.1236', '2024-01-01 00:00:00.125'],
  ['TIMESTAMP(1)', 1_660_000_000_160, 1_660_000_000_300],
  ['YEAR', 2024, 2025],
  ['UUID', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'],
  ['BINARY(4)', Uint8Array.of(1), Uint8Array.of(1, 1)],
  ['VARBINARY(4)', Uint8Array.of(1), Uint8Array.of(1, 0)],
  ['BIT(9)', 258, 2],
  ["ENUM('good', 'bad')", 'good', 'bad'],
  ["SET('x', 'y')", 'x,y', 'y'],
  ['VARCHAR(9) COLLATE utf8mb4_bin', 'a', 'A'],
];

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);
  beforeAll(async () => {
    if (name !== 'postgres') return;
    await database.admin.run("CREATE TYPE k_mood AS ENUM ('good', 'bad')");
    await database.admin.run('CREATE DOMAIN k_cents AS NUMERIC(5, 2) CHECK (VALUE > 0)');
  });

  const types = [...BOTH, ...(name === 'postgres' ? POSTGRES : MARIADB)].map((one, i) => [...one, i] as const);

  test.each(types)('%s', async (type, key, other, i) => {
    const table = `k_${i}`;
    await database.admin.run(`CREATE TABLE ${table} (k ${type} PRIMARY KEY, n INT)`);
    const sink = JdbcSink.builder<Row>()
      .withTable({ name: table, columns: ['k', 'n'], keyFields: ['k'], deleteWhen: ({ gone }) => gone })
      .buildExactlyOnce(database.connection, { ledgerTable: 'k_ledger' });
    const trial = await new SinkOnTrial(sink, table, instantClock()).start();
    database.closesToo(trial);
    const numbers = async (): Promise<string[]> =>
      (await database.rows(`SELECT n FROM ${table} ORDER BY n`)).map(([n]) => n!);
    const row = (k: JdbcValue, n: number, gone = false): Row => ({ k, n, gone });
    await trial.publish(1, [row(key, 1), row(other, 2)]);
    await trial.publish(2, [row(key, 3)]);
    expect(await numbers()).toEqual(['2', '3']);
    await trial.publish(3, [row(key, 4), row(key, 0, true), row(other, 5)]);
    expect(await numbers()).toEqual(['5']);
    await trial.publish(4, [row(other, 0, true), row(key, 6), row(key, 7)]);
    expect(await numbers()).toEqual(['7']);
    await trial.publish(5, [row(key, 0, true)]);
    expect(await numbers()).toEqual([]);
  });
});
