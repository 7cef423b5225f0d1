/** Every type of column: what a job gives is what a source reads back. */
import { describe, expect, test } from 'vitest';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { JdbcSource } from '../../engine/connectors/jdbc/source/jdbc-source.ts';
import type { JdbcValue } from '../../engine/connectors/jdbc/wire-value.ts';
import type { SourceContext } from '../../engine/ports/source.ts';
import { DATABASES, databaseOfSuite, SinkOnTrial, type DatabaseName } from './databases.ts';

const CTX: SourceContext = { job: 'j', operator: 'in', clock: new SystemClock(), log: null, blobs: null };
const MS = 1_700_000_000_123;
const ISO = '2023-11-14T22:13:20.123Z';
const BYTES = new Uint8Array([0, 1, 92, 255, 39]);
const TEXT = 'ü€😀 "quoted" \\ \' {a,b} NULL\n';

/** Type of the column, value written, value read; where they differ. */
type Case = readonly [string, JdbcValue, unknown?];

const COMMON: readonly Case[] = [
  ['SMALLINT', -32_768],
  ['INT', '2147483647', 2_147_483_647],
  ['BIGINT', 42],
  ['BIGINT', 9_007_199_254_740_993n],
  ['BIGINT', '-9223372036854775808', -9_223_372_036_854_775_808n],
  ['DECIMAL(30, 10)', '12345678901234567890.0123456789'],
  ['DECIMAL(30, 10)', -1.5, '-1.5000000000'],
  ['DECIMAL(5, 0)', 12n, '12'],
  ['VARCHAR(40)', TEXT],
  ['VARCHAR(40)', ''],
  ['TEXT', 'x'.repeat(65_000)],
  ['DATE', '2024-02-29'],
  ['DATE', MS, '2023-11-14'],
  ['TIME', '23:59:59'],
];

const CASES: Readonly<Record<DatabaseName, readonly Case[]>> = {
  postgres: [
    ...COMMON,
    ['BOOLEAN', true],
    ['BOOLEAN', false],
    ['REAL', 0.1],
    ['DOUBLE PRECISION', 0.1],
    ['DOUBLE PRECISION', 5e-324],
    ['DOUBLE PRECISION', Infinity],
    ['NUMERIC', '1e-20', '0.00000000000000000001'],
    ['NUMERIC', 'NaN'],
    ['CHAR(5)', 'ab', 'ab   '],
    ['UUID', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    ['BYTEA', BYTES],
    ['TIMESTAMPTZ', MS],
    ['TIMESTAMPTZ', new Date(MS), MS],
    ['TIMESTAMPTZ', '2023-11-15 00:13:20.123456+02:00', MS],
    ['TIMESTAMP', MS],
    ['TIMESTAMP', ISO, MS],
    ['JSONB', { a: [1, null, TEXT] }],
    ['JSON', '[1, 2]', [1, 2]],
    ['JSON', 7],
    ['INT[]', [1, 2, 3]],
    ['TEXT[]', ['a', '', 'NULL', '"', '\\', '{}', TEXT]],
    [
      'BIGINT[]',
      [
        [1n, 2n],
        [3n, 4n],
      ],
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['BOOLEAN[]', [true, false]],
    ['INET', '10.0.0.1'],
    ['INTERVAL', '1 day'],
  ],
  mariadb: [
    ...COMMON,
    ['BOOLEAN', true],
    ['TINYINT', -128],
    ['MEDIUMINT UNSIGNED', 16_777_215],
    ['BIGINT UNSIGNED', 18_446_744_073_709_551_615n],
    ['FLOAT', 0.1],
    ['DOUBLE', 0.1],
    ['DOUBLE', 5e-324],
    ['CHAR(5)', 'ab'],
    ['UUID', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    ['BLOB', BYTES],
    ['VARBINARY(10)', BYTES],
    ['BIT(1)', true],
    ['BIT(20)', 1_000_000],
    ['DATETIME(3)', MS],
    ['DATETIME(6)', ISO, MS],
    ['TIMESTAMP(3)', new Date(MS), MS],
    ['JSON', { a: [1, null, TEXT] }, JSON.stringify({ a: [1, null, TEXT] })],
    ["ENUM('a', 'b')", 'b'],
    ['YEAR', 2024],
  ],
};

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);

  test('there and back, and null', async () => {
    const cases = CASES[name];
    const columns = cases.map(([type], i) => `c${i} ${type} NULL`);
    await database.admin.run(`CREATE TABLE t_types (id INT PRIMARY KEY, ${columns.join(', ')})`);
    const values = Object.fromEntries(
      cases.map(([, value], i) => [`c${i}`, ({ full }: { full: boolean }): JdbcValue => (full ? value : null)]),
    );
    const sink = JdbcSink.builder<{ id: number; full: boolean }>()
      .withTable({ name: 't_types', values: { id: ({ id }) => id, ...values }, keyFields: ['id'] })
      .buildExactlyOnce(database.connection);
    const trial = await new SinkOnTrial(sink, 'types').start();
    await trial.publish(1, [
      { id: 1, full: true },
      { id: 2, full: false },
    ]);
    await trial.close();
    const source = JdbcSource.builder().setConnection(database.connection).setTable('t_types').build();
    const [split] = await source.discover(CTX);
    const reader = await source.open(split!, 0, CTX);
    const batch = await reader.fill(10, null);
    if (typeof batch === 'string') throw new Error(batch);
    expect(batch.bad).toEqual([]);
    const [full, empty] = batch.values as Record<string, unknown>[];
    const written = cases.map(([type, value, read]) => [type, read === undefined ? value : read]);
    expect(cases.map(([type], i) => [type, full![`c${i}`]])).toEqual(written);
    expect(cases.map((_, i) => empty![`c${i}`])).toEqual(cases.map(() => null));
    // The same again by a row that is read with values in its statement, which other paths of the drivers decode.
    const later = await source.open(split!, 1, CTX);
    expect(await later.fill(10, null)).toMatchObject({ n: 1 });
    await source.close();
  });
});
