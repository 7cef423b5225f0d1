/** A few other small jobs through the same engine code, so that what is measured is not a process that only ever ran one job. */
import {
  Duration,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
} from '../../engine/index.ts';

export async function otherJobs(): Promise<void> {
  const events = Array.from({ length: 20_000 }, (_, i) => ({
    id: i,
    user: `u${i % 97}`,
    at: i * 10,
    size: (i * 7) % 13,
  }));
  const pairs = Array.from({ length: 20_000 }, (_, i): [string, number] => [`k${i % 31}`, i]);
  const a = StreamExecutionEnvironment.getExecutionEnvironment();
  await a
    .fromData(...events)
    .assignTimestampsAndWatermarks(
      WatermarkStrategy.forMonotonousTimestamps<(typeof events)[number]>().withTimestampAssigner((e) => e.at),
    )
    .keyBy((e) => e.user)
    .window(TumblingEventTimeWindows.of(Duration.ofSeconds(1)))
    .sum('size')
    .executeAndCollect();
  const b = StreamExecutionEnvironment.getExecutionEnvironment();
  await b
    .fromData(...pairs)
    .filter(([, n]) => n % 3 !== 0)
    .map(([k, n]) => ({ k, n }))
    .keyBy('k')
    .reduce((x, y) => ({ k: x.k, n: x.n + y.n }))
    .executeAndCollect();
}
