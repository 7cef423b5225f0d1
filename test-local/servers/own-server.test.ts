import { Client } from 'pg';
import { expect, test } from 'vitest';
import { startOwn, useServer, type OwnServer } from './index.ts';

async function query(server: OwnServer, sql: string): Promise<unknown[]> {
  const { host = '', port = '', user = '', password = '', database = '' } = server.settings;
  const client = new Client({ host, port: Number(port), user, password, database });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test('a server that is killed has its data and its address when it is back; so has one that was stopped', async () => {
  const server = await startOwn('postgres');
  await query(server, 'CREATE TABLE kept AS SELECT 1 AS n');
  const { pid } = server;
  await server.kill();
  await expect(query(server, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  expect(server.pid).not.toBe(pid);
  await server.stop();
  await expect(query(server, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  expect(await query(server, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  await server.stop();
});

test('databases can be followed and can prepare transactions', async () => {
  const server = await startOwn('postgres', { properties: { max_connections: '17' } });
  const shown = await Promise.all(
    ['wal_level', 'max_prepared_transactions', 'max_connections'].map(
      async (name) => await query(server, `SHOW ${name}`),
    ),
  );
  expect(shown.flat()).toEqual([
    { wal_level: 'logical' },
    { max_prepared_transactions: '64' },
    { max_connections: '17' },
  ]);
  await server.stop();
});

test('a server that cannot start says what its log said', async () => {
  await expect(startOwn('postgres', { properties: { wal_level: 'sideways' } })).rejects.toThrow(
    /postgres ended while it started[^]*invalid value for parameter "wal_level": "sideways"/,
  );
});

test('all who use a server get the same one', async () => {
  const [one, other] = await Promise.all([useServer('postgres'), useServer('postgres')]);
  expect(other).toEqual(one);
});
