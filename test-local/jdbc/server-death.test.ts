/** The server itself dies: in the middle of statements, of COMMIT, and for longer than a publication waits. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { JdbcExecutionOptions } from '../../engine/connectors/jdbc/sink/jdbc-execution-options.ts';
import { JdbcPublisher } from '../../engine/connectors/jdbc/sink/jdbc-publisher.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { Ledger } from '../../engine/connectors/jdbc/sink/ledger.ts';
import { dialectOf } from '../../engine/connectors/jdbc/dialects.ts';
import { RetryableError, UnknownOutcomeError } from '../../engine/model/errors.ts';
import { startOwn, type OwnServer } from '../servers/index.ts';
import { connectionTo, DATABASES, openDatabase, RUN, SinkOnTrial } from './databases.ts';
import { loseConnection, SessionsOnTrial, type Disturb } from './session-on-trial.ts';

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

describe.each(DATABASES)('%s', (name) => {
  let server: OwnServer;
  let trial: SinkOnTrial<{ word: string }>;
  let epoch = 0;
  const expected: string[] = [];

  beforeAll(async () => {
    server = await startOwn(name);
    const database = await openDatabase(name, server);
    await database.admin.run('CREATE TABLE words (word VARCHAR(40))');
    await database.close();
    const sink = JdbcSink.builder<{ word: string }>()
      .withTable({ name: 'words', columns: ['word'] })
      .buildExactlyOnce(connectionTo(server));
    trial = await new SinkOnTrial(sink, 'death', new SystemClock()).start();
    await trial.close();
  });
  afterAll(async () => await server?.stop());

  function publisher(atStep: RegExp, disturb: Disturb, retries: number) {
    const connection = connectionTo(server);
    const { dialect } = new SessionsOnTrial(dialectOf(connection.url), atStep, disturb);
    const execution = JdbcExecutionOptions.builder().withMaxRetries(retries).build();
    const ledger = new Ledger(dialect, 'millrace_ledger', trial.ctx.job, trial.ctx.sink);
    return new JdbcPublisher({ dialect, connection, execution, ledger }, trial.ctx);
  }

  function next() {
    epoch++;
    const rows = Array.from({ length: 500 }, (_, i) => ({ word: `${epoch}-${i}` }));
    expected.push(...rows.map(({ word }) => word));
    return { run: RUN, epoch, slot: 0, ...trial.stage(rows) };
  }

  async function expectEachOnce(): Promise<void> {
    const database = await openDatabase(name, server);
    const rows = await database.rows('SELECT word FROM words');
    await database.close();
    expect(rows.map(([word]) => word!).toSorted(byText)).toEqual(expected.toSorted(byText));
  }

  test.each([/after INSERT/, /before COMMIT/, /after COMMIT/])('killed %s, and started again', async (step) => {
    const one = publisher(
      step,
      async (session, at) => {
        await server.kill();
        await server.restart();
        if (at === 'after COMMIT') loseConnection(session, at);
      },
      8,
    );
    expect(await one.publish(next())).toMatch(/published|already/);
    await one.close();
    await expectEachOnce();
  });

  test('killed in the middle of COMMIT', async () => {
    let killed: Promise<unknown> = Promise.resolve();
    const one = publisher(
      /before COMMIT/,
      async () => {
        killed = server.kill();
      },
      0,
    );
    const publication = next();
    const outcome = await one.publish(publication).catch((thrown: unknown) => thrown);
    if (outcome !== 'published') expect(outcome).toBeInstanceOf(UnknownOutcomeError);
    await killed;
    await server.restart();
    expect(await one.publish(publication)).toMatch(/published|already/);
    await one.close();
    await expectEachOnce();
  });

  test('away for longer than a publication waits: it says so, and goes on when the server is back', async () => {
    const one = publisher(/nothing/, async () => undefined, 1);
    const publication = next();
    await server.kill();
    const thrown = await one.publish(publication).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(RetryableError);
    expect((thrown as Error).message).toMatch(/job "death", sink "out".*Nothing was lost; publishing is repeated/s);
    await server.restart();
    await sleep(10);
    expect(await one.publish(publication)).toBe('published');
    await one.close();
    await expectEachOnce();
  });
});
