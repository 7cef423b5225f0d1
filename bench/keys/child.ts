/** One run; prints one JSON line. Argument: keys. Three rows a key, of which three in four pass the filter. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSink, FileSource, jsonEncoder, jsonLines, schema, t } from '../../engine/connectors/files/index.ts';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import {
  Duration,
  StreamExecutionEnvironment,
  TumblingEventTimeWindows,
  WatermarkStrategy,
  type InferRow,
} from '../../engine/index.ts';

const keys = Number(process.argv[2]);
const ROWS_PER_KEY = 3;
const declared = schema({ customer_id: t.string(), amount: t.number(), status: t.string(), at: t.int() });
const folder = mkdtempSync(join(tmpdir(), 'millrace-keys-'));
const input = join(folder, 'orders.jsonl');
writeOrders(input, keys * ROWS_PER_KEY);

const env = StreamExecutionEnvironment.getExecutionEnvironment().enableCheckpointing(1000);
env
  .fromSource(
    FileSource.forRecordStreamFormat(jsonLines(declared), input).build(),
    WatermarkStrategy.forMonotonousTimestamps<InferRow<typeof declared>>().withTimestampAssigner((o) => o.at),
    'orders',
  )
  .filter((o) => o.status !== 'PENDING')
  .keyBy('customer_id')
  .window(TumblingEventTimeWindows.of(Duration.ofDays(1000)))
  .aggregate({
    createAccumulator: () => ({ sum: 0, count: 0 }),
    add: (o, total) => {
      total.sum += o.amount;
      total.count++;
      return total;
    },
    getResult: (total) => total.count,
  })
  // The one window closes at the end of the input; what counts is the run before.
  .filter((count) => count > ROWS_PER_KEY)
  .sinkTo(FileSink.forRowFormat<number>(join(folder, 'out'), jsonEncoder()).build());
const startedCpu = process.cpuUsage();
const started = performance.now();
const result = await runEmbedded(env.toJobGraph(), { ...env.settings(), stateDir: join(folder, 'state') });
const cpu = process.cpuUsage(startedCpu);
const rows = result.counts['recordsIn'] ?? 0;
process.stdout.write(
  `${JSON.stringify({
    bench: 'keys',
    keys,
    rows,
    epochs: result.epochs,
    rowsPerSecond: Math.round(rows / ((performance.now() - started) / 1000)),
    rowsPerCpuSecond: Math.round(rows / ((cpu.user + cpu.system) / 1e6)),
    longestPauseMs: Math.round(result.longestPauseMs),
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
  })}\n`,
);
rmSync(folder, { recursive: true, force: true });

/** Keys in a scattered order, the same at every run. */
function writeOrders(path: string, rows: number): void {
  const fd = openSync(path, 'w');
  const status = ['COMPLETED', 'SHIPPED', 'PAID', 'PENDING'];
  let text = '';
  for (let i = 0; i < rows; i++) {
    const key = Number((BigInt(i) * 7_368_787n) % BigInt(keys));
    text += `{"order_id":"ord-${i}","customer_id":"cust-${String(key).padStart(7, '0')}","amount":${i % 1000}.5,"status":"${status[i % 4]}","at":${1_700_000_000_000 + i}}\n`;
    if (i % 20_000 !== 0 && i !== rows - 1) continue;
    writeSync(fd, text);
    text = '';
  }
  closeSync(fd);
}
