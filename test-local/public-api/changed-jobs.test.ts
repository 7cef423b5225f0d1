/** A job with state that comes back changed is refused where it could not go on rightly; and other finds of a first user. */
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { DataGeneratorSource } from '../../engine/connectors/datagen/index.ts';
import { FileSink, FileSource, jsonEncoder, jsonLines, schema, t } from '../../engine/connectors/files/index.ts';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import { ConfigError } from '../../engine/model/errors.ts';
import {
  Duration,
  RestartStrategies,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type DataStream,
} from '../../engine/index.ts';

interface Row {
  readonly k: string;
  readonly n: number;
}
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'millrace-changed-'));
const environment = (folder: string): StreamExecutionEnvironment => {
  const env = StreamExecutionEnvironment.getExecutionEnvironment().enableCheckpointing(20);
  env.getCheckpointConfig().setCheckpointStorage(join(folder, 'state'));
  return env.setRestartStrategy(RestartStrategies.noRestart());
};
const generated = (env: StreamExecutionEnvironment, splits = 1, uid = 'rows'): DataStream<Row> =>
  env
    .fromSource(
      new DataGeneratorSource({ generator: (i): Row => ({ k: `k${i % 40}`, n: 1 }), count: 400, splits }),
      WatermarkStrategy.forMonotonousTimestamps<Row>().withTimestampAssigner((row) => row.n),
      'rows',
    )
    .uid(uid);
const sinkOf = (folder: string, name = 'out'): FileSink<object> =>
  FileSink.forRowFormat<object>(join(folder, name), jsonEncoder()).build();
const counted = (rows: DataStream<Row>, folder: string): unknown =>
  rows.keyBy('k').sum('n').uid('op').sinkTo(sinkOf(folder)).uid('out');
const rowsIn = (folder: string): unknown[] =>
  readdirSync(join(folder, 'out'))
    .flatMap((name) =>
      readFileSync(join(folder, 'out', name), 'utf8')
        .trimEnd()
        .split('\n'),
    )
    .map((line) => JSON.parse(line) as unknown);

/** Runs the job for one epoch, then again as `change` builds it. */
async function changed(folder: string, change: (env: StreamExecutionEnvironment) => unknown): Promise<unknown> {
  const first = environment(folder);
  counted(generated(first), folder);
  const stop = new AbortController();
  await runEmbedded(first.toJobGraph(), first.settings(), {
    maxRows: 50,
    stop: stop.signal,
    onEpoch: () => stop.abort(),
  });
  const second = environment(folder);
  change(second);
  return await second.execute('job');
}

describe('a job with state that has changed', () => {
  it.for([
    ['max parallelism', 'written with max parallelism 128'],
    ['splits of a generator', 'ran with 1 splits before and has 2 now'],
    ['uid of the source', 'no source with uid "rows" any more'],
    ['kind of operator', 'has state "reduce"'],
  ] as const)('is refused: %s', async ([what, message]) => {
    const folder = newFolder();
    const again = changed(folder, (env) => {
      if (what === 'max parallelism') counted(generated(env.setMaxParallelism(64)), folder);
      else if (what === 'splits of a generator') counted(generated(env, 2), folder);
      else if (what === 'uid of the source') counted(generated(env, 1, 'other'), folder);
      else {
        const windows = generated(env).keyBy('k').window(TumblingEventTimeWindows.of(1000));
        windows.sum('n').uid('op').sinkTo(sinkOf(folder)).uid('out');
      }
    });
    await expect(again).rejects.toThrow(message);
  });

  it('goes on when nothing has changed', async () => {
    const folder = newFolder();
    await changed(folder, (env) => counted(generated(env), folder));
    expect(rowsIn(folder)).toHaveLength(400);
  });

  it('is refused when a file is cut into other pieces', async () => {
    const folder = newFolder();
    const input = join(folder, 'in.jsonl');
    writeFileSync(input, Array.from({ length: 500 }, (_, n) => `{"k":"a","n":${n}}\n`).join(''));
    const build = (splitSize: number): StreamExecutionEnvironment => {
      const env = environment(folder);
      const lines = FileSource.forRecordStreamFormat(jsonLines<Row>(), input).splitSize(splitSize).build();
      counted(env.fromSource(lines, WatermarkStrategy.noWatermarks(), 'lines'), folder);
      return env;
    };
    const first = build(2000);
    const stop = new AbortController();
    await runEmbedded(first.toJobGraph(), first.settings(), {
      maxRows: 50,
      stop: stop.signal,
      onEpoch: () => stop.abort(),
    });
    await expect(build(3000).execute('job')).rejects.toThrow('read in other pieces before');
    expect((await build(2000).execute('job')).counts['recordsIn']).toBe(500);
    expect(() => FileSource.forRecordStreamFormat(jsonLines(), input).splitSize(0)).toThrow('at least 1');
  });
});

