/** What a sink writes: modes, folding, order, statements, and every type there and back, on both servers. */
import { describe, expect, test } from 'vitest';
import { JdbcExecutionOptions } from '../../engine/connectors/jdbc/sink/jdbc-execution-options.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { DATABASES, databaseOfSuite, RUN, SinkOnTrial } from './databases.ts';

interface Total {
  readonly id: number;
  readonly name: string;
  readonly gone?: boolean;
}

const TOTALS = { values: { id: (t: Total) => t.id, name: (t: Total) => t.name }, keyFields: ['id'] } as const;

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);

  async function start<T>(sink: JdbcSink<T>, job: string): Promise<SinkOnTrial<T>> {
    const trial = await new SinkOnTrial(sink, job).start();
    database.closesToo(trial);
    return trial;
  }

  async function totals(table: string): Promise<void> {
    await database.admin.run(`CREATE TABLE ${table} (id INT PRIMARY KEY, name VARCHAR(20) NOT NULL)`);
  }

  test('upserts, and deletes by predicate; the last change of a key is what stays', async () => {
    await totals('s_upsert');
    const sink = JdbcSink.builder<Total>()
      .withTable({ name: 's_upsert', ...TOTALS, deleteWhen: (t) => t.gone === true })
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-upsert');
    expect(sink.guarantee).toBe('EXACTLY_ONCE');
    const first = [
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
      { id: 1, name: 'c' },
      { id: 3, name: 'x', gone: true },
      { id: 4, name: 'y' },
      { id: 4, name: 'y', gone: true },
    ];
    expect(await trial.publish(1, first)).toBe('published');
    expect(await database.rows('SELECT id, name FROM s_upsert ORDER BY id')).toEqual([
      ['1', 'c'],
      ['2', 'b'],
    ]);
    expect(await trial.publish(1, first)).toBe('already');
    await trial.publish(2, [
      { id: 2, name: '', gone: true },
      { id: 2, name: 'again' },
      { id: 1, name: '', gone: true },
    ]);
    expect(await database.rows('SELECT id, name FROM s_upsert ORDER BY id')).toEqual([['2', 'again']]);
  });

  test('inserts keep duplicates and their order', async () => {
    const serial = name === 'postgres' ? 'SERIAL' : 'INT AUTO_INCREMENT';
    await database.admin.run(`CREATE TABLE s_insert (n ${serial} PRIMARY KEY, word VARCHAR(10))`);
    const sink = JdbcSink.builder<{ word: string | null }>()
      .withTable({ name: 's_insert', columns: ['word'] })
      .withExecutionOptions(JdbcExecutionOptions.builder().withBatchSize(2).build())
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-insert');
    await trial.publish(1, [{ word: 'b' }, { word: null }, { word: 'b' }, { word: 'NULL' }, { word: '' }]);
    const rows = (await database.admin.run('SELECT word FROM s_insert ORDER BY n')).rows;
    expect(rows).toEqual([['b'], [null], ['b'], ['NULL'], ['']]);
  });

  test('a key of zero is a key, also where the server numbers rows itself', async () => {
    const serial = name === 'postgres' ? 'SERIAL' : 'INT AUTO_INCREMENT';
    await database.admin.run(`CREATE TABLE s_zero (id ${serial} PRIMARY KEY, name VARCHAR(10))`);
    const sink = JdbcSink.builder<Total>()
      .withTable({ name: 's_zero', ...TOTALS })
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-zero');
    await trial.publish(1, [{ id: 0, name: 'a' }]);
    await trial.publish(2, [{ id: 0, name: 'b' }]);
    expect(await database.rows('SELECT id, name FROM s_zero')).toEqual([['0', 'b']]);
  });

  test('a composite key, a key of any text, and rows of nothing but their key', async () => {
    await database.admin.run(
      `CREATE TABLE s_keys (a VARCHAR(40)${name === 'mariadb' ? ' COLLATE utf8mb4_nopad_bin' : ''}, b BIGINT, PRIMARY KEY (a, b))`,
    );
    const sink = JdbcSink.builder<{ a: string; b: bigint; gone: boolean }>()
      .withTable({ name: 's_keys', columns: ['a', 'b'], keyFields: ['b', 'a'], deleteWhen: (r) => r.gone })
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-keys');
    const texts = ['', '"', '\\', "'", '{}', 'NULL', ',', ' ', 'ü€😀', '\n', '?', '$1', "\\'", '1:a'];
    const big = 9_007_199_254_740_993n;
    await trial.publish(1, [
      ...texts.map((a) => ({ a, b: big, gone: false })),
      ...texts.map((a) => ({ a, b: big, gone: false })),
      { a: '', b: big - 1n, gone: false },
    ]);
    const all = await database.rows('SELECT a, b FROM s_keys');
    expect(all.map(([a, b]) => `${a}|${b}`).sort()).toEqual(
      [...texts.map((a) => `${a}|${big}`), `|${big - 1n}`].sort(),
    );
    await trial.publish(
      2,
      texts.map((a) => ({ a, b: big, gone: true })),
    );
    expect(await database.rows('SELECT a, b FROM s_keys')).toEqual([['', String(big - 1n)]]);
  });

  test('keys that only the database holds for equal keep the order of their changes', async () => {
    const type = name === 'postgres' ? 'NUMERIC(6, 1)' : 'VARCHAR(10) COLLATE utf8mb4_general_ci';
    const [one, same] = name === 'postgres' ? ['1.1', '1.11'] : ['a', 'A'];
    await database.admin.run(`CREATE TABLE s_loose (k ${type} PRIMARY KEY, v INT)`);
    const sink = JdbcSink.builder<{ k: string; v: number }>()
      .withTable({ name: 's_loose', columns: ['k', 'v'], keyFields: ['k'], deleteWhen: (r) => r.v < 0 })
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-loose');
    await trial.publish(1, [
      { k: one, v: 1 },
      { k: same, v: 2 },
    ]);
    expect(await database.rows('SELECT v FROM s_loose')).toEqual([['2']]);
    if (name === 'mariadb') {
      await trial.publish(2, [
        { k: one, v: 3 },
        { k: same, v: -1 },
      ]);
      expect(await database.rows('SELECT v FROM s_loose')).toEqual([]);
    }
  });

  test('a statement of the user, in order, with a batch in the middle of a key', async () => {
    await database.admin.run('CREATE TABLE s_query (id INT PRIMARY KEY, total DECIMAL(10, 2), words TEXT)');
    const conflict =
      name === 'postgres'
        ? "ON CONFLICT (id) DO UPDATE SET total = s_query.total + EXCLUDED.total, words = concat(s_query.words, '?', EXCLUDED.words)"
        : "ON DUPLICATE KEY UPDATE total = total + VALUES(total), words = concat(words, '?', VALUES(words))";
    const sink = JdbcSink.builder<[number, string, string]>()
      .withQueryStatement(`INSERT INTO s_query (id, total, words) VALUES (?, ?, ?) ${conflict}`, (row) => row)
      .withExecutionOptions(JdbcExecutionOptions.builder().withBatchSize(2).build())
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-query');
    await trial.publish(1, [
      [1, '1.10', 'a'],
      [1, '2.20', "b'"],
      [2, '9', 'z'],
      [1, '0.01', 'c\\'],
    ]);
    expect(await database.rows('SELECT id, total, words FROM s_query ORDER BY id')).toEqual([
      ['1', '3.31', "a?b'?c\\"],
      ['2', '9.00', 'z'],
    ]);
    const update = JdbcSink.builder<[string, number]>()
      .withQueryStatement('UPDATE s_query SET words = ? WHERE id = ?', (row) => row)
      .buildAtLeastOnce(database.connection);
    const second = await start(update, 's-update');
    await second.publish(1, [
      ['first', 2],
      ['last', 2],
    ]);
    expect(await database.rows('SELECT words FROM s_query WHERE id = 2')).toEqual([['last']]);
    expect(update.notice).toMatch(/at least once/);
  });

  test('an epoch of an earlier version of the job, with other columns, is published as it was staged', async () => {
    await database.admin.run('CREATE TABLE s_old (id INT PRIMARY KEY, name VARCHAR(10), extra INT DEFAULT 7)');
    const old = JdbcSink.builder<{ id: number; name: string }>()
      .withTable({ name: 's_old', columns: ['id', 'name'], keyFields: ['id'] })
      .buildExactlyOnce(database.connection);
    const staged = (await start(old, 's-old')).stage([{ id: 1, name: 'a' }]);
    const sink = JdbcSink.builder<{ id: number; extra: number }>()
      .withTable({ name: 's_old', columns: ['id', 'extra'], keyFields: ['id'] })
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-old');
    await (await trial.publisher()).publish({ run: RUN, epoch: 1, slot: 0, ...staged });
    await trial.publish(2, [{ id: 2, extra: 9 }]);
    expect(await database.rows("SELECT id, coalesce(name, '-'), extra FROM s_old ORDER BY id")).toEqual([
      ['1', 'a', '7'],
      ['2', '-', '9'],
    ]);
  });

  test('a value that its column cannot hold is refused before anything is staged', async () => {
    await database.admin.run(
      'CREATE TABLE s_refuse (id SMALLINT PRIMARY KEY, name VARCHAR(3) NOT NULL, at TIMESTAMP NULL)',
    );
    const sink = JdbcSink.builder<{ id: unknown; name: unknown; at?: unknown }>()
      .withTable({
        name: 's_refuse',
        values: { id: (r) => r.id as number, name: (r) => r.name as string, at: (r) => (r.at ?? null) as string },
        keyFields: ['id'],
      })
      .buildExactlyOnce(database.connection);
    const trial = await start(sink, 's-refuse');
    const staging = (row: { id: unknown; name: unknown; at?: unknown }) => () => trial.stage([row]);
    expect(staging({ id: 40_000, name: 'a' })).toThrow(/column id .*: 40000 is not within -32768\.\.32767/);
    expect(staging({ id: 1.5, name: 'a' })).toThrow(/column id .*a whole number/);
    expect(staging({ id: 1, name: null })).toThrow(/column name is NOT NULL/);
    expect(staging({ id: null, name: 'a' })).toThrow(/column id is a key field/);
    expect(staging({ id: 1, name: 'long' })).toThrow(/column name .*4 characters is longer than the column's 3/);
    expect(staging({ id: 1, name: undefined })).toThrow(/it is undefined/);
    expect(staging({ id: 1, name: 'a', at: 'soon' })).toThrow(/column at .*a timestamp/);
    expect(() => trial.stage([{ id: 1, name: '😀😀😀' }])).not.toThrow();
  });
});
