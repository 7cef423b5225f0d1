/** Rows that the database refuses: which one it was, what becomes of it, and what is not there when the job starts. */
import { describe, expect, test } from 'vitest';
import { JdbcExecutionOptions } from '../../engine/connectors/jdbc/sink/jdbc-execution-options.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import type { JdbcTable } from '../../engine/connectors/jdbc/sink/jdbc-table.ts';
import { ConfigError, UserCodeError } from '../../engine/model/errors.ts';
import { connectionTo, DATABASES, instantClock, databaseOfSuite, SinkOnTrial } from './databases.ts';
import { useServer } from '../servers/index.ts';

interface Account {
  readonly id: number;
  readonly email: string;
  readonly balance: number;
}

const row = (id: number, email = `${id}@x`, balance = 0): Account => ({ id, email, balance });

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);

  async function accounts(
    table: string,
    mode: 'insert' | 'upsert',
    policy: 'fail' | 'dead-letter' = 'fail',
    options: Partial<JdbcTable<Account>> = {},
  ): Promise<SinkOnTrial<Account>> {
    await database.admin.run(
      `CREATE TABLE ${table} (id INT PRIMARY KEY, email VARCHAR(20) NOT NULL UNIQUE, balance INT CHECK (balance >= 0))`,
    );
    const sink = JdbcSink.builder<Account>()
      .withTable({
        name: table,
        columns: ['id', 'email', 'balance'],
        mode,
        ...(mode === 'upsert' ? { keyFields: ['id'] } : {}),
        ...options,
      } as JdbcTable<Account>)
      .withExecutionOptions(
        JdbcExecutionOptions.builder().withOnConstraintViolation(policy).withRejectsTable(`${table}_rejects`).build(),
      )
      .buildExactlyOnce(database.connection, { ledgerTable: `${table}_ledger` });
    const trial = await new SinkOnTrial(sink, 'refused', instantClock()).start();
    database.closesToo(trial);
    return trial;
  }

  const rowsOf = async (table: string): Promise<string[][]> =>
    await database.rows(`SELECT id, email, balance FROM ${table} ORDER BY id`);

  test.each([
    [9, row(909, '909@x', -1), /check|constraint/i],
    [0, row(909, '909@x', -1), /check|constraint/i],
    [17, row(909, '3@x'), /unique|duplicate/i],
    [17, row(3), /unique|duplicate/i],
  ])('record %i of 20 is named, and nothing of its epoch is written', async (position, bad, message) => {
    const table = `c_fail_${position}_${bad.id}_${Math.abs(bad.balance)}`;
    const trial = await accounts(table, 'insert');
    const rows = Array.from({ length: 20 }, (_, i) => (i === position ? bad : row(i)));
    const thrown = await trial.publish(1, rows).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(UserCodeError);
    const text = (thrown as Error).message;
    expect(text).toContain(
      `job "refused", sink "out", slot 0, run r00000000000001-test, epoch 1: record ${position} of 20`,
    );
    expect(text).toMatch(message);
    expect(text).toContain(`"email":"${bad.email}"`);
    expect((thrown as UserCodeError).at).toMatchObject({ position, epoch: 1 });
    expect((thrown as UserCodeError).at['constraint']).toBeTypeOf('string');
    expect(await rowsOf(table)).toEqual([]);
    // Mended: the same epoch goes in.
    await trial.publish(
      1,
      rows.filter((one) => one !== bad),
    );
    expect(await rowsOf(table)).toHaveLength(19);
  });

  test('refused rows are dead letters of their epoch, once', async () => {
    const table = 'c_letters';
    const trial = await accounts(table, 'insert', 'dead-letter');
    const rows = Array.from({ length: 50 }, (_, i) => row(i, `${i}@x`, i % 20 === 7 ? -i : 0));
    expect(await trial.publish(1, rows)).toBe('published');
    expect(await trial.publish(1, rows)).toBe('already');
    expect(await trial.publish(2, [row(100), row(3, 'new'), row(101)])).toBe('published');
    expect(await rowsOf(table)).toHaveLength(50 - 3 + 2);
    const letters = await database.rows(
      `SELECT job, sink, run, epoch, slot, position, record, error FROM ${table}_rejects ORDER BY epoch, position`,
    );
    expect(letters.map(([job, sink, , epoch, slot, position]) => [job, sink, epoch, slot, position])).toEqual([
      ['refused', 'out', '1', '0', '7'],
      ['refused', 'out', '1', '0', '27'],
      ['refused', 'out', '1', '0', '47'],
      ['refused', 'out', '2', '0', '1'],
    ]);
    expect(JSON.parse(letters[1]![6]!)).toEqual({ id: '27', email: '27@x', balance: '-27' });
    expect(letters[1]![7]).toMatch(/check|constraint/i);
    const again = new SinkOnTrial(trial.sink, 'refused');
    await again.sink.validate(again.ctx);
    expect(trial.sink.notice).toMatch(/c_letters_rejects, which holds 4 of this sink/);
  });

  test('a unique value that moves from row to row is no violation', async () => {
    const table = 'c_moves';
    const trial = await accounts(table, 'upsert', 'fail', { deleteWhen: (one) => one.balance < 0 });
    await trial.publish(1, [row(1, 'x'), row(2, 'y')]);
    // One after the other: 1 leaves x, 2 takes it, 1 takes what 2 has left.
    await trial.publish(2, [row(1, 'z'), row(2, 'x'), row(1, 'y')]);
    expect(await rowsOf(table)).toEqual([
      ['1', 'y', '0'],
      ['2', 'x', '0'],
    ]);
    await trial.publish(3, [row(3, 'w'), row(2, 'x', -1), row(4, 'x')]);
    expect((await rowsOf(table)).map(([id]) => id)).toEqual(['1', '3', '4']);
  });

  test('an upsert that meets another row by another unique key is refused, and changes no row of another key', async () => {
    const table = 'c_other';
    const trial = await accounts(table, 'upsert');
    await trial.publish(1, [row(1, 'x', 5)]);
    await expect(trial.publish(2, [row(2, 'x', 9)])).rejects.toThrow(/record 0 of 1 was refused/);
    expect(await rowsOf(table)).toEqual([['1', 'x', '5']]);
  });

  test('what does not fit is told before the job starts', async () => {
    await database.admin.run('CREATE TABLE c_start (id INT PRIMARY KEY, a INT NOT NULL, b INT DEFAULT 1)');
    const validate = async (table: JdbcTable<{ id: number; a: number; c: number }>): Promise<unknown> => {
      const sink = JdbcSink.builder<{ id: number; a: number; c: number }>()
        .withTable(table)
        .buildExactlyOnce(database.connection, { ledgerTable: 'c_start_ledger' });
      return await sink.validate(new SinkOnTrial(sink, 'start').ctx).catch((thrown: unknown) => thrown);
    };
    const refusals: [JdbcTable<{ id: number; a: number; c: number }>, RegExp][] = [
      [{ name: 'c_nowhere', columns: ['id'] }, /there is no table c_nowhere/],
      [{ name: 'c_start', columns: ['id', 'c'] }, /has no column c that can be written; it has id, a, b/],
      [{ name: 'c_start', columns: ['id'] }, /needs a value for a/],
      [{ name: 'c_start', columns: ['id', 'a'], keyFields: ['a'] }, /keyFields a are no unique key.*\(id\)/],
    ];
    for (const [table, message] of refusals) {
      const thrown = await validate(table);
      expect(thrown).toBeInstanceOf(ConfigError);
      expect((thrown as Error).message).toMatch(message);
    }
    expect(await validate({ name: 'c_start', columns: ['id', 'a'], keyFields: ['id'] })).toBeUndefined();
  });

  test('without the right to create the ledger the statement to run is told, and with the table it goes on', async () => {
    await database.admin.run('CREATE TABLE c_rights (id INT PRIMARY KEY)');
    const user = name === 'postgres' ? 'c_rights_user' : "'c_rights_user'@'127.0.0.1'";
    const password = name === 'postgres' ? "PASSWORD 'sesame-c'" : "IDENTIFIED BY 'sesame-c'";
    await database.admin.run(`CREATE USER ${user} ${name === 'postgres' ? `WITH ${password}` : password}`);
    await database.admin.run(`GRANT SELECT, INSERT, UPDATE ON c_rights TO ${user}`);
    const { settings } = await useServer(name);
    const connection = connectionTo({ name, settings: { ...settings, user: 'c_rights_user', password: 'sesame-c' } });
    const sink = JdbcSink.builder<{ id: number }>()
      .withTable({ name: 'c_rights', columns: ['id'], keyFields: ['id'] })
      .buildExactlyOnce(connection, { ledgerTable: 'c_rights_ledger' });
    const trial = new SinkOnTrial(sink, 'rights');
    const refusal = await trial.start().catch((thrown: unknown) => thrown);
    expect(refusal).toBeInstanceOf(ConfigError);
    const text = (refusal as Error).message;
    expect(text).toMatch(/cannot be created.*Run this as a user who may/s);
    expect(text).not.toContain('sesame-c');
    await database.admin.run(/(CREATE TABLE.*);$/.exec(text)![1]!);
    await database.admin.run(`GRANT SELECT, INSERT, UPDATE ON c_rights_ledger TO ${user}`);
    await trial.start();
    expect(await trial.publish(1, [{ id: 1 }])).toBe('published');
    await trial.close();
  });
});
