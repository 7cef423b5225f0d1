/** What cannot work with several streams is refused while the job is built, or with the row that does it. */
import { describe, expect, test } from 'vitest';
import { BroadcastProcessFunction, KeyedBroadcastProcessFunction } from '../../api/broadcast-functions.ts';
import { CoMapFunction, CoProcessFunction, KeyedCoProcessFunction } from '../../api/co-functions.ts';
import type { DataStream } from '../../api/data-stream.ts';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import { ConfigError } from '../../model/errors.ts';
import type { OpenContext, TimerServiceView } from '../../operators/keyed-process-function.ts';
import { MapStateDescriptor, ValueStateDescriptor } from '../../state/descriptors.ts';
import { StateTtlConfig } from '../../state/ttl.ts';
import { TumblingEventTimeWindows } from '../../windows/assigners.ts';
import { runRowByRow, type TwoRow } from './two-streams-fixture.ts';

const stream = (): DataStream<TwoRow> =>
  StreamExecutionEnvironment.getExecutionEnvironment().fromData<TwoRow>({ stream: 'a', id: 'a1', k: 'k', t: 1, v: 1 });
const RULES = new MapStateDescriptor<string, number>('rules');

/** Calls of a job written without types. */
type Loose = Record<string, (...args: unknown[]) => Loose>;
const loose = (value: unknown): Loose => value as Loose;

class Timers extends CoProcessFunction<TwoRow, TwoRow, string> {
  processElement1(_row: TwoRow, ctx: { timerService(): TimerServiceView }): void {
    ctx.timerService().registerEventTimeTimer(1);
  }
  processElement2(): void {
    // Nothing.
  }
}
class State extends CoMapFunction<TwoRow, TwoRow, string> {
  override open(ctx: OpenContext): void {
    ctx.getState(new ValueStateDescriptor<number>('n'));
  }
  map1(row: TwoRow): string {
    return row.id;
  }
  map2(row: TwoRow): string {
    return row.id;
  }
}
class OnTimer extends CoProcessFunction<TwoRow, TwoRow, string> {
  processElement1(): void {
    // Nothing.
  }
  processElement2(): void {
    // Nothing.
  }
  override onTimer(): void {
    // Never called.
  }
}
class Keyed extends KeyedCoProcessFunction<string, TwoRow, TwoRow, string> {
  processElement1(): void {
    // Nothing.
  }
  processElement2(): void {
    // Nothing.
  }
}
class KeyedBroadcast extends KeyedBroadcastProcessFunction<string, TwoRow, TwoRow, string> {
  processElement(): void {
    // Nothing.
  }
  processBroadcastElement(): void {
    // Nothing.
  }
}
class Broadcast extends BroadcastProcessFunction<TwoRow, TwoRow, string> {
  processElement(): void {
    // Nothing.
  }
  processBroadcastElement(): void {
    // Nothing.
  }
}
const none = (): undefined => undefined;
const window = TumblingEventTimeWindows.of(10);

