/** PostgreSQL or MariaDB as its own driver sees it: nothing of ours looks at the tables. */
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import type { RunningServer } from '../servers/index.ts';
import { textOf } from './job-input.ts';
import { mysqlWire, postgresWire } from './sql-wire.ts';
import type { Address, Wire } from './tcp-proxy.ts';

export type DatabaseName = 'postgres' | 'mariadb';

export interface LedgerRow {
  readonly slot: number;
  readonly run: string;
  readonly epoch: number;
}

export class TargetDatabase {
  readonly server: RunningServer;
  readonly wire: Wire;
  readonly address: Address;
  readonly table: string;
  readonly ledger: string;

  constructor(server: RunningServer, word: string) {
    this.server = server;
    this.wire = server.name === 'postgres' ? postgresWire : mysqlWire;
    this.address = { host: server.settings['host']!, port: Number(server.settings['port']) };
    this.table = `totals_${word}`;
    this.ledger = `ledger_${word}`;
  }

  /** The server's URL, at another address. */
  urlAt({ host, port }: Address): string {
    return this.server.settings['url']!.replace(`${this.address.host}:${this.address.port}`, `${host}:${port}`);
  }

  async create(): Promise<void> {
    const [key, second] = ['key', 'second'].map((name) => this.#quoted(name));
    await this.run(`CREATE TABLE ${this.table} (${key} VARCHAR(20), ${second} BIGINT, n INT, cents INT)`);
  }

  /** As JSON, sorted. */
  async totals(): Promise<readonly string[]> {
    const rows = await this.run(`SELECT * FROM ${this.table}`);
    return rows
      .map(({ key, second, n, cents }) =>
        textOf({ key: String(key), second: Number(second), n: Number(n), cents: Number(cents) }),
      )
      .toSorted();
  }

  async ledgerRows(): Promise<readonly LedgerRow[]> {
    const rows = await this.run(`SELECT slot, run, epoch FROM ${this.ledger} ORDER BY slot`);
    return rows.map(({ slot, run, epoch }) => ({ slot: Number(slot), run: String(run), epoch: Number(epoch) }));
  }

  async run(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const { host, port, user, password, database } = this.server.settings;
    const at = { host: host!, port: Number(port), user: user!, password: password!, database: database! };
    if (this.server.name === 'postgres') {
      const client = new Client(at);
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(sql)).rows;
      } finally {
        await client.end();
      }
    }
    const connection = await createConnection(at);
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      await connection.end();
    }
  }

  #quoted(name: string): string {
    return this.server.name === 'postgres' ? `"${name}"` : `\`${name}\``;
  }
}
