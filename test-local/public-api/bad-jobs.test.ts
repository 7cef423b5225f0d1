/** A bad job fails at start with a message that says what to change; a bad record or function names its place. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileSink, FileSource, jsonEncoder, jsonLines, schema, t } from '../../engine/connectors/files/index.ts';
import {
  ConfigError,
  Duration,
  keyedProcess,
  KeyedProcessFunction,
  RestartStrategies,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  UserCodeError,
  valueState,
  ValueStateDescriptor,
  WatermarkStrategy,
  type Collector,
  type DeadLetter,
  type KeyedContext,
  type OpenContext,
} from '../../engine/index.ts';

const env = (): StreamExecutionEnvironment =>
  StreamExecutionEnvironment.getExecutionEnvironment().setRestartStrategy(RestartStrategies.noRestart());

async function failure(run: Promise<unknown>): Promise<Error> {
  try {
    await run;
  } catch (thrown) {
    if (thrown instanceof Error) return thrown;
  }
  throw new Error('it did not fail');
}

it('refuses two operators with one uid', async () => {
  const e = env();
  const s = e
    .fromData(1)
    .map((n) => n)
    .uid('same');
  s.map((n) => n)
    .name('second')
    .uid('same')
    .print();
  const error = await failure(e.execute('twice'));
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toContain('"Map" and "second" have the same uid "same"');
});

it('refuses a job without a sink, and an empty one', async () => {
  const e = env();
  e.fromData(1).map((n) => n);
  expect((await failure(e.execute('idle'))).message).toContain('has no sink');
  expect((await failure(env().execute('empty'))).message).toContain('has no operators');
});

it('refuses an event-time window on a stream without watermarks', async () => {
  const rows = env()
    .fromData({ k: 'a', n: 1 })
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
    .sum('n');
  const error = await failure(rows.executeAndCollect());
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toContain('has no timestamps and watermarks');
  expect(error.message).toContain('withTimestampAssigner');
});

it('refuses a file that is not there', async () => {
  const e = env();
  e.fromSource(
    FileSource.forRecordStreamFormat(jsonLines(), '/no/such/file.jsonl').build(),
    WatermarkStrategy.noWatermarks(),
    'lines',
  ).print();
  const error = await failure(e.execute());
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toContain('/no/such/file.jsonl');
});

it('refuses state that could not be restored', async () => {
  class Point {
    x = 1;
  }
  const windowed = env()
    .fromData({ k: 'a', at: 1 })
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forMonotonousTimestamps<{ k: string; at: number }>().withTimestampAssigner((r) => r.at),
    )
    .keyBy('k')
    .window(TumblingEventTimeWindows.of(1000))
    .aggregate({ createAccumulator: () => ({ p: new Point() }), add: (_r, a) => a, getResult: (a) => a.p.x });
  const error = await failure(windowed.executeAndCollect());
  expect(error).toBeInstanceOf(ConfigError);
  expect(error.message).toMatch(/the accumulator of operator ".*" cannot be stored: \.p is an instance of class Point/);

  class Holder extends KeyedProcessFunction<string, { k: string }, number> {
    override open(ctx: OpenContext): void {
      ctx.getState(new ValueStateDescriptor<() => number>('f', () => 1));
    }
    override processElement(): void {}
  }
  const held = env().fromData({ k: 'a' }).keyBy('k').process(new Holder());
  expect((await failure(held.executeAndCollect())).message).toContain('is a function');
});

it('refuses more than one checkpoint at a time, with the reason', () => {
  expect(() => env().getCheckpointConfig().setMaxConcurrentCheckpoints(2)).toThrow('one epoch at a time');
});

it('names job, operator, split and position of a record that makes a function throw', async () => {
  const e = env();
  e.fromData(1, 2, 3)
    .map((n) => {
      if (n === 2) throw new Error('two is bad');
      return n;
    })
    .name('checker')
    .print();
  const error = await failure(e.execute('strict'));
  expect(error).toBeInstanceOf(UserCodeError);
  expect(error.message).toMatch(/job "strict", operator "checker", split .*elements, position 1: two is bad/);
  expect(error.message).toContain('env.deadLetters()');
});

it('refuses a promise where nothing awaits it', async () => {
  const lying = (async (n: number) => n) as unknown as (n: number) => number;
  expect((await failure(env().fromData(1).map(lying).executeAndCollect())).message).toContain('returned a promise');
});

it('refuses null keys with the record', async () => {
  const error = await failure(
    env()
      .fromData<{ k: string | null }>({ k: 'a' }, { k: null })
      .keyBy('k')
      .reduce((a) => a)
      .executeAndCollect(),
  );
  expect(error.message).toMatch(/position 1: the key is null/);
});

it('sends what does not parse, and what makes stateless or stateful code throw, to the dead letters, once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bad-'));
  const input = join(folder, 'in.jsonl');
  const rows = Array.from({ length: 40 }, (_, i) => JSON.stringify({ k: `k${i % 3}`, n: i }));
  rows[5] = '{"k":"k1","n":'; // does not parse
  rows[9] = '{"k":"k1"}'; // a field is missing
  writeFileSync(input, `${rows.join('\n')}\n`);
  const e = env();
  e.enableCheckpointing(20);
  const counted = e
    .fromSource(
      FileSource.forRecordStreamFormat(jsonLines(schema({ k: t.string(), n: t.int() })), input).build(),
      WatermarkStrategy.noWatermarks(),
      'lines',
    )
    .map((r) => {
      if (r.n === 12) throw new Error('map hates 12');
      return { k: r.k, n: r.n };
    })
    .name('mapper')
    .keyBy('k')
    .process(
      keyedProcess({
        state: { sum: valueState<number>() },
        processElement(r: { k: string; n: number }, ctx, out: Collector<{ k: string; sum: number }>) {
          ctx.state.sum.update((ctx.state.sum.value() ?? 0) + r.n);
          if (r.n === 20 || r.n === 31) throw new Error(`state hates ${r.n}`);
          out.collect({ k: r.k, sum: ctx.state.sum.value() ?? 0 });
        },
      }),
    )
    .name('summer');
  counted.sinkTo(FileSink.forRowFormat<{ k: string; sum: number }>(join(folder, 'out'), jsonEncoder()).build());
  e.deadLetters().sinkTo(FileSink.forRowFormat<DeadLetter>(join(folder, 'dead'), jsonEncoder()).build());
  const result = await e.execute('letters');
  const read = (name: string): unknown[] =>
    readdirSync(join(folder, name)).flatMap((file) =>
      readFileSync(join(folder, name, file), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    );
  const letters = (read('dead') as DeadLetter[]).sort((a, b) => a.position - b.position);
  const starts = rows.map((_, i) => rows.slice(0, i).reduce((sum, row) => sum + row.length + 1, 0));
  expect(letters.map((l) => [l.operator, l.position])).toEqual([
    ['lines', starts[5]],
    ['lines', starts[9]],
    ['mapper', starts[12]],
    ['summer', starts[20]],
    ['summer', starts[31]],
  ]);
  expect(letters[3]!.error).toBe('state hates 20');
  expect(letters.every((l) => l.job === 'letters' && l.split.endsWith('in.jsonl'))).toBe(true);
  expect(result.counts).toMatchObject({ recordsIn: 40, deadLettered: 5, skipped: 2 });
  // What the failed attempts had added to the state is gone with them.
  const sums = new Map<string, number>();
  const expected = rows.flatMap((_, i) => {
    if ([5, 9, 12, 20, 31].includes(i)) return [];
    const k = `k${i % 3}`;
    sums.set(k, (sums.get(k) ?? 0) + i);
    return [`${k}:${sums.get(k)}`];
  });
  expect((read('out') as { k: string; sum: number }[]).map((r) => `${r.k}:${r.sum}`).sort()).toEqual(expected.sort());
});

it('tells of timers without a key', async () => {
  class Early extends KeyedProcessFunction<string, { k: string }, number> {
    override processElement(_v: { k: string }, ctx: KeyedContext<string>): void {
      ctx.timerService().registerEventTimeTimer(Number.NaN);
    }
  }
  const error = await failure(env().fromData({ k: 'a' }).keyBy('k').process(new Early()).executeAndCollect());
  expect(error.message).toContain("a timer's time is a number of epoch milliseconds");
});

it('is not executed twice by mistake', async () => {
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  expect(await env.fromData(1).executeAndCollect()).toEqual([1]);
  await expect(env.execute()).rejects.toThrow(/nothing was added/);
});
