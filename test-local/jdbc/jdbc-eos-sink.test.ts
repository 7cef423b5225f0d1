/**
 * The guide's example: a sink of the user's own on PostgreSQL, written with the methods of Flink's TwoPhaseCommitSinkFunction. Its marker
 * is a row of its own, written in the transaction of the rows. Put through every crash, failure and race that the test kit knows.
 */
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TwoPhaseCommitSinkFunction, type InvokeContext, type TransactionContext } from '../../engine/index.ts';
import { checkTwoPhaseCommitSink } from '../../engine/testing/index.ts';
import { useServer } from '../servers/index.ts';

interface Payment {
  readonly id: string;
  readonly cents: number;
}

interface Transaction {
  readonly client: pg.Client;
  readonly ctx: TransactionContext;
}

class JdbcEosSink extends TwoPhaseCommitSinkFunction<Payment, Transaction> {
  override readonly description = 'payments in PostgreSQL';
  readonly #config: pg.ClientConfig;
  /** Connections of this process. */
  readonly clients = new Set<pg.Client>();

  constructor(config: pg.ClientConfig) {
    super();
    this.#config = config;
  }

  override async beginTransaction(ctx: TransactionContext): Promise<Transaction> {
    const client = await this.#connect();
    await client.query('BEGIN');
    return { client, ctx };
  }

  override async invoke({ client }: Transaction, { id, cents }: Payment, _ctx: InvokeContext): Promise<void> {
    await client.query('INSERT INTO eos_payments (id, cents) VALUES ($1, $2)', [id, cents]);
  }

  override preCommit(): void {}

  /** The marker goes in last: it is what two processes with the same epoch wait for each other at, and nothing else is waited for meanwhile. */
  override async commit({ client, ctx }: Transaction): Promise<void> {
    const { rowCount } = await client.query(
      `INSERT INTO eos_markers (slot, run, epoch) VALUES ($1, $2, $3) ON CONFLICT (slot) DO UPDATE SET run = EXCLUDED.run, epoch = EXCLUDED.epoch
       WHERE (eos_markers.run, eos_markers.epoch) < (EXCLUDED.run, EXCLUDED.epoch)`,
      [ctx.slot, ctx.run, ctx.epoch],
    );
    await this.#end(client, rowCount === 1 ? 'COMMIT' : 'ROLLBACK');
    if (rowCount !== 1) throw new Error(`slot ${ctx.slot} is beyond ${ctx.id} already`);
  }

  override async abort({ client }: Transaction): Promise<void> {
    await this.#end(client, 'ROLLBACK');
  }

  override async isCommitted(ctx: TransactionContext): Promise<boolean> {
    const client = await this.#connect();
    try {
      const { rows } = await client.query('SELECT run, epoch FROM eos_markers WHERE slot = $1', [ctx.slot]);
      const marker = rows[0] as { run: string; epoch: number } | undefined;
      return marker !== undefined && marker.run === ctx.run && marker.epoch >= ctx.epoch;
    } finally {
      await this.#end(client, null);
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    client.on('error', () => undefined);
    await client.connect();
    this.clients.add(client);
    return client;
  }

  async #end(client: pg.Client, statement: 'COMMIT' | 'ROLLBACK' | null): Promise<void> {
    this.clients.delete(client);
    try {
      if (statement !== null) await client.query(statement);
    } finally {
      await client.end();
    }
  }
}

let admin: pg.Client;
let config: pg.ClientConfig;

beforeAll(async () => {
  const { settings } = await useServer('postgres');
  const { host, port, user, password, database } = settings;
  config = { host: host!, port: Number(port), user: user!, password: password!, database: database! };
  admin = new pg.Client(config);
  await admin.connect();
  await admin.query('CREATE TABLE eos_payments (id TEXT, cents INT)');
  await admin.query(
    'CREATE TABLE eos_markers (slot INT PRIMARY KEY, run TEXT COLLATE "C" NOT NULL, epoch INT NOT NULL)',
  );
});
afterAll(async () => await admin?.end());

test('exactly once, whatever dies when', async () => {
  const sink = new JdbcEosSink(config);
  expect(sink.guarantee).toBe('EXACTLY_ONCE');
  const report = await checkTwoPhaseCommitSink(() => new JdbcEosSink(config), {
    rows: (n): Payment[] => [{ id: String(n), cents: n }],
    readCommitted: async () => (await admin.query('SELECT id, cents FROM eos_payments')).rows as Payment[],
    pending: async () => (await admin.query('SELECT gid FROM pg_prepared_xacts')).rows,
    // A process that dies closes its sockets; the server rolls back.
    kill: async (process) => {
      for (const client of process.clients) await client.end();
    },
  });
  expect(report.problems).toEqual([]);
  expect(report.cases).toBeGreaterThan(30);
});
