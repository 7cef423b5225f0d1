/** What a source reads: every row once in its piece, from any position on, every type exactly, on both servers. */
import { beforeAll, describe, expect, test } from 'vitest';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { JdbcSink } from '../../engine/connectors/jdbc/sink/jdbc-sink.ts';
import { JdbcSource } from '../../engine/connectors/jdbc/source/jdbc-source.ts';
import { JdbcNumericBetweenParametersProvider } from '../../engine/connectors/jdbc/source/parameters-provider.ts';
import type { KnownSplits, Source, SourceContext, SplitSpec } from '../../engine/ports/source.ts';
import { DATABASES, databaseOfSuite, SinkOnTrial } from './databases.ts';

const CTX: SourceContext = { job: 'j', operator: 'in', clock: new SystemClock(), log: null, blobs: null };

interface Read<T> {
  readonly rows: T[];
  readonly positions: number[];
  readonly bad: string[];
}

/** Rows of a split from a position on, at most `maxRows` at a time. */
async function readSplit<T>(
  source: Source<T>,
  split: SplitSpec,
  position = 0,
  maxRows = 3,
  to: number | null = null,
): Promise<Read<T>> {
  const reader = await source.open(split, position, CTX);
  const read: Read<T> = { rows: [], positions: [], bad: [] };
  for (;;) {
    const batch = await reader.fill(maxRows, to);
    if (batch === 'end') break;
    if (batch === 'empty') throw new Error('a bounded source is never empty');
    for (let i = 0; i < batch.n; i++) {
      read.rows.push(batch.values![i] as T);
      read.positions.push(batch.positionOf(i) + 1);
    }
    for (const { error } of batch.bad) read.bad.push(error);
    reader.release(batch);
  }
  await reader.close();
  return read;
}

async function readAll<T>(source: Source<T>): Promise<T[][]> {
  await source.validate(CTX);
  const all: T[][] = [];
  for (const split of await source.discover(CTX)) all.push((await readSplit(source, split)).rows);
  return all;
}

