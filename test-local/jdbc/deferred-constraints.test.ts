/** Constraints that PostgreSQL checks at COMMIT: which record it was, and what becomes of it. */
import { describe, expect, test } from 'vitest';
import { JdbcExecutionOptions } from '../../engine/connectors/jdbc/sink/jdbc-execution-options.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { UserCodeError } from '../../engine/model/errors.ts';
import { instantClock, databaseOfSuite, SinkOnTrial } from './databases.ts';

interface Node {
  readonly id: number;
  readonly parent: number | null;
  readonly word: string;
}

const database = databaseOfSuite('postgres');

async function tree(table: string, policy: 'fail' | 'dead-letter', constraint: string): Promise<SinkOnTrial<Node>> {
  await database.admin.run(
    `CREATE TABLE ${table} (id INT PRIMARY KEY, parent INT, word VARCHAR(20), ${constraint} DEFERRABLE INITIALLY DEFERRED)`,
  );
  const sink = JdbcSink.builder<Node>()
    .withTable({ name: table, columns: ['id', 'parent', 'word'], keyFields: ['id'] })
    .withExecutionOptions(
      JdbcExecutionOptions.builder().withOnConstraintViolation(policy).withRejectsTable(`${table}_rejects`).build(),
    )
    .buildExactlyOnce(database.connection, { ledgerTable: `${table}_ledger` });
  const trial = await new SinkOnTrial(sink, 'deferred', instantClock()).start();
  database.closesToo(trial);
  return trial;
}

const node = (id: number, parent: number | null, word = `${id}`): Node => ({ id, parent, word });
const letters = async (table: string): Promise<string[][]> =>
  await database.rows(`SELECT epoch, position FROM ${table}_rejects ORDER BY epoch, position`);
const ids = async (table: string): Promise<string[]> =>
  (await database.rows(`SELECT id FROM ${table} ORDER BY id`)).map(([id]) => id!);

const REFERS = (table: string): string => `FOREIGN KEY (parent) REFERENCES ${table} (id)`;

describe('a record that refers to none', () => {
  test('is named, and nothing of its epoch is written; children may come before their parents', async () => {
    const trial = await tree('f_fail', 'fail', REFERS('f_fail'));
    const thrown = await trial.publish(1, [node(2, 1), node(1, null), node(3, 9), node(4, 2)]).catch((e: unknown) => e);
    expect(thrown).toBeInstanceOf(UserCodeError);
    expect((thrown as Error).message).toMatch(/record 2 of 4 was refused.*parent.*"id":"3"/s);
    expect(await ids('f_fail')).toEqual([]);
    expect(await trial.publish(1, [node(2, 1), node(1, null)])).toBe('published');
  });

  test('is a dead letter, and so are those that refer to it', async () => {
    const trial = await tree('f_letters', 'dead-letter', REFERS('f_letters'));
    const rows = [node(2, 1), node(1, null), node(3, 9), node(4, 3), node(5, 2), node(6, 9)];
    expect(await trial.publish(1, rows)).toBe('published');
    expect(await trial.publish(1, rows)).toBe('already');
    expect(await ids('f_letters')).toEqual(['1', '2', '5']);
    expect(await letters('f_letters')).toEqual([
      ['1', '2'],
      ['1', '3'],
      ['1', '5'],
    ]);
  });
});

test('of two records that want the same, the later one is refused', async () => {
  const trial = await tree('f_taken', 'dead-letter', 'UNIQUE (word)');
  await trial.publish(1, [node(1, null, 'a, (b)'), node(2, null, 'b')]);
  // What two rows exchange within an epoch is no violation.
  await trial.publish(2, [node(1, null, 'b'), node(2, null, 'a, (b)')]);
  await trial.publish(3, [node(3, null, 'c'), node(4, null, 'c'), node(5, null, 'a, (b)'), node(6, null, 'd')]);
  expect(await ids('f_taken')).toEqual(['1', '2', '3', '6']);
  expect(await letters('f_taken')).toEqual([
    ['3', '1'],
    ['3', '2'],
  ]);
});

test('where the server does not say which it was, it is said so', async () => {
  await database.admin.run(
    `CREATE FUNCTION f_no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not today'; END $$`,
  );
  const trial = await tree('f_silent', 'dead-letter', 'UNIQUE (word)');
  await database.admin.run(
    'CREATE CONSTRAINT TRIGGER f_silent_t AFTER INSERT ON f_silent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f_no()',
  );
  await expect(trial.publish(1, [node(1, null)])).rejects.toThrow(
    /not today.*does not tell which record.*NOT DEFERRABLE/s,
  );
});
