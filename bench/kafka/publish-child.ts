/**
 * Publishes epochs of 200-byte values exactly once through one slot, in a process of its own: BOOTSTRAP TOPIC EPOCHS RECORDS. One JSON line.
 * A record is counted from the row that the writer is given to the commit's answer.
 */
import { KafkaSink } from '../../engine/connectors/kafka/index.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { BATCH_ROWS } from '../../engine/model/limits.ts';
import { orderRecord } from './order-records.ts';

const RUN = 'r00000000000001-bench';
/** Compiles; not counted. */
const FIRST_EPOCHS = 2;

const [bootstrapServers, topic, ...numbers] = process.argv.slice(2) as [string, string, string, string];
const [epochs, records] = numbers.map(Number) as [number, number];
const sink = KafkaSink.builder<string>()
  .setBootstrapServers(bootstrapServers)
  .setRecordSerializer({ topic, value: (row) => row })
  .build();
const ctx = { job: topic, sink: 'out', clock: new SystemClock(), log: null, blobs: null };
await sink.validate(ctx);
await sink.open();
const writer = sink.writer(ctx);
const publisher = await sink.publisher(ctx);
await publisher.stamp(RUN, 0, 0);
const rows = Array.from({ length: records }, (_, n) => Buffer.from(orderRecord(n).value!).toString());
const timestamps = new Float64Array(BATCH_ROWS).fill(Date.now());
for (let epoch = 1; epoch <= FIRST_EPOCHS; epoch++) await publishEpoch(epoch);
const startedCpu = process.cpuUsage();
const started = performance.now();
for (let epoch = FIRST_EPOCHS + 1; epoch <= FIRST_EPOCHS + epochs; epoch++) await publishEpoch(epoch);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(startedCpu);
await publisher.close();
process.stdout.write(
  `${JSON.stringify({ rows: epochs * records, seconds: +seconds.toFixed(3), cpuSeconds: +((user + system) / 1e6).toFixed(3) })}\n`,
);

async function publishEpoch(epoch: number): Promise<void> {
  for (let from = 0; from < rows.length; from += BATCH_ROWS) {
    const batch = rows.slice(from, from + BATCH_ROWS);
    writer.write(batch, timestamps, batch.length);
  }
  await publisher.publish({ run: RUN, epoch, slot: 0, ...writer.take() });
}
