/**
 * `npm run bench -- kafka-clients [--repeats N]`: both client libraries behind the same protocol half (decision 12): transactional writes of
 * 400,000 records of 200 bytes to 4 partitions in 8 epochs, and reads of what was written. Each run is a process of its own, the libraries
 * in turn. One JSON line a run, then the medians.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startOwn } from '../../test-local/servers/index.ts';
import { openClient } from './open-client.ts';

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

export async function benchKafkaClients(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { repeats: { type: 'string', default: '5' } } });
  const repeats = Number(values.repeats);
  if (!Number.isInteger(repeats) || repeats < 1) {
    process.stderr.write('bench kafka-clients: --repeats is a whole number from 1\n');
    process.exitCode = 2;
    return;
  }
  const broker = await startOwn('kafka', { quickStart: false });
  try {
    summarize(await measureAll(broker.settings['bootstrapServers']!, repeats));
  } finally {
    await broker.stop();
  }
}

async function measureAll(bootstrapServers: string, repeats: number): Promise<readonly Run[]> {
  const admin = await openClient(bootstrapServers);
  const runs: Run[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const work of WORKS)
      for (const library of repeat % 2 === 0 ? LIBRARIES : LIBRARIES.toReversed()) {
        // Reads are of the topic that the same library wrote without compression.
        const topic = topicOf(library, work === 'read' ? 'write' : work, repeat);
        if (work !== 'read') await admin.createTopic(topic, 4, 1, {});
        runs.push(measure(library, work, bootstrapServers, topic));
      }
    for (const library of LIBRARIES)
      for (const work of WORKS) if (work !== 'read') await admin.deleteTopic(topicOf(library, work, repeat));
  }
  await admin.close();
  return runs;
}

function summarize(runs: readonly Run[]): void {
  for (const work of WORKS)
    for (const library of LIBRARIES) {
      const own = runs.filter((run) => run.library === library && run.work === work);
      const median = (of: (run: Run) => number): number =>
        own.map(of).toSorted((a, b) => a - b)[Math.floor(own.length / 2)]!;
      const line = {
        bench: 'kafka-clients-summary',
        library,
        work,
        recordsPerSecond: median((run) => run.recordsPerSecond),
        recordsPerCpuSecond: median((run) => run.recordsPerCpuSecond),
        readyMs: median((run) => run.readyMs),
        readyCpuMs: median((run) => run.readyCpuMs),
        ...(work !== 'read' && { commitMs: median((run) => run.commitMs ?? 0) }),
      };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    }
}

function measure(library: string, work: string, bootstrapServers: string, topic: string): Run {
  const line = execFileSync(process.execPath, [CHILD, library, work, bootstrapServers, topic], { encoding: 'utf8' });
  process.stdout.write(line);
  // oxlint-disable-next-line no-unsafe-type-assertion -- our own child's line
  return JSON.parse(line) as Run;
}

function topicOf(library: string, work: string, repeat: number): string {
  return `${library}-${work}-${repeat}`;
}
