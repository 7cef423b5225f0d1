/** What is measured, part by part: `run` prints a line a run, `summary` has the medians of all of them. */
import { join } from 'node:path';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { JobProcess, lineOf, nodeProgram, type Contestant } from './job-process.ts';
import { measureLatency } from './latency.ts';
import { createTopic } from './order-records.ts';
import { Samples } from './samples.ts';
import { topicChecksum } from './topic-checksum.ts';

export interface Bench {
  readonly bootstrapServers: string;
  readonly client: KafkaClient;
  readonly folder: string;
  readonly contestants: readonly Contestant[];
  /** Topic of orders, `records` of them. */
  readonly input: string;
  readonly records: number;
  readonly heapMb: number;
  readonly print: (line: object) => void;
}

interface Part {
  readonly name: string;
  readonly readsOrders: boolean;
  run(bench: Bench, repeat: number): Promise<void>;
  summary(): Readonly<Record<string, unknown>>;
}

const RATES = [5_000, 20_000] as const;
const WARM_UP_MS = 10_000;
const MEASURED_MS = 12_000;
const PUBLISH_EPOCHS = 8;
const PUBLISH_RECORDS = 50_000;
/** Goals of the project, said beside what was measured. */
const GOALS = { publishRecordsPerSecond: 150_000, readRecordsPerCpuSecond: 500_000 };

export const PARTS: readonly Part[] = [drain(), latency(), publish(), read()];

function drain(): Part {
  const samples = new Samples();
  const outputs = new Set<string>();
  return {
    name: 'drain',
    readsOrders: true,
    async run({ bootstrapServers, client, folder, contestants, input, records, print }, repeat) {
      for (const contestant of inTurn(contestants, repeat)) {
        const id = `${contestant.name}-windows-${repeat}`;
        await createTopic(client, id);
        const line = await lineOf(contestant, ['windows', bootstrapServers, input, id, join(folder, id)]);
        const output = await topicChecksum(client, id);
        await client.deleteTopic(id);
        const run = {
          rowsPerSecond: Math.round(records / line['seconds']!),
          rowsPerCpuSecond: Math.round(records / line['cpuSeconds']!),
          peakRssMb: line['peakRssMb']!,
        };
        print({ bench: 'kafka', part: 'drain', contestant: contestant.name, repeat, ...line, ...run, output });
        outputs.add(output);
        samples.add(contestant.name, run);
      }
    },
    summary: () => ({ drain: samples.medians(), sameOutput: outputs.size === 1 }),
  };
}

function latency(): Part {
  const samples = new Samples();
  return {
    name: 'latency',
    readsOrders: false,
    async run({ bootstrapServers, client, folder, contestants, print }, repeat) {
      for (const recordsPerSecond of RATES)
        for (const contestant of inTurn(contestants, repeat)) {
          const id = `${contestant.name}-pass-through-${recordsPerSecond}-${repeat}`;
          await createTopic(client, `${id}-in`, { 'message.timestamp.type': 'LogAppendTime' });
          await createTopic(client, `${id}-out`);
          const args = ['pass-through', bootstrapServers, `${id}-in`, `${id}-out`, join(folder, id)];
          const job = new JobProcess(contestant, args);
          try {
            const pace = { recordsPerSecond, measuredMs: MEASURED_MS };
            const measured = await measureLatency(bootstrapServers, `${id}-in`, `${id}-out`, pace, WARM_UP_MS);
            print({
              bench: 'kafka',
              part: 'latency',
              contestant: contestant.name,
              repeat,
              recordsPerSecond,
              ...measured,
            });
            const { p50Ms, p99Ms } = measured;
            samples.add(`${contestant.name} at ${recordsPerSecond}/s`, { p50Ms, p99Ms });
          } finally {
            await job.stop();
          }
          for (const topic of [`${id}-in`, `${id}-out`]) await client.deleteTopic(topic);
        }
    },
    summary: () => ({ latency: samples.medians() }),
  };
}

function publish(): Part {
  const samples = new Samples();
  return {
    name: 'publish',
    readsOrders: false,
    async run({ bootstrapServers, client, heapMb, print }, repeat) {
      const topic = `publish-${repeat}`;
      await createTopic(client, topic);
      const args = [bootstrapServers, topic, String(PUBLISH_EPOCHS), String(PUBLISH_RECORDS)];
      const line = await lineOf(nodeProgram('publish-child.ts', heapMb), args);
      await client.deleteTopic(topic);
      const run = {
        publishRecordsPerSecond: Math.round(line['rows']! / line['seconds']!),
        publishRecordsPerCpuSecond: Math.round(line['rows']! / line['cpuSeconds']!),
      };
      print({ bench: 'kafka', part: 'publish', repeat, ...line, ...run });
      samples.add('', run);
    },
    summary: () => ({ ...samples.medians()[''], publishGoalRecordsPerSecond: GOALS.publishRecordsPerSecond }),
  };
}

function read(): Part {
  const samples = new Samples();
  return {
    name: 'read',
    readsOrders: true,
    async run({ bootstrapServers, input, records, heapMb, print }, repeat) {
      const line = await lineOf(nodeProgram('read-child.ts', heapMb), [bootstrapServers, input]);
      if (line['rows'] !== records) throw new Error(`${line['rows']} records were read of ${records}`);
      const run = {
        readRecordsPerSecond: Math.round(records / line['seconds']!),
        readRecordsPerCpuSecond: Math.round(records / line['cpuSeconds']!),
      };
      print({ bench: 'kafka', part: 'read', repeat, ...line, ...run });
      samples.add('', run);
    },
    summary: () => ({ ...samples.medians()[''], readGoalRecordsPerCpuSecond: GOALS.readRecordsPerCpuSecond }),
  };
}

/** Each goes first as often as the others. */
function inTurn(contestants: readonly Contestant[], repeat: number): readonly Contestant[] {
  return repeat % 2 === 0 ? contestants : contestants.toReversed();
}
