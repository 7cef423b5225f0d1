/** Exactly once whatever dies when: every step of a publication disturbed in every way, on both servers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JdbcExecutionOptions } from '../../engine/connectors/jdbc/sink/jdbc-execution-options.ts';
import { JdbcPublisher } from '../../engine/connectors/jdbc/sink/jdbc-publisher.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { Ledger } from '../../engine/connectors/jdbc/sink/ledger.ts';
import type { JdbcSession } from '../../engine/connectors/jdbc/session.ts';
import { ConfigError, FencedError, RetryableError, UnknownOutcomeError } from '../../engine/model/errors.ts';
import { DATABASES, instantClock, openDatabase, SinkOnTrial, type TestDatabase } from './databases.ts';
import { Died, loseConnection, SessionsOnTrial, type Disturb } from './session-on-trial.ts';

interface Word {
  readonly word: string;
}

const LEDGER = 'x_ledger';
const TABLE = 'x_words';
const RUNS = ['r00000000000001-a', 'r00000000000002-b'] as const;

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

describe.each(DATABASES)('%s', (name) => {
  let database: TestDatabase;
  let trial: SinkOnTrial<Word>;
  let epoch = 0;
  let run: string = RUNS[0];
  let expected: string[] = [];

  beforeAll(async () => {
    database = await openDatabase(name);
    await database.admin.run(`CREATE TABLE ${TABLE} (word VARCHAR(40))`);
    const sink = JdbcSink.builder<Word>()
      .withTable({ name: TABLE, columns: ['word'] })
      .buildExactlyOnce(database.connection, { ledgerTable: LEDGER });
    trial = await new SinkOnTrial(sink, 'x', instantClock()).start(run, 0);
  });
  afterAll(async () => {
    await trial?.close();
    await database?.close();
  });

  /** A process of its own. `retries`: on its own, at once. */
  function publisher(sessions: SessionsOnTrial | null, retries = 5, lockTimeoutMs = 10_000): JdbcPublisher {
    const { ctx } = trial;
    const dialect = sessions?.dialect ?? database.dialect;
    const execution = JdbcExecutionOptions.builder().withMaxRetries(retries).withLockTimeoutMs(lockTimeoutMs).build();
    const ledger = new Ledger(dialect, LEDGER, ctx.job, ctx.sink);
    return new JdbcPublisher({ dialect, connection: database.connection, execution, ledger }, ctx);
  }

  /** The next epoch's publication; its rows are expected from now on. */
  function next() {
    epoch++;
    const rows = [{ word: `${epoch}-a` }, { word: `${epoch}-b` }];
    expected.push(...rows.map(({ word }) => word));
    return { run, epoch, slot: 0, ...trial.stage(rows) };
  }

  async function expectEachOnce(): Promise<void> {
    const rows = await database.rows(`SELECT word FROM ${TABLE}`);
    expect(rows.map(([word]) => word!).toSorted(byText)).toEqual(expected.toSorted(byText));
  }

  async function atEveryStep(
    disturb: (sessions: SessionsOnTrial) => Disturb,
    after: (at: number) => Promise<void>,
  ): Promise<number> {
    const again = publisher(null);
    for (let at = 1; ; at++) {
      const sessions: SessionsOnTrial = new SessionsOnTrial(database.dialect, at, async (session, step) => {
        await disturb(sessions)(session, step);
      });
      const publication = next();
      const first = publisher(sessions);
      const outcome = await first.publish(publication).catch((thrown: unknown) => thrown);
      if (outcome instanceof Died) await again.publish(publication);
      else expect(outcome, `at ${sessions.disturbedAt}`).toMatch(/published|already/);
      await after(at);
      expect(await again.publish(publication)).toBe('already');
      await expectEachOnce();
      await first.close();
      if (sessions.disturbedAt === null) {
        await again.close();
        return at;
      }
    }
  }

  test('the process dies at each step, and another repeats the publication', async () => {
    const cases = await atEveryStep(
      (sessions) => async (session) => sessions.die(session),
      async () => undefined,
    );
    expect(cases).toBeGreaterThan(10);
  });

  test('the connection is lost at each step', async () => {
    const cases = await atEveryStep(
      () => async (session, step) => loseConnection(session, step),
      async () => undefined,
    );
    expect(cases).toBeGreaterThan(10);
  });

  test('another process publishes the same epoch at each step', async () => {
    let rival: Promise<unknown> = Promise.resolve();
    const cases = await atEveryStep(
      () => async () => {
        const other = publisher(null);
        const publication = { run, epoch, slot: 0, ...trial.stage([{ word: `${epoch}-a` }, { word: `${epoch}-b` }]) };
        rival = (async () => {
          await other.publish(publication);
          await other.close();
        })();
        // It goes as far as it comes: to its end, or to the lock that this process holds.
        await Promise.race([rival, sleep(10)]);
      },
      async () => {
        await rival;
      },
    );
    expect(cases).toBeGreaterThan(10);
  });

  test('a session killed by the administrator in each statement, and in the middle of COMMIT', async () => {
    const kill = async (id: string): Promise<unknown> =>
      await database.admin.run(name === 'postgres' ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`);
    const idOf = async (session: JdbcSession): Promise<string> =>
      String(
        (await session.run(name === 'postgres' ? 'SELECT pg_backend_pid()' : 'SELECT CONNECTION_ID()')).rows[0]![0],
      );
    for (const step of [/before INSERT/, /after INSERT/, /before UPDATE/, /after UPDATE/]) {
      const sessions = new SessionsOnTrial(database.dialect, step, async (session) => {
        await kill(await idOf(session));
      });
      const one = publisher(sessions);
      expect(await one.publish(next())).toBe('published');
      expect(sessions.disturbedAt).not.toBeNull();
      expect(sessions.failures).not.toEqual([]);
      await one.close();
      await expectEachOnce();
    }
    for (let i = 0; i < 5; i++) {
      let killed: Promise<unknown> = Promise.resolve();
      const sessions = new SessionsOnTrial(database.dialect, /before COMMIT/, async (session) => {
        const id = await idOf(session);
        killed = sleep(i / 4)
          .then(() => kill(id))
          .catch(() => undefined);
      });
      const one = publisher(sessions);
      await one.publish(next());
      await killed;
      await one.close();
      await expectEachOnce();
    }
  });

  test('a COMMIT that nobody answers, again and again, is unknown and not a result', async () => {
    const sessions = new SessionsOnTrial(database.dialect, /after COMMIT/, async (session, step) =>
      loseConnection(session, step),
    );
    const publication = next();
    const one = publisher(sessions, 0);
    await expect(one.publish(publication)).rejects.toThrow(UnknownOutcomeError);
    expect(await one.publish(publication)).toBe('already');
    await one.close();
    await expectEachOnce();
  });

  test('a deadlock with another session is repeated', async () => {
    const table = 'x_deadlock';
    await database.admin.run(`CREATE TABLE ${table} (id INT PRIMARY KEY, n INT)`);
    await database.admin.run(`INSERT INTO ${table} VALUES (1, 0), (2, 0), (3, 0), (4, 0), (5, 0)`);
    const sink = JdbcSink.builder<{ id: number; n: number }>()
      .withTable({ name: table, columns: ['id', 'n'], keyFields: ['id'] })
      .withExecutionOptions(JdbcExecutionOptions.builder().withBatchSize(1).build())
      .buildExactlyOnce(database.connection, { ledgerTable: LEDGER });
    const other = await database.dialect.connect(database.connection, true);
    const deadlocked = await new SinkOnTrial(sink, 'x-deadlock').start();
    await other.begin(10_000);
    // More rows than the publisher: MariaDB rolls back whoever changed fewer.
    await other.run(`UPDATE ${table} SET n = 1 WHERE id > 1`);
    const sessions = new SessionsOnTrial(database.dialect, /nothing/, async () => undefined);
    const ledger = new Ledger(database.dialect, LEDGER, 'x-deadlock', 'out');
    const execution = JdbcExecutionOptions.builder().withBatchSize(1).build();
    const options = { dialect: sessions.dialect, connection: database.connection, execution, ledger };
    const one = new JdbcPublisher(options, deadlocked.ctx);
    const staged = deadlocked.stage([
      { id: 1, n: 7 },
      { id: 2, n: 7 },
    ]);
    const published = one.publish({ run: 'r00000000000001-test', epoch: 1, slot: 0, ...staged });
    await sleep(150);
    await other.run(`UPDATE ${table} SET n = 1 WHERE id = 1`);
    await other.commit();
    expect(await published).toBe('published');
    expect(sessions.failures).toContain(name === 'postgres' ? '40P01' : '1213');
    expect(await database.rows(`SELECT id FROM ${table} WHERE n = 7 ORDER BY id`)).toEqual([['1'], ['2']]);
    await one.close();
    await other.close();
    await deadlocked.close();
  });

  test('a lock that is not given back fails the publication, which is repeated later', async () => {
    const publication = next();
    const other = await database.dialect.connect(database.connection, true);
    await other.begin(10_000);
    await other.run(`SELECT * FROM ${LEDGER} FOR UPDATE`);
    const one = publisher(null, 0, 1000);
    await expect(one.publish(publication)).rejects.toThrow(RetryableError);
    await other.rollback();
    expect(await one.publish(publication)).toBe('published');
    await one.close();
    await other.close();
    await expectEachOnce();
  });

  test('the server takes the locks of a writer away that is silent for a minute', async () => {
    const session = await database.dialect.connect(database.connection, true);
    await session.begin(1000);
    const seconds = {
      postgres: "SELECT EXTRACT(EPOCH FROM current_setting('idle_in_transaction_session_timeout')::interval)::int",
      mariadb: 'SELECT @@SESSION.wait_timeout',
    };
    expect((await session.run(seconds[name])).rows.map((row) => row.map(String))).toEqual([['60']]);
    await session.rollback();
    await session.close();
  });

  test('the stamp of a newer run fences the old one, at each of its steps', async () => {
    for (let at = 1; ; at++) {
      const older = `r00000000000010-${String(at).padStart(3, '0')}-a`;
      const newer = `r00000000000010-${String(at).padStart(3, '0')}-b`;
      const begins = publisher(null);
      await begins.stamp(older, epoch, 0);
      run = older;
      const publication = next();
      let stamped: Promise<unknown> = Promise.resolve();
      const sessions = new SessionsOnTrial(database.dialect, at, async () => {
        stamped = begins.stamp(newer, epoch, 0);
        await Promise.race([stamped, sleep(10)]);
      });
      const old = publisher(sessions);
      const outcome = await old.publish(publication).catch((thrown: unknown) => thrown);
      await stamped;
      if (outcome !== 'published') {
        expect(outcome).toBeInstanceOf(FencedError);
        expected = expected.filter((word) => !word.startsWith(`${epoch}-`));
      }
      await expectEachOnce();
      if (sessions.disturbedAt !== null) {
        await expect(old.publish({ ...publication, epoch: epoch + 1 })).rejects.toThrow(FencedError);
        await expect(old.stamp(older, epoch, 0)).rejects.toThrow(FencedError);
      }
      await old.close();
      await begins.close();
      if (sessions.disturbedAt === null) break;
    }
    await expectEachOnce();
  });

  test('a marker that is gone or older stops with a question, whose answer is a row', async () => {
    run = 'r00000000000020-x';
    const one = publisher(null);
    await one.stamp(run, epoch, 0);
    await database.admin.run(`DELETE FROM ${LEDGER} WHERE job = 'x'`);
    const publication = next();
    const question = await one.publish(publication).catch((thrown: unknown) => thrown);
    expect(question).toBeInstanceOf(ConfigError);
    const text = (question as Error).message;
    expect(text).toMatch(/has no row of it any more.*They are: INSERT .* They are not: INSERT/s);
    await database.admin.run(/They are not: (INSERT[^;]*)/.exec(text)![1]!);
    expect(await one.publish(publication)).toBe('published');
    await database.admin.run(`UPDATE ${LEDGER} SET run = 'r00000000000003-x' WHERE job = 'x'`);
    await expect(one.publish(publication)).rejects.toThrow(/at the older run r00000000000003-x/);
    await one.stamp(run, epoch, 0);
    expect(await one.publish(publication)).toBe('already');
    // A stamp that is repeated late does not take the marker back.
    await one.stamp(run, epoch - 1, 0);
    expect(await one.publish(publication)).toBe('already');
    await database.admin.run(`DROP TABLE ${LEDGER}`);
    await expect(one.publish(publication)).rejects.toThrow(/ledger x_ledger cannot be read any more/);
    await one.close();
    await expectEachOnce();
  });
});

test('a serialization failure of PostgreSQL is repeated', async () => {
  const table = 'x_serial';
  const database = await openDatabase('postgres');
  await database.admin.run(`CREATE TABLE ${table} (id INT PRIMARY KEY, n INT)`);
  await database.admin.run(`INSERT INTO ${table} VALUES (1, 0)`);
  const sink = JdbcSink.builder<{ id: number; n: number }>()
    .withTable({ name: table, columns: ['id', 'n'], keyFields: ['id'] })
    .buildExactlyOnce(database.connection, { ledgerTable: 'x_serial_ledger' });
  const serial = await new SinkOnTrial(sink, 'x-serial', instantClock()).start();
  const sessions = new SessionsOnTrial(database.dialect, /before INSERT INTO .x_serial/, async () => {
    await database.admin.run(`UPDATE ${table} SET n = n + 1`);
  });
  // As where a server's default is repeatable read: what is changed since the transaction's first statement cannot be.
  const dialect = {
    ...sessions.dialect,
    connect: async (...args: Parameters<typeof sessions.dialect.connect>) => {
      const session = await sessions.dialect.connect(...args);
      await session.run('SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      return session;
    },
  };
  const ledger = new Ledger(dialect, 'x_serial_ledger', 'x-serial', 'out');
  const execution = JdbcExecutionOptions.defaults();
  const one = new JdbcPublisher({ dialect, connection: database.connection, execution, ledger }, serial.ctx);
  const publication = { run: 'r00000000000001-test', epoch: 1, slot: 0, ...serial.stage([{ id: 1, n: 7 }]) };
  expect(await one.publish(publication)).toBe('published');
  expect(sessions.failures).toEqual(['40001']);
  expect(await database.rows(`SELECT n FROM ${table}`)).toEqual([['7']]);
  await one.close();
  await serial.close();
  await database.close();
});
