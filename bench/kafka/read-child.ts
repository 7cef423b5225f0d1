/** Reads a topic to its end in a process of its own, as the source does but without making rows: BOOTSTRAP TOPIC. One JSON line. */
import { RecordDecoder } from '../../engine/connectors/kafka/client/record-batch-decoder.ts';
import { openClient } from './open-client.ts';
import { PARTITIONS } from './order-records.ts';

const FETCH = { maxBytes: 4 * 1024 * 1024, maxWaitMs: 500, isolation: 'read_committed' } as const;

const [bootstrapServers, topic] = process.argv.slice(2) as [string, string];
const client = await openClient(bootstrapServers);
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
const decoders = partitions.map((partition) => new RecordDecoder({ ...partition }));
const ends = await client.offsets(partitions, 'latest', 'read_committed');
const next = partitions.map(() => 0);
let records = 0;
const startedCpu = process.cpuUsage();
const started = performance.now();
for (;;) {
  const open = partitions.filter(({ partition }) => next[partition]! < ends[partition]!);
  if (open.length === 0) break;
  const answers = await client.fetch(
    open.map(({ partition }) => ({ topic, partition, from: next[partition]! })),
    FETCH,
  );
  for (const [i, answer] of answers.entries()) {
    const { partition } = open[i]!;
    if (answer.kind !== 'records') throw new Error(`partition ${partition} of ${topic} is ${answer.kind}`);
    const columns = await decoders[partition]!.decode(answer.records, next[partition]!);
    records += columns.n;
    next[partition] = columns.nextOffset;
  }
}
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(startedCpu);
await client.close();
process.stdout.write(
  `${JSON.stringify({ rows: records, seconds: +seconds.toFixed(3), cpuSeconds: +((user + system) / 1e6).toFixed(3) })}\n`,
);
