/** Whole jobs from table to table, that die at many steps, change their packing and lose their connections. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { JdbcSource } from '../../engine/connectors/jdbc/source/jdbc-source.ts';
import { runInMemory, type InMemoryOptions, type JobScope } from '../../engine/testing/run-in-memory.ts';
import { WatermarkStrategy } from '../../engine/time/watermark-strategy.ts';
import { DATABASES, openDatabase, type TestDatabase } from './databases.ts';

const ORDERS = 120;
const CUSTOMERS = 7;

describe.each(DATABASES)('%s', (name) => {
  let database: TestDatabase;
  let runs = 0;

  beforeAll(async () => {
    database = await openDatabase(name);
    await database.admin.run('CREATE TABLE j_orders (id INT PRIMARY KEY, customer INT NOT NULL, cents INT NOT NULL)');
    const rows = Array.from({ length: ORDERS }, (_, i) => `(${i}, ${(i * 5) % CUSTOMERS}, ${i * 10})`);
    await database.admin.run(`INSERT INTO j_orders VALUES ${rows.join(', ')}`);
  });
  afterAll(async () => await database?.close());

  /** Every sum on its way is inserted into one table, and replaces the one before in another. */
  function job(run: number): (scope: JobScope) => void {
    return ({ env }) => {
      const source = JdbcSource.builder()
        .setConnection(database.connection)
        .setTable('j_orders')
        .setPartitionColumn('id', 3)
        .setResultSetFetchSize(16)
        .setResultExtractor((row) => ({ customer: row['customer'] as number, cents: row['cents'] as number }))
        .build();
      const sums = env
        .fromSource(source, WatermarkStrategy.noWatermarks(), 'orders')
        .uid('orders')
        .keyBy(({ customer }) => customer)
        .reduce((a, b) => ({ customer: a.customer, cents: a.cents + b.cents }))
        .uid('sums');
      sums
        .sinkTo(
          JdbcSink.builder<{ customer: number; cents: number }>()
            .withTable({ name: `j_totals${run}`, columns: ['customer', 'cents'], keyFields: ['customer'] })
            .buildExactlyOnce(database.connection, { ledgerTable: `j_ledger${run}` }),
        )
        .uid('totals');
      sums
        .sinkTo(
          JdbcSink.builder<{ customer: number; cents: number }>()
            .withTable({ name: `j_steps${run}`, columns: ['customer', 'cents'] })
            .buildExactlyOnce(database.connection, { ledgerTable: `j_ledger${run}` }),
        )
        .uid('steps');
    };
  }

  test.each<InMemoryOptions>([
    {},
    { rowsPerEpoch: 13, crashAfter: [5, 9, 14, 20, 3, 33] },
    { rowsPerEpoch: [7, 40], stopEvery: 2, packings: [{ subtasks: 3 }, { workers: 2 }] },
  ])('%o', async (options) => {
    const run = ++runs;
    await database.admin.run(`CREATE TABLE j_totals${run} (customer INT PRIMARY KEY, cents INT NOT NULL)`);
    await database.admin.run(`CREATE TABLE j_steps${run} (customer INT, cents INT)`);
    const { crashes } = await runInMemory(job(run), options);
    expect(crashes.length).toBe(options.crashAfter?.length ?? 0);
    const totals = await database.rows('SELECT customer, SUM(cents) FROM j_orders GROUP BY customer ORDER BY customer');
    expect(await database.rows(`SELECT customer, cents FROM j_totals${run} ORDER BY customer`)).toEqual(totals);
    // A row for each order, each once: the sums of a customer are all different.
    const steps = await database.rows(`SELECT COUNT(*), COUNT(DISTINCT customer * 1000000 + cents) FROM j_steps${run}`);
    expect(steps).toEqual([[String(ORDERS), String(ORDERS)]]);
  });
});
