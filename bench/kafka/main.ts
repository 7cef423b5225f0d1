/**
 * `npm run bench -- kafka [--repeats N] [--records N] [--only PART]`: Kafka to Kafka exactly once, beside Flink where Maven has it. The broker,
 * the job and what measures it share this machine; processor time is that of the job's process alone, from the start of the job.
 *
 *   drain    4 partitions of 200-byte JSON: filter, keyBy, 1 min windows, epochs of 1 s, until the topic is empty
 *   latency  a paced producer; from the append to a read_committed consumer, through a job without windows
 *   publish  epochs of 50,000 records of 200 bytes through one slot
 *   read     records fetched, checked and decoded into columns, before JSON
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '../../engine/model/errors.ts';
import { startOwn } from '../../test-local/servers/index.ts';
import { FLINK_VERSION, flinkJob } from './flink-job.ts';
import { nodeProgram, type Contestant } from './job-process.ts';
import { openClient } from './open-client.ts';
import { fillTopic, PARTITIONS, RECORD_BYTES } from './order-records.ts';
import { PARTS, type Bench } from './parts.ts';

/** Of each contestant. */
const HEAP_MB = 1024;

export async function benchKafka(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      repeats: { type: 'string', default: '3' },
      records: { type: 'string', default: '2000000' },
      only: { type: 'string' },
    },
  });
  const [repeats, records] = [Number(values.repeats), Number(values.records)];
  const parts = PARTS.filter(({ name }) => values.only === undefined || name === values.only);
  if (![repeats, records].every((n) => Number.isInteger(n) && n >= 1) || parts.length === 0) {
    process.stderr.write(
      `bench kafka: --repeats and --records are whole numbers from 1, --only one of ${PARTS.map(({ name }) => name).join(', ')}\n`,
    );
    process.exitCode = 2;
    return;
  }
  const contestants = await contestantsOf();
  const broker = await startOwn('kafka', { quickStart: false });
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-kafka-'));
  const bootstrapServers = broker.settings['bootstrapServers']!;
  const client = await openClient(bootstrapServers);
  try {
    const input = 'orders';
    if (parts.some(({ readsOrders }) => readsOrders)) await fillTopic(client, input, records);
    const bench: Bench = { bootstrapServers, client, folder, contestants, input, records, heapMb: HEAP_MB, print };
    for (let repeat = 0; repeat < repeats; repeat++) for (const part of parts) await part.run(bench, repeat);
    const summary = Object.assign({}, ...parts.map((part) => part.summary()));
    const place = { cores: cpus().length, partitions: PARTITIONS, recordBytes: RECORD_BYTES, heapMb: HEAP_MB };
    print({ bench: 'kafka-summary', repeats, records, ...place, brokerOnTheSameCores: true, ...summary });
  } finally {
    await client.close();
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function contestantsOf(): Promise<readonly Contestant[]> {
  const own: Contestant = { name: 'millrace', ...nodeProgram('job-child.ts', HEAP_MB) };
  try {
    const flink = await flinkJob(HEAP_MB, (line) => process.stderr.write(`bench kafka: ${line}\n`));
    return [own, { name: 'flink', ...flink }];
  } catch (thrown) {
    print({ bench: 'kafka', contestant: 'flink', skipped: `${FLINK_VERSION}: ${messageOf(thrown)}` });
    return [own];
  }
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