const CASES: readonly (readonly [what: string, build: (a: DataStream<TwoRow>) => unknown, message: RegExp])[] = [
  ['streams of two environments', (a) => a.connect(stream()), /connect of streams from different environments/],
  [
    'keyed streams of two environments',
    (a) => a.keyBy('k').connect(stream().keyBy('k')),
    /connect of streams from different environments/,
  ],
  ['a join of two environments', (a) => a.join(stream()), /join of streams from different environments/],
  [
    'an interval join of two environments',
    (a) => a.keyBy('k').intervalJoin(stream().keyBy('k')),
    /intervalJoin of streams from different environments/,
  ],
  [
    'a broadcast stream of another environment',
    (a) => a.connect(stream().broadcast(RULES)),
    /connect of streams from different environments/,
  ],
  ['a keyed stream with another', (a) => loose(a.keyBy('k')).connect!(a), /takes another keyed stream: call keyBy/],
  ['another stream with a keyed one', (a) => loose(a).connect!(a.keyBy('k')), /call keyBy\(…\) on both/],
  ['an interval join with no keys', (a) => loose(a.keyBy('k')).intervalJoin!(a), /call keyBy\(…\) on it first/],
  ['a join with a keyed stream', (a) => loose(a).join!(a.keyBy('k')), /join\(…\) takes a stream without keys/],
  ['timers without keys', (a) => a.connect(a).process(new OnTimer()), /state and timers belong to a key/],
  ['a keyed function without keys', (a) => loose(a.connect(a)).process!(new Keyed()), /belong to a key/],
  [
    'a keyed broadcast function without keys',
    (a) => loose(a.connect(a.broadcast(RULES))).process!(new KeyedBroadcast()),
    /keyed state and timers belong to a key.*Call keyBy/s,
  ],
  [
    'a function of one stream only',
    (a) => loose(a.connect(a)).process!({ processElement1: none }),
    /processElement2 is missing/,
  ],
  [
    'an object with a life cycle',
    (a) => loose(a.connect(a)).map!({ map1: none, map2: none, open: none }),
    /extends CoMapFunction/,
  ],
  [
    'an async function',
    (a) => loose(a.connect(a)).map!({ map1: async () => Promise.resolve(1), map2: none }),
    /async function/,
  ],
  [
    'an async join',
    (a) => loose(a.keyBy('k').intervalJoin(a.keyBy('k')).between(0, 1)).process!(async () => Promise.resolve()),
    /async function/,
  ],
  [
    'an async window join',
    (a) => loose(a.join(a).where('k').equalTo('k').window(window)).apply!(async () => Promise.resolve()),
    /async function/,
  ],
  ['bounds the wrong way round', (a) => a.keyBy('k').intervalJoin(a.keyBy('k')).between(5, -5), /lower bound is above/],
  ['bounds that are no times', (a) => a.keyBy('k').intervalJoin(a.keyBy('k')).between(0.5, 1), /whole numbers/],
  ['two broadcast states of one name', (a) => a.broadcast(RULES, RULES), /two descriptors of one name/],
  [
    'broadcast state with a time-to-live',
    (a) =>
      a.broadcast(
        new MapStateDescriptor<string, number>('short').enableTimeToLive(StateTtlConfig.newBuilder(1000).build()),
      ),
    /time-to-live/,
  ],
  ['broadcast state that is no map', (a) => loose(a).broadcast!(new ValueStateDescriptor('v')), /MapStateDescriptors/],
];

describe('refused while the job is built', () => {
  test.each(CASES)('%s', (_what, build, message) => {
    const call = (): unknown => build(stream());
    expect(call).toThrow(ConfigError);
    expect(call).toThrow(message);
  });

  test('the right forms are taken', () => {
    const a = stream();
    expect(a.keyBy('k').connect(a.keyBy('id')).process(new Keyed())).toBeDefined();
    expect(a.keyBy('k').connect(a.keyBy('id')).process(new OnTimer())).toBeDefined();
    expect(a.keyBy('k').connect(a.broadcast(RULES)).process(new KeyedBroadcast())).toBeDefined();
    expect(a.connect(a.broadcast(RULES)).process(new Broadcast())).toBeDefined();
  });
});

describe('refused when it happens', () => {
  const rows: TwoRow[] = [{ stream: 'a', id: 'a1', k: 'k', t: 1, v: 1 }];

  test('a timer where there is no key', async () => {
    const run = runRowByRow(rows, (a, b, { sink }) => void a.connect(b).process(new Timers()).sinkTo(sink('out')));
    await expect(run).rejects.toThrow(/used a timer, but its streams have no key.*keyBy/s);
  });

  test('keyed state where there is no key: at start', async () => {
    const run = runRowByRow(rows, (a, b, { sink }) => void a.connect(b).map(new State()).sinkTo(sink('out')));
    await expect(run).rejects.toThrow(/asked for keyed state, but its streams have no key.*keyBy/s);
  });

  test('a promise out of a function that is not async itself', async () => {
    const run = runRowByRow(rows, (a, b, { sink }) => {
      const out = loose(a.connect(b)).map!({ map1: () => Promise.resolve(1), map2: () => 1 });
      out.sinkTo!(sink('out'));
    });
    await expect(run).rejects.toThrow(/returned a promise/);
  });

  test('an interval join of streams without timestamps: when the job is put together', () => {
    const env = StreamExecutionEnvironment.getExecutionEnvironment();
    const a = env.fromData(1);
    const key = (n: number): number => n;
    const pair = (n: number, m: number): number[] => [n + m];
    a.keyBy(key).intervalJoin(a.keyBy(key)).between(0, 1).process(pair).print();
    expect(() => env.toJobGraph()).toThrow(/no timestamps and watermarks/);
  });
});
