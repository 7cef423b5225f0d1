/** Between two invocations a process is frozen: with its answer, a coordinator that reads and writes Kafka has nothing left that could act. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { coordinatorOf } from '../../engine/aws/host/coordinator-host.ts';
import { jsonLog } from '../../engine/aws/host/lambda.ts';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { MemoryBlobStore } from '../../engine/embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../engine/embedded/memory-state-store.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { NO_CARRY } from '../../engine/aws/host/carry.ts';
import { readJobState } from '../../engine/runtime/job-state-reader.ts';
import { readCommitted } from '../kafka/independent-reader.ts';
import { loadTopic, orderLines } from '../kafka/load-topic.ts';
import { useServer } from '../servers/index.ts';
import { job } from './paced-revenue-job.ts';

const ORDERS = 2_000;
const partitioned = { partitions: 2, key: 'order_id' };
let bootstrapServers = '';
let kafka: KafkaClient;

beforeAll(async () => {
  bootstrapServers = (await useServer('kafka')).settings['bootstrapServers']!;
  kafka = await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection);
});
afterAll(async () => {
  await kafka.close();
});

/** What holds a process: sockets, timers. */
function held(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => kind === 'TCPSocketWrap' || kind === 'Timeout' || kind === 'TCPConnectWrap')
    .toSorted();
}

test('sockets and timers are gone with the answer, and the state stays in memory', async () => {
  const [inputTopic, outputTopic] = ['orders', 'revenue'].map((of) => `${of}-${randomUUID().slice(0, 8)}`);
  await loadTopic(kafka, { topic: inputTopic!, lines: orderLines(ORDERS), ...partitioned });
  await kafka.createTopic(outputTopic!, 2, 1, {});
  const store = new MemoryStateStore();
  const blobs = new MemoryBlobStore();
  const reads: string[] = [];
  const read = blobs.read.bind(blobs);
  blobs.read = async (name, from, to) => {
    reads.push(name);
    return await read(name, from, to);
  };
  let built = 0;
  const counted = {
    name: job.name,
    instantiate: (overrides?: Readonly<Record<string, string>>) => {
      built += 1;
      return job.instantiate(overrides);
    },
  };
  const handler = coordinatorOf(counted, {
    clock: new SystemClock(),
    env: { MILLRACE_TABLE: 't', MILLRACE_BUCKET: 'b' },
    log: jsonLog(() => undefined, {}),
    openPorts: () => ({ store, blobs, quiesce: () => undefined }),
  });
  const settings = { bootstrapServers, inputTopic: inputTopic!, outputTopic: outputTopic!, bounded: 'false' };
  const invoke = async () => {
    const endsMs = Date.now() + 30_000;
    const context = { awsRequestId: randomUUID(), getRemainingTimeInMillis: () => endsMs - Date.now() };
    return await handler({ execution: 'x', input: { settings, limits: { lingerMs: 200 } } }, context);
  };

  const before = held();
  expect(await invoke()).toMatchObject({ status: 'idle', error: null });
  expect(held()).toEqual(before);

  await loadTopic(kafka, { topic: inputTopic!, lines: [...orderLines(2 * ORDERS)].slice(ORDERS), ...partitioned });
  reads.length = 0;
  // What the test's own client holds by now.
  const own = held();
  const second = await invoke();
  expect(second).toMatchObject({ status: 'idle', error: null });
  expect(second.epochs).toBeGreaterThan(0);
  expect(built).toBe(1);
  // Only what it publishes is read back, no state.
  expect(reads.filter((name) => !name.includes('out-'))).toEqual([]);
  expect(held()).toEqual(own);
  expect((await readCommitted(bootstrapServers, outputTopic!)).length).toBeGreaterThan(1_000);
});

test('a paced epoch reads all there is of four partitions, and waits for no more', async () => {
  const [inputTopic, outputTopic] = ['orders', 'revenue'].map((of) => `${of}-${randomUUID().slice(0, 8)}`);
  const four = { topic: inputTopic!, partitions: 4, key: 'order_id' };
  const lines = [...orderLines(3 * ORDERS)];
  await loadTopic(kafka, { ...four, lines: lines.slice(0, ORDERS) });
  await kafka.createTopic(outputTopic!, 2, 1, {});
  const [store, blobs] = [new MemoryStateStore(), new MemoryBlobStore()];
  const handler = coordinatorOf(job, {
    clock: new SystemClock(),
    env: { MILLRACE_TABLE: 't', MILLRACE_BUCKET: 'b' },
    log: jsonLog(() => undefined, {}),
    openPorts: () => ({ store, blobs, quiesce: () => undefined }),
  });
  const topics = { bootstrapServers, inputTopic: inputTopic!, outputTopic: outputTopic! };
  const settings = { ...topics, bounded: 'false', epochMs: '10000' };
  const read: number[] = [];
  let carry: unknown = { ...NO_CARRY, dueMs: 1 };
  for (let i = 1; i <= 3; i++) {
    const beganMs = Date.now();
    const context = { awsRequestId: randomUUID(), getRemainingTimeInMillis: () => beganMs + 30_000 - Date.now() };
    const answer = await handler({ execution: 'x', input: { settings }, carry }, context);
    expect(answer).toMatchObject({ status: 'continue', epochs: 1, error: null });
    ({ carry } = answer);
    // Long before its interval is over.
    expect(Date.now() - beganMs).toBeLessThan(8_000);
    read.push((await readJobState(store, blobs, job.name))!.totals['recordsIn']!);
    if (i < 3) await loadTopic(kafka, { ...four, lines: lines.slice(i * ORDERS, (i + 1) * ORDERS) });
  }
  expect(read).toEqual([ORDERS, 2 * ORDERS, 3 * ORDERS]);
});