describe('a job with an epoch that is committed and not published', () => {
  async function afterTheCommit(folder: string, change: (rows: DataStream<Row>) => unknown): Promise<unknown> {
    const first = environment(folder);
    counted(generated(first), folder);
    const dead = runEmbedded(first.toJobGraph(), first.settings(), {
      crashPoint: (name) => {
        if (name === 'publish-started') throw new ConfigError('the target is gone');
      },
    });
    await expect(dead).rejects.toThrow('the target is gone');
    const second = environment(folder);
    change(generated(second));
    return await second.execute('job');
  }

  it.for([
    ['is not there any more', /epoch 1 is committed, with 400 records for sink "out", which the job has no more/],
    ['stages in another form', /its 400 records for this sink were staged as the lines of a file, .* cannot publish/],
  ] as const)('is refused where its sink %s, and goes on with it', async ([what, message]) => {
    const folder = newFolder();
    const again = afterTheCommit(folder, (rows) => {
      const sums = rows.keyBy('k').sum('n').uid('op');
      if (what === 'stages in another form')
        sums
          .sinkTo(FileSink.forRowFormat<object>(join(folder, 'out'), jsonEncoder()).withMaxPartBytes(100).build())
          .uid('out');
      else sums.sinkTo(sinkOf(folder, 'other')).uid('other');
    });
    await expect(again).rejects.toThrow(message);
    const third = environment(folder);
    counted(generated(third), folder);
    await third.execute('job');
    expect(rowsIn(folder)).toHaveLength(400);
  });
});

it('refuses two file sinks with the same file names at start', async () => {
  const folder = newFolder();
  const env = environment(folder);
  const rows = generated(env);
  rows.sinkTo(sinkOf(folder)).name('one');
  rows.sinkTo(sinkOf(folder)).name('two');
  await expect(env.execute('both')).rejects.toThrow('sinks "one" and "two"');
});

it('reads on in a gz file after a record of it has gone to the dead letters', async () => {
  const folder = newFolder();
  const input = join(folder, 'in.jsonl.gz');
  writeFileSync(input, gzipSync(Array.from({ length: 5000 }, (_, n) => `{"k":"a","n":${n}}\n`).join('')));
  const env = environment(folder);
  const lines = env.fromSource(
    FileSource.forRecordStreamFormat(jsonLines<Row>(), input).build(),
    WatermarkStrategy.noWatermarks(),
    'lines',
  );
  const reduced = lines.keyBy('k').reduce((a, b) => {
    if (b.n === 2000) throw new Error('not this one');
    return { k: a.k, n: a.n + 1 };
  });
  reduced.sinkTo(sinkOf(folder));
  env.deadLetters().sinkTo(sinkOf(folder, 'dead'));
  const result = await runEmbedded(env.toJobGraph(), env.settings(), { maxRows: 1024 });
  expect(result.counts).toMatchObject({ recordsIn: 5000, deadLettered: 1 });
  expect(rowsIn(folder)).toHaveLength(4999);
});

it('finds new files of a watched folder, and does not end when all are gone', { timeout: 60_000 }, async () => {
  const folder = newFolder();
  const watched = join(folder, 'in');
  mkdirSync(watched);
  const env = environment(folder);
  const lines = FileSource.forRecordStreamFormat(jsonLines<Row>(), watched).monitorContinuously(20).build();
  env.fromSource(lines, WatermarkStrategy.noWatermarks(), 'lines').sinkTo(sinkOf(folder));
  const client = env.executeAsync('watching');
  const until = async (rows: number): Promise<void> => {
    const deadline = performance.now() + 25_000;
    while (performance.now() < deadline) {
      if (readdirSync(folder).includes('out') && rowsIn(folder).length === rows) return;
      await new Promise((resolve) => void setTimeout(resolve, 20));
    }
    throw new Error(`${rows} rows did not come`);
  };
  writeFileSync(join(watched, 'a.jsonl'), '{"k":"a","n":1}\n');
  await until(1);
  appendFileSync(join(watched, 'a.jsonl'), '{"k":"a","n":2}\n');
  writeFileSync(join(watched, 'b.jsonl'), '{"k":"b","n":1}\n');
  await until(3);
  expect((await client.stop()).ending).toBe('stopped');
});

it('fires very many small windows in good time', async () => {
  const rows = StreamExecutionEnvironment.getExecutionEnvironment()
    .fromData(...Array.from({ length: 30_000 }, (_, at) => ({ k: at % 10, at, n: 1 })))
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forBoundedOutOfOrderness<{ k: number; at: number; n: number }>(
        Duration.ofSeconds(1),
      ).withTimestampAssigner((row) => row.at),
    )
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(10))
    .sum('n');
  expect(await rows.executeAndCollect()).toHaveLength(30_000);
});

describe('rows of a declared schema', () => {
  const input = (folder: string): FileSource<Row> => {
    writeFileSync(join(folder, 'in.jsonl'), '{"k":"a","n":1}\n{"k":"b","n":2}\n');
    const declared = schema({ k: t.string(), n: t.number() });
    return FileSource.forRecordStreamFormat(jsonLines(declared), join(folder, 'in.jsonl')).build();
  };
  const lines = (): DataStream<Row> =>
    StreamExecutionEnvironment.getExecutionEnvironment()
      .setRestartStrategy(RestartStrategies.noRestart())
      .fromSource(input(newFolder()), WatermarkStrategy.noWatermarks(), 'lines');

  it('spread, rest and enumerate like objects', async () => {
    const rows = lines().map((row) => {
      const { n, ...rest } = row;
      return { ...row, rest, twice: n * 2, keys: Object.keys(row).join() };
    });
    expect(await rows.executeAndCollect()).toEqual([
      { k: 'a', n: 1, rest: { k: 'a' }, twice: 2, keys: 'k,n' },
      { k: 'b', n: 2, rest: { k: 'b' }, twice: 4, keys: 'k,n' },
    ]);
  });

  it('are refused where they would be kept', async () => {
    await expect(
      lines()
        .map((row) => [row])
        .executeAndCollect(),
    ).rejects.toThrow('put a copy into it');
  });
});