describe.each(DATABASES)('%s', (name) => {
  const database = databaseOfSuite(name);
  beforeAll(async () => {
    await database.admin.run('CREATE TABLE q_numbers (id INT PRIMARY KEY, word VARCHAR(10))');
    await database.admin.run(
      `INSERT INTO q_numbers VALUES ${Array.from({ length: 40 }, (_, i) => `(${i * 3 - 20}, 'w${i}')`).join(', ')}`,
    );
  });

  const builder = () => JdbcSource.builder().setConnection(database.connection).setResultSetFetchSize(4);
  function made<T>(source: JdbcSource<T>): JdbcSource<T> {
    database.closesToo(source);
    return source;
  }
  const ids = Array.from({ length: 40 }, (_, i) => i * 3 - 20);

  test('ranges of the key cover every row once, in order; every position goes on exactly', async () => {
    const source = made(
      builder()
        .setTable('q_numbers')
        .setPartitionColumn('id', 3)
        .setResultExtractor((row) => row['id'] as number)
        .build(),
    );
    const pieces = await readAll(source);
    expect(pieces).toHaveLength(3);
    expect(pieces.flat()).toEqual(ids);
    for (const split of await source.discover(CTX)) {
      const whole = await readSplit(source, split);
      for (const [i, position] of whole.positions.entries()) {
        expect((await readSplit(source, split, position)).rows).toEqual(whole.rows.slice(i + 1));
        expect((await readSplit(source, split, 0, 7, position)).rows).toEqual(whole.rows.slice(0, i + 1));
      }
    }
  });

  test('a job that goes on keeps its pieces though the table has grown, and refuses other settings', async () => {
    await database.admin.run('CREATE TABLE q_grows (id BIGINT PRIMARY KEY)');
    await database.admin.run('INSERT INTO q_grows VALUES (1), (2), (9007199254740993)');
    const make = (parts: number) =>
      made(
        builder()
          .setTable('q_grows')
          .setPartitionColumn('id', parts)
          .setResultExtractor((row) => row['id'])
          .build(),
      );
    const splits = await make(2).discover(CTX);
    await database.admin.run('INSERT INTO q_grows VALUES (0), (3), (9007199254740999)');
    const known: KnownSplits = new Map(
      splits.map(({ id, details }) => [
        id,
        { position: 0, ended: false, ...(details === undefined ? {} : { details }) },
      ]),
    );
    const again = make(2);
    expect(await again.discover(CTX, known)).toEqual(splits);
    const rows = [];
    for (const split of splits) rows.push(...(await readSplit(again, split)).rows);
    expect(rows).toEqual([1, 2, 3, 9_007_199_254_740_993n]);
    await expect(make(3).discover(CTX, known)).rejects.toThrow(/read it in other pieces/);
  });

  test('a statement with values for each split, as in Flink', async () => {
    const source = made(
      builder()
        .setSql(
          "SELECT id, concat(word, '?') AS word FROM q_numbers WHERE id BETWEEN ? AND ?"
            .replace("'?'", "'??'")
            .replace('??', '?'),
        )
        .setKeyFields('id')
        .setParameterValuesProvider(new JdbcNumericBetweenParametersProvider(-20, 97).ofBatchNum(4))
        .build(),
    );
    const pieces = await readAll(source);
    expect(pieces).toHaveLength(4);
    expect(pieces.flat().map((row) => row['id'])).toEqual(ids);
    expect(pieces[0]![0]).toEqual({ id: -20, word: 'w0?' });
  });

  test('ranges of timestamps, dates and decimals, with rows that have none; a composite key', async () => {
    const ms = name === 'postgres' ? 'TIMESTAMPTZ' : 'DATETIME(6)';
    await database.admin.run(
      `CREATE TABLE q_kinds (a VARCHAR(5), b INT, at_ ${ms} NULL, day_ DATE, cents DECIMAL(10, 2), PRIMARY KEY (a, b))`,
    );
    const rows = Array.from({ length: 30 }, (_, i) => ({
      a: 'xyz'[i % 3]!,
      b: i,
      at_: i % 10 === 9 ? null : 1_700_000_000_000 + i * 123_457,
      day_: i * 86_400_000,
      cents: `${i - 15}.${10 + i}`,
    }));
    const sink = JdbcSink.builder<(typeof rows)[number]>()
      .withTable({ name: 'q_kinds', columns: ['a', 'b', 'at_', 'day_', 'cents'], keyFields: ['a', 'b'] })
      .buildAtLeastOnce(database.connection);
    const trial = await new SinkOnTrial(sink, 'kinds').start();
    await trial.publish(1, rows);
    await trial.close();
    for (const column of ['at_', 'day_', 'cents']) {
      const source = made(builder().setTable('q_kinds').setPartitionColumn(column, 4).build());
      const pieces = await readAll(source);
      expect(pieces).toHaveLength(column === 'at_' ? 5 : 4);
      expect(
        pieces
          .flat()
          .map((row) => row['b'])
          .toSorted((x, y) => Number(x) - Number(y)),
      ).toEqual(rows.map(({ b }) => b));
      for (const split of await source.discover(CTX)) {
        const whole = await readSplit(source, split);
        for (const [i, position] of whole.positions.entries())
          expect((await readSplit(source, split, position)).rows).toEqual(whole.rows.slice(i + 1));
      }
    }
  });

  test('what it cannot read exactly is refused', async () => {
    await database.admin.run('CREATE TABLE q_twice (id INT, word VARCHAR(5))');
    await database.admin.run("INSERT INTO q_twice VALUES (1, 'a'), (2, 'b'), (2, 'c')");
    await expect(readAll(made(builder().setTable('q_twice').build()))).rejects.toThrow(/no unique key.*setKeyFields/s);
    const twice = made(builder().setTable('q_twice').setKeyFields('id').build());
    await expect(readAll(twice)).rejects.toThrow(/two rows have id = 2/);
    const cut = made(builder().setTable('q_twice').setKeyFields('id').setResultSetFetchSize(2).build());
    await expect(readAll(cut)).rejects.toThrow(/two rows have id = 2/);
    const nowhere = made(builder().setTable('q_nowhere').build());
    await expect(readAll(nowhere)).rejects.toThrow(/there is no table q_nowhere/);
    const wrong = made(builder().setSql('SELECT nothing FROM q_twice').setKeyFields('id').build());
    await expect(readAll(wrong)).rejects.toThrow(/nothing/);
    const bad = made(
      builder()
        .setTable('q_numbers')
        .setResultExtractor(({ id }) => {
          if (id === 1) throw new Error('not this one');
          return id;
        })
        .build(),
    );
    const [split] = await bad.discover(CTX);
    const read = await readSplit(bad, split!);
    expect(read.bad).toEqual(['not this one']);
    expect(read.rows).toEqual(ids.filter((id) => id !== 1));
  });

  test('a table without rows ends at once', async () => {
    await database.admin.run('CREATE TABLE q_empty (id INT PRIMARY KEY)');
    expect(await readAll(made(builder().setTable('q_empty').setPartitionColumn('id', 4).build()))).toEqual([[]]);
  });
});
