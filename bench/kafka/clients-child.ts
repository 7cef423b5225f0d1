/** One measurement of `clients.ts` in a process of its own: LIBRARY WORK BOOTSTRAP TOPIC. One JSON line; `readyMs` is from the start
 * of the process to the first answer of a broker. */
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { loadCodec } from '../../engine/connectors/kafka/client/compression.ts';
import type { Compression, KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import type { KafkaClientLibrary } from '../../engine/connectors/kafka/client/kafka-connection.ts';
import { RecordDecoder } from '../../engine/connectors/kafka/client/record-batch-decoder.ts';

const PARTITIONS = [0, 1, 2, 3];
const RECORD_BYTES = 200;
const RECORDS_AN_EPOCH = 50_000;
const EPOCHS = 8;
const FETCH = { maxBytes: 4 * 1024 * 1024, maxWaitMs: 500, isolation: 'read_committed' } as const;

const [library, work, bootstrap, topic] = process.argv.slice(2);
if (library !== 'kafkajs' && library !== 'platformatic') throw new Error(`no library ${library}`);
const client = await openKafkaClient(connectionTo(library, bootstrap!));
await client.topics([topic!]);
const readyMs = Math.round(performance.now());
const readyCpu = process.cpuUsage();
if (work === 'write-lz4') await loadCodec('lz4');
const cpu = process.cpuUsage();
const start = performance.now();
const measured = work === 'read' ? await read(client, topic!) : await write(client, topic!, work);
const { user, system } = process.cpuUsage(cpu);
const seconds = (performance.now() - start) / 1000;
const cpuSeconds = (user + system) / 1e6;
await client.close();
console.log(
  JSON.stringify({
    library,
    work,
    ...measured,
    readyMs,
    readyCpuMs: Math.round((readyCpu.user + readyCpu.system) / 1000),
    recordsPerSecond: Math.round(measured.records / seconds),
    recordsPerCpuSecond: Math.round(measured.records / cpuSeconds),
  }),
);

/** All partitions from the beginning to the end, one fetch for all of them at a time, decoded into columns. */
async function read(from: KafkaClient, name: string): Promise<{ records: number }> {
  const partitions = PARTITIONS.map((partition) => ({ topic: name, partition }));
  const ends = await from.offsets(partitions, 'latest', 'read_committed');
  const next = PARTITIONS.map(() => 0);
  const decoders = partitions.map((each) => new RecordDecoder({ ...each }));
  let records = 0;
  for (;;) {
    const open = PARTITIONS.filter((partition) => next[partition]! < ends[partition]!);
    if (open.length === 0) return { records };
    const answers = await from.fetch(
      open.map((partition) => ({ topic: name, partition, from: next[partition]! })),
      FETCH,
    );
    for (const [index, answer] of answers.entries()) {
      const partition = open[index]!;
      if (answer.kind !== 'records') throw new Error(`partition ${partition} is ${answer.kind}`);
      const columns = await decoders[partition]!.decode(answer.records, next[partition]!);
      records += columns.n;
      next[partition] = columns.nextOffset;
    }
  }
}

/** Epochs: records to all partitions and a marker in one transaction, as the sink publishes. */
async function write(
  to: KafkaClient,
  name: string,
  how: string | undefined,
): Promise<{ records: number; commitMs: number }> {
  const compression: Compression = how === 'write-lz4' ? 'lz4' : 'none';
  const producer = await to.transactionalProducer(`bench-${name}`, 60_000);
  const value = Buffer.from(
    '{"order":123456789,"customer":"c-1234567","amount":"199.99","note":"'.padEnd(RECORD_BYTES, 'x'),
  );
  // Old records would fall to the topic's retention.
  const timestamp = Date.now();
  const batches = PARTITIONS.map((partition) => ({
    topic: name,
    partition,
    records: Array.from({ length: RECORDS_AN_EPOCH / PARTITIONS.length }, () => ({
      timestamp,
      key: null,
      value,
      headers: [],
    })),
  }));
  let commitMs = 0;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    await producer.send(batches, compression);
    await producer.sendOffsets(`bench-${name}`, [{ topic: name, partition: 0, offset: epoch, metadata: '' }]);
    const before = performance.now();
    await producer.commit();
    commitMs += (performance.now() - before) / EPOCHS;
  }
  await producer.close();
  return { records: EPOCHS * RECORDS_AN_EPOCH, commitMs: Math.round(commitMs * 10) / 10 };
}

function connectionTo(client: KafkaClientLibrary, address: string): Parameters<typeof openKafkaClient>[0] {
  return {
    bootstrapServers: [address],
    clientId: 'bench',
    client,
    tls: null,
    sasl: null,
    connectTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
    retryForMs: 60_000,
  };
}
