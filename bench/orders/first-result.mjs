/** Milliseconds from the start of this process to the first committed result of a small windowed job. Uses the built package. */
import {
  Duration,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
} from '../../dist/engine/index.js';

const env = StreamExecutionEnvironment.getExecutionEnvironment();
const rows = await env
  .fromData(...Array.from({ length: 1000 }, (_, i) => ({ k: `k${i % 10}`, at: i * 100, n: 1 })))
  .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps().withTimestampAssigner((e) => e.at))
  .keyBy('k')
  .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
  .sum('n')
  .executeAndCollect();
if (rows.length !== 100) throw new Error(`${rows.length} rows instead of 100`);
// performance.now() counts from the start of the process.
process.stdout.write(`${JSON.stringify({ bench: 'first-result', firstResultMs: Math.round(performance.now()) })}\n`);
