/**
 * From a record's append to the moment at which a consumer with nothing of the job in it sees it, read_committed. The broker stamps the append
 * (LogAppendTime), the job hands the timestamp on, and the consumer compares it with the clock of the same machine when the answer arrives,
 * before it decodes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { RecordDecoder } from '../../engine/connectors/kafka/client/record-batch-decoder.ts';
import { openClient } from './open-client.ts';
import { batchesOf, PARTITIONS } from './order-records.ts';

const TICK_MS = 10;
/** Of records that show that the job runs. */
const PROBE_MS = 100;
const FETCH = { maxBytes: 8 * 1024 * 1024, maxWaitMs: 100, isolation: 'read_committed' } as const;
/** After the last append; then what is missing is an error. */
const PATIENCE_MS = 60_000;

export interface Pace {
  readonly recordsPerSecond: number;
  /** Counted, after the records of the warm-up. */
  readonly measuredMs: number;
}

export interface Latencies {
  readonly records: number;
  /** Less than asked for: the producer did not keep up. */
  readonly achievedPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The job was started: when its first records have come out, `warmUpMs` of records are let pass before it counts. */
export async function measureLatency(
  bootstrapServers: string,
  input: string,
  output: string,
  pace: Pace,
  warmUpMs: number,
): Promise<Latencies> {
  const watcher = new Watcher(await openClient(bootstrapServers), output);
  const client = await openClient(bootstrapServers);
  try {
    const probe = await append(client, input, { ...pace, measuredMs: PROBE_MS }, 0);
    await watcher.waitFor(probe.next);
    const first = await append(client, input, { ...pace, measuredMs: warmUpMs }, probe.next);
    watcher.countFromMs = Date.now();
    const counted = await append(client, input, pace, first.next);
    await watcher.waitFor(counted.next);
    const sorted = watcher.latencies.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
    const achievedPerSecond = Math.round((counted.next - first.next) / (counted.ms / 1000));
    return { records: sorted.length, achievedPerSecond, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: sorted.at(-1)! };
  } finally {
    await watcher.close();
    await client.close();
  }
}

/** Appends what is due at every tick. */
async function append(
  client: KafkaClient,
  topic: string,
  { recordsPerSecond, measuredMs }: Pace,
  from: number,
): Promise<{ next: number; ms: number }> {
  const producer = await client.producer();
  const started = performance.now();
  let next = from;
  for (let elapsed = 0; elapsed < measuredMs;) {
    await sleep(TICK_MS);
    elapsed = performance.now() - started;
    const due = from + Math.floor((Math.min(elapsed, measuredMs) * recordsPerSecond) / 1000);
    if (due > next) await producer.send(batchesOf(topic, next, due), 'none');
    next = due;
  }
  await producer.close();
  return { next, ms: performance.now() - started };
}

class Watcher {
  readonly latencies: number[] = [];
  /** Records appended before that are not counted. */
  countFromMs = Infinity;
  readonly #client: KafkaClient;
  readonly #topic: string;
  readonly #reading: Promise<void>;
  #seen = 0;
  #closed = false;

  constructor(client: KafkaClient, topic: string) {
    this.#client = client;
    this.#topic = topic;
    this.#reading = this.#read();
  }

  async waitFor(records: number): Promise<void> {
    const until = Date.now() + PATIENCE_MS;
    while (this.#seen < records) {
      if (Date.now() > until) throw new Error(`only ${this.#seen} of ${records} records came out`);
      await Promise.race([sleep(TICK_MS), this.#reading]);
    }
    if (this.#seen > records) throw new Error(`${this.#seen} records came out of ${records}`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#reading;
    await this.#client.close();
  }

  async #read(): Promise<void> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: this.#topic, partition }));
    const decoders = partitions.map((partition) => new RecordDecoder({ ...partition }));
    const next = partitions.map(() => 0);
    while (!this.#closed) {
      const answers = await this.#client.fetch(
        partitions.map((partition, i) => ({ ...partition, from: next[i]! })),
        FETCH,
      );
      const nowMs = Date.now();
      for (const [i, answer] of answers.entries()) {
        if (answer.kind !== 'records') throw new Error(`partition ${i} of ${this.#topic} is ${answer.kind}`);
        const columns = await decoders[i]!.decode(answer.records, next[i]!);
        next[i] = columns.nextOffset;
        this.#seen += columns.n;
        for (let row = 0; row < columns.n; row++) {
          const appendedMs = columns.timestamps[row]!;
          if (appendedMs >= this.countFromMs) this.latencies.push(nowMs - appendedMs);
        }
      }
    }
  }
}
