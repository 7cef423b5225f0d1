/**
 * `npm run local -- load kafka TOPIC FILE`: each line of a file (`.gz` too) becomes a record's value, in order. `--orders N` takes the orders of
 * hourly-revenue instead of a file. The topic is made if it is not there.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import type { KafkaClient, NewKafkaRecord } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { readPropertiesFile } from '../../engine/connectors/kafka/properties-file.ts';
import { partitionOfKey } from '../../engine/connectors/kafka/sink/murmur2.ts';
import { ordersGenerator } from '../../functions/orders-generator.ts';
import { ServerUnavailableError } from '../servers/index.ts';

export const LOAD_USAGE = `npm run local -- load kafka TOPIC FILE          lines of a file (.gz too) as records of a topic
npm run local -- load kafka TOPIC --orders N    orders of hourly-revenue

--bootstrap-server HOST:PORT   default: the Kafka of \`up kafka\`
--command-config FILE          client properties
--partitions N                 of a topic that is made, 1 when left out
--key FIELD                    field of the JSON lines that becomes the key`;

export interface LoadOptions {
  readonly topic: string;
  readonly lines: AsyncIterable<string> | Iterable<string>;
  readonly partitions: number;
  /** Null: no key; one partition after the other, a thousand records each. */
  readonly key: string | null;
}

const BATCH_RECORDS = 10_000;
const STICKY_RECORDS = 1000;

/** Answers how many records were written. */
export async function loadTopic(client: KafkaClient, { topic, lines, partitions, key }: LoadOptions): Promise<number> {
  await client.createTopic(topic, partitions, -1, {});
  const [known] = await client.topics([topic]);
  const count = known?.leaders.length ?? partitions;
  const producer = await client.producer();
  let batches: NewKafkaRecord[][] = Array.from({ length: count }, () => []);
  let written = 0;
  const send = async (): Promise<void> => {
    const filled = batches.map((records, partition) => ({ topic, partition, records }));
    await producer.send(
      filled.filter(({ records }) => records.length > 0),
      'none',
    );
    batches = batches.map(() => []);
  };
  for await (const line of lines) {
    if (line === '') continue;
    const bytes = key === null ? null : Buffer.from(String((JSON.parse(line) as Record<string, unknown>)[key]));
    const partition = bytes === null ? Math.floor(written / STICKY_RECORDS) % count : partitionOfKey(bytes, count);
    batches[partition]!.push({ timestamp: Date.now(), key: bytes, value: Buffer.from(line), headers: [] });
    if (++written % BATCH_RECORDS === 0) await send();
  }
  await send();
  await producer.close();
  return written;
}

/** The lines of an interface that is not read at once are lost: it is made with the first `next`. */
export async function* linesOfFile(path: string): AsyncIterable<string> {
  const bytes = createReadStream(path);
  yield* createInterface({ input: path.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes, crlfDelay: Infinity });
}

export function* orderLines(orders: number, seed = 42): Iterable<string> {
  const generate = ordersGenerator(seed);
  for (let i = 0; i < orders; i++) yield JSON.stringify(generate(i));
}

/** The command, without `load`. `servers`: of the Kafka that runs, if one does. */
export async function loadCommand(args: readonly string[], servers: string | null): Promise<string> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      orders: { type: 'string' },
      'bootstrap-server': { type: 'string' },
      'command-config': { type: 'string' },
      partitions: { type: 'string', default: '1' },
      key: { type: 'string' },
    },
  });
  const [system, topic, file] = positionals;
  const bootstrapServers = values['bootstrap-server'] ?? servers;
  if (system !== 'kafka' || topic === undefined || (file === undefined) === (values.orders === undefined))
    throw new ServerUnavailableError(LOAD_USAGE);
  const config = values['command-config'];
  if (bootstrapServers === null && config === undefined)
    throw new ServerUnavailableError(
      'No Kafka runs here: start one with `npm run local -- up kafka`, or give --bootstrap-server.',
    );
  const { connection } = connectionOfProperties({
    ...(config === undefined ? {} : readPropertiesFile(config)),
    ...(bootstrapServers === null ? {} : { 'bootstrap.servers': bootstrapServers }),
  });
  const client = await openKafkaClient(connection);
  try {
    const lines = file === undefined ? orderLines(Number(values.orders)) : linesOfFile(file);
    const partitions = Number(values.partitions);
    const written = await loadTopic(client, { topic, lines, partitions, key: values.key ?? null });
    return `${topic}: ${written} records written`;
  } finally {
    await client.close();
  }
}
