/**
 * `node bench/kafka/clients.ts BOOTSTRAP [--repeats N]`: both client libraries behind the same protocol half (decision 12) on a running broker: transactional
 * writes of 400,000 records of 200 bytes to 4 partitions in 8 epochs, and reads of what was written. Each run is a process of its own, the libraries
 * in turn. One JSON line a run, then the medians.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';

const LIBRARIES = ['platformatic', 'kafkajs'] as const;
const WORKS = ['write', 'write-lz4', 'read'] as const;
const CHILD = fileURLToPath(new URL('clients-child.ts', import.meta.url));

interface Run {
  readonly library: string;
  readonly work: string;
  readonly recordsPerSecond: number;
  readonly recordsPerCpuSecond: number;
  readonly commitMs?: number;
  readonly readyMs: number;
  readonly readyCpuMs: number;
}

const [bootstrap, flag, count] = process.argv.slice(2);
const repeats = flag === '--repeats' ? Number(count) : 5;
if (bootstrap === undefined || !(repeats >= 1))
  throw new Error('usage: node bench/kafka/clients.ts BOOTSTRAP [--repeats N]');

const prefix = `bench-clients-${process.pid}`;
const admin = await openKafkaClient({
  bootstrapServers: [bootstrap],
  clientId: 'bench',
  client: 'platformatic',
  tls: null,
  sasl: null,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  retryForMs: 60_000,
});
const runs: Run[] = [];
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const work of WORKS)
    for (const library of repeat % 2 === 0 ? LIBRARIES : LIBRARIES.toReversed()) await measure(library, work, repeat);
  // Reads are of the topic that the same library wrote without compression.
  for (const library of LIBRARIES)
    for (const work of WORKS) if (work !== 'read') await admin.deleteTopic(topicOf(library, work, repeat));
}
await admin.close();
for (const work of WORKS)
  for (const library of LIBRARIES) {
    const own = runs.filter((run) => run.library === library && run.work === work);
    const median = (of: (run: Run) => number): number =>
      own.map(of).toSorted((a, b) => a - b)[Math.floor(own.length / 2)]!;
    console.log(
      JSON.stringify({
        median: own.length,
        library,
        work,
        recordsPerSecond: median((run) => run.recordsPerSecond),
        recordsPerCpuSecond: median((run) => run.recordsPerCpuSecond),
        readyMs: median((run) => run.readyMs),
        readyCpuMs: median((run) => run.readyCpuMs),
        ...(work !== 'read' && { commitMs: median((run) => run.commitMs ?? 0) }),
      }),
    );
  }

async function measure(library: string, work: string, repeat: number): Promise<void> {
  const topic = topicOf(library, work === 'read' ? 'write' : work, repeat);
  if (work !== 'read') await admin.createTopic(topic, 4, 1, {});
  const line = execFileSync(process.execPath, [CHILD, library, work, bootstrap!, topic], { encoding: 'utf8' });
  process.stdout.write(line);
  // oxlint-disable-next-line no-unsafe-type-assertion -- our own child's line
  runs.push(JSON.parse(line) as Run);
}

function topicOf(library: string, work: string, repeat: number): string {
  return `${prefix}-${library}-${work}-${repeat}`;
}
