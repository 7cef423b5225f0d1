/** Rows that only the server can refuse, keys of other indexes, locked tables, and servers that stop answering. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { JdbcConnectionOptionsBuilder } from '../../engine/connectors/jdbc/jdbc-connection-options.ts';
import { JdbcExecutionOptions } from '../../engine/connectors/jdbc/sink/jdbc-execution-options.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import type { JdbcTable } from '../../engine/connectors/jdbc/sink/jdbc-table.ts';
import { RetryableError, UserCodeError } from '../../engine/model/errors.ts';
import { useServer } from '../servers/index.ts';
import { connectionTo, DATABASES, instantClock, databaseOfSuite, openDatabase, SinkOnTrial } from './databases.ts';

interface Word {
  readonly id: number;
  readonly word: string;
}

const words = (...all: string[]): Word[] => all.map((word, id) => ({ id, word }));

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);

  const ofMysql = name === 'mariadb';
  const onMysql = ofMysql ? [name] : [];
  const onPostgres = ofMysql ? [] : [name];

  async function sinkTo(
    table: string,
    columns: string,
    options: Partial<JdbcTable<Word>> = {},
    execution = JdbcExecutionOptions.defaults(),
  ): Promise<SinkOnTrial<Word>> {
    await database.admin.run(`CREATE TABLE ${table} (${columns})`);
    const sink = JdbcSink.builder<Word>()
      .withTable({ name: table, columns: ['id', 'word'], ...options } as JdbcTable<Word>)
      .withExecutionOptions(execution)
      .buildExactlyOnce(database.connection, { ledgerTable: `${table}_ledger` });
    const trial = await new SinkOnTrial(sink, 'edges', instantClock()).start();
    database.closesToo(trial);
    return trial;
  }

  async function refusalOf(trial: SinkOnTrial<Word>, rows: readonly Word[]): Promise<UserCodeError> {
    const thrown = await trial.publish(1, rows).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(UserCodeError);
    return thrown as UserCodeError;
  }

  test.each(ofMysql ? ['45000', '99001', '02000'] : ['P0001', 'P0002', 'U0001', '2F002', '09000'])(
    'what a trigger raises is about the row, whatever its state: %s',
    async (state) => {
      const table = `d_raise_${state.toLowerCase()}`;
      const trial = await sinkTo(table, 'id INT, word VARCHAR(20)');
      if (ofMysql)
        await database.admin.run(
          `CREATE TRIGGER ${table}_t BEFORE INSERT ON ${table} FOR EACH ROW IF NEW.word = 'bad' THEN SIGNAL SQLSTATE '${state}' SET MESSAGE_TEXT = 'no such word'; END IF`,
        );
      else {
        await database.admin.run(
          `CREATE FUNCTION ${table}_f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.word = 'bad' THEN RAISE EXCEPTION 'no such word' USING ERRCODE = '${state}'; END IF; RETURN NEW; END $$`,
        );
        await database.admin.run(
          `CREATE TRIGGER ${table}_t BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION ${table}_f()`,
        );
      }
      const { message, at } = await refusalOf(trial, words('good', 'fine', 'bad', 'well'));
      expect(message).toMatch(/record 2 of 4 was refused.*no such word/s);
      expect(at).toMatchObject({ position: 2 });
    },
  );

  test.each(onPostgres)('an entry that is too large for its index is about the row', async () => {
    const trial = await sinkTo('d_large', 'id INT, word TEXT UNIQUE');
    const large = Array.from({ length: 3000 }, (_, i) => (i * i * 7919).toString(36)).join('');
    expect((await refusalOf(trial, words('a', large))).message).toMatch(/record 1 of 2.*index row/s);
  });

  test.each(onMysql)('a row that is larger than the server takes is named', async () => {
    const [[limit]] = (await database.rows('SELECT @@GLOBAL.max_allowed_packet')) as [[string]];
    await database.admin.run('SET GLOBAL max_allowed_packet = 8388608');
    const trial = await sinkTo('d_packet', 'id INT, word LONGTEXT');
    const { message } = await refusalOf(trial, words('a', 'x'.repeat(8_400_000), 'b'));
    await database.admin.run(`SET GLOBAL max_allowed_packet = ${limit}`);
    expect(message).toMatch(/record 1 of 3 was refused.*max_allowed_packet is \d+; raise it/s);
    expect(message.length).toBeLessThan(2000);
  });

  const otherIndexes = [
    ['word VARCHAR(20) UNIQUE, id INT PRIMARY KEY, code INT DEFAULT 7 UNIQUE', words('a', 'b')],
    ['word VARCHAR(20), id INT PRIMARY KEY, UNIQUE (word(3))', words('abcd', 'abce')],
  ] as const;
  test.each(ofMysql ? otherIndexes : [])(
    'no row of another key is changed where another index meets: %s',
    async (columns, rows) => {
      const table = `d_other_${columns.length}`;
      const trial = await sinkTo(table, columns, { keyFields: ['id'] });
      expect((await refusalOf(trial, rows)).message).toMatch(/record 1 of 2 was refused/);
      expect(await database.rows(`SELECT * FROM ${table}`)).toEqual([]);
      await trial.publish(1, rows.slice(0, 1));
      await trial.publish(2, rows.slice(0, 1));
    },
  );

  test('a table that somebody has locked is waited for as long as was said, and the lock is named', async () => {
    const execution = JdbcExecutionOptions.builder().withLockTimeoutMs(1000).withMaxRetries(0).build();
    const trial = await sinkTo('d_locked', 'id INT, word VARCHAR(20)', {}, execution);
    await trial.publish(1, words('a'));
    const other = await openDatabase(name);
    database.closesToo(other);
    if (ofMysql) await other.admin.run('LOCK TABLES d_locked WRITE');
    else await other.admin.run('BEGIN; LOCK TABLE d_locked');
    const thrown = await trial.publish(2, words('b')).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RetryableError);
    expect((thrown as Error).message).toMatch(/lock.*timeout.*Nothing was lost/is);
    await other.admin.run(ofMysql ? 'UNLOCK TABLES' : 'ROLLBACK');
    expect(await trial.publish(2, words('b'))).toBe('published');
  });

  test('a statement that ends in a comment takes many rows; what PostgreSQL cannot hold is refused before the commit', async () => {
    await database.admin.run('CREATE TABLE d_comment (id INT, word VARCHAR(20))');
    if (!ofMysql) await database.admin.run("CREATE TYPE d_mood AS ENUM ('good')");
    const value = ofMysql ? '?' : '?::d_mood';
    const sink = JdbcSink.builder<Word>()
      .withQueryStatement(`INSERT INTO d_comment VALUES (?, ${value}) -- as ever`, ({ id, word }) => [id, word])
      .buildExactlyOnce(database.connection, { ledgerTable: 'd_comment_ledger' });
    const trial = await new SinkOnTrial(sink, 'edges', instantClock()).start();
    database.closesToo(trial);
    expect(await trial.publish(1, words('good', 'good', 'good'))).toBe('published');
    expect(await database.rows('SELECT id FROM d_comment ORDER BY id')).toEqual([['0'], ['1'], ['2']]);
    if (!ofMysql) expect(() => trial.stage(words('goo\0'))).toThrow(/NUL/);
  });

  test('leave is taken of a server that does not answer', async () => {
    const { settings } = await useServer(name);
    const relay = await openRelay(Number(/:(\d+)\//.exec(settings['url']!)![1]));
    const url = settings['url']!.replace(/:\d+\//, `:${relay.port}/`);
    const session = await database.dialect.connect(connectionTo({ name, settings }, url), true);
    relay.freeze(true);
    const began = performance.now();
    await session.close();
    expect(performance.now() - began).toBeLessThan(6000);
    relay.close();
  });

  test('a publication to a server that does not answer ends, and nothing is lost', async () => {
    const { settings } = await useServer(name);
    const relay = await openRelay(Number(/:(\d+)\//.exec(settings['url']!)![1]));
    const connection = new JdbcConnectionOptionsBuilder()
      .withUrl(settings['url']!.replace(/:\d+\//, `:${relay.port}/`))
      .withUsername(settings['user']!)
      .withPassword(settings['password']!)
      .withConnectionCheckTimeoutSeconds(0.3)
      .withRequestTimeoutSeconds(0.5)
      .build();
    await database.admin.run('CREATE TABLE d_frozen (id INT PRIMARY KEY, word VARCHAR(20))');
    const sink = JdbcSink.builder<Word>()
      .withTable({ name: 'd_frozen', columns: ['id', 'word'] })
      .withExecutionOptions(JdbcExecutionOptions.builder().withMaxRetries(2).build())
      .buildExactlyOnce(connection, { ledgerTable: 'd_frozen_ledger' });
    const trial = await new SinkOnTrial(sink, 'edges', instantClock()).start();
    database.closesToo(trial);
    await trial.publish(1, words('a'));
    relay.freeze(true);
    const began = performance.now();
    const thrown = await trial.publish(2, [{ id: 1, word: 'b' }]).catch((error: unknown) => error);
    expect(performance.now() - began).toBeLessThan(6000);
    expect(thrown).toBeInstanceOf(RetryableError);
    expect((thrown as Error).message).toMatch(/timeout|no answer within|ETIMEDOUT.*Nothing was lost/i);
    relay.freeze(false);
    expect(await trial.publish(2, [{ id: 1, word: 'b' }])).toBe('published');
    relay.close();
  });
});

interface Relay {
  readonly port: number;
  /** Nothing passes any more, and no connection ends. */
  freeze(isFrozen: boolean): void;
  close(): void;
}

async function openRelay(to: number): Promise<Relay> {
  const sockets: Socket[] = [];
  let isFrozen = false;
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const target = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(client, target);
    for (const [from, into] of [
      [client, target],
      [target, client],
    ] as const) {
      from.on('data', (data) => isFrozen || into.write(data));
      from.on('error', () => undefined);
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { readonly port: number }).port,
    freeze: (now) => void (isFrozen = now),
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
