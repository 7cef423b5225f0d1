/**
 * What a month costs, by what the epochs of a job measured of themselves: 100 records a second in 4 partitions of Kafka, epochs of 10 seconds, a
 * window, a transactional Kafka sink, over the table and bucket of LocalStack. The clock jumps over the waits. Requests and units are as counted;
 * the coordinator folds, so that folding is counted, too.
 * Of the time of Lambda, what was spent waiting for LocalStack is taken out, and `AWS_CALL_MS` a request put in its place: an assumption; the
 * sum as measured is printed, too.
 */
import { randomUUID } from 'node:crypto';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openAwsPorts, type AwsPorts } from '../../engine/aws/host/aws-ports.ts';
import type { CoordinatorAnswer } from '../../engine/aws/host/coordinator-answer.ts';
import { coordinatorOf } from '../../engine/aws/host/coordinator-host.ts';
import { metricsBilled } from '../../engine/aws/host/epoch-metrics.ts';
import { IDLE_TICK, LOG_BYTES_PER_INVOCATION, TICKS_PER_HOUR } from '../../engine/aws/host/fixed-use.ts';
import { jsonLog } from '../../engine/aws/host/lambda.ts';
import type { Manifest } from '../../engine/checkpoint/records.ts';
import { millrace } from '../../engine/cli/cli-fixture.ts';
import { costText } from '../../engine/cli/cost-command.ts';
import { LIST_PRICES } from '../../engine/cli/price-list.ts';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { ConsumptionMeter, type Consumption } from '../../engine/model/consumption.ts';
import { wallTimeMs, type WallTimeMs } from '../../engine/model/ids.ts';
import { jobCosts, type Around, type EpochUse } from '../../engine/runtime/cost-model.ts';
import { readHead, readReachable } from '../../engine/runtime/job-records.ts';
import { stackNames } from '../../infra/stack-names.ts';
import { loadTopic } from '../kafka/load-topic.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { job } from './paced-revenue-job.ts';

/** The last of them are measured, as many as are between two sweeps and two folds of a job that has run for a while. */
const EPOCHS = 33;
const MEASURED = 16;
const TICKS = 3;
const RECORDS = 1_000;
const EPOCH_MS = 10_000;
const MEMORY_MB = 1024;
const REMAINING_MS = 60_000;
/** Of a request to DynamoDB in the same region. */
const AWS_CALL_MS = 6;
/** From an invocation to the next, beyond the wait. */
const MACHINE_MS = 100;
const FIRST_EVENT_MS = 1_800_000_000_000;
vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 });

let bootstrapServers = '';
let kafka: KafkaClient;
let settings: ReturnType<typeof awsSettings>;

beforeAll(async () => {
  const [localstack, broker] = await Promise.all([useServer('localstack'), useServer('kafka')]);
  settings = awsSettings(localstack.settings);
  const { endpoint, region, credentials } = settings;
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint);
  vi.stubEnv('AWS_REGION', region);
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
  bootstrapServers = broker.settings['bootstrapServers']!;
  kafka = await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await kafka.close();
});

/** Real while something runs. */
class JumpingClock extends SystemClock {
  #aheadMs = 0;

  override nowMs(): WallTimeMs {
    return wallTimeMs(super.nowMs() + Math.round(this.#aheadMs));
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#aheadMs;
  }

  jump(ms: number): void {
    this.#aheadMs += Math.max(0, ms);
  }
}

async function newStack(): Promise<string> {
  const stack = `cost-${randomUUID().slice(0, 8)}`;
  const { table, bucket } = stackNames(stack);
  await new DynamoDBClient(settings).send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'p', KeyType: 'HASH' },
        { AttributeName: 's', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'p', AttributeType: 'S' },
        { AttributeName: 's', AttributeType: 'S' },
      ],
    }),
  );
  await new S3Client({ ...settings, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: bucket }));
  return stack;
}

/** How long nothing went on but waiting for the table and the bucket, and how often. */
class Waits {
  #calls = 0;
  #ms = 0;
  #under = 0;
  #sinceMs = 0;
  readonly #writes = new Map<string, { readonly n: number; readonly bytes: number }>();

  reset(): void {
    this.#calls = this.#ms = 0;
    this.#writes.clear();
  }

  /** If each took `ms`. */
  lessSeconds(ms: number): number {
    return (this.#ms - this.#calls * ms) / 1000;
  }

  /** Writes of the table and the bucket by what they are, an epoch. */
  writes(epochs: number): string {
    const lines = [...this.#writes].sort(([a], [b]) => (a < b ? -1 : 1));
    return lines
      .map(
        ([what, { n, bytes }]) => `  ${what.padEnd(28)} ${(n / epochs).toFixed(2)}, of ${Math.round(bytes / n)} bytes`,
      )
      .join('\n');
  }

  #note(name: string, of: readonly unknown[]): void {
    if (!/^(cas|create|delete|write|put)/.test(name)) return;
    const key = of.find((arg, i) => typeof arg === 'string' && arg.includes('/') && i < 2) as string | undefined;
    const what = `${name} ${key === undefined ? '' : key.replace(/^jobs\/[^/]+\//, '').replaceAll(/[0-9a-f]*\d[0-9a-z.-]*/g, '#')}`;
    const bytes = of.flat().reduce<number>((sum, arg) => sum + (arg instanceof Uint8Array ? arg.length : 0), 0);
    const { n, bytes: before } = this.#writes.get(what) ?? { n: 0, bytes: 0 };
    this.#writes.set(what, { n: n + 1, bytes: before + bytes });
  }

  timed<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return async (...of: unknown[]): Promise<unknown> => {
          this.#note(String(name), of);
          if (this.#under++ === 0) {
            this.#sinceMs = performance.now();
            this.#calls += 1;
          }
          try {
            return await (Reflect.apply(member, target, of) as Promise<unknown>);
          } finally {
            if (--this.#under === 0) this.#ms += performance.now() - this.#sinceMs;
          }
        };
      },
    });
  }
}

class Deployed {
  readonly waits = new Waits();
  readonly clock = new JumpingClock();
  readonly stack: string;
  readonly #topics = { inputTopic: `in-${randomUUID().slice(0, 8)}`, outputTopic: `out-${randomUUID().slice(0, 8)}` };
  readonly #invoke: ReturnType<typeof coordinatorOf>;
  readonly #stateBackend: string;
  readonly #began: number;
  #ports: AwsPorts | null = null;
  #carry: unknown = null;
  #records = 0;

  private constructor(stack: string, stateBackend: string) {
    this.stack = stack;
    this.#stateBackend = stateBackend;
    this.#began = this.clock.nowMs();
    const env = {
      MILLRACE_TABLE: stackNames(stack).table,
      MILLRACE_BUCKET: stackNames(stack).bucket,
      MILLRACE_PREFIX: stackNames(stack).prefix,
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${MEMORY_MB}`,
    };
    this.#invoke = coordinatorOf(job, {
      clock: this.clock,
      env,
      log: jsonLog(() => undefined, { function: 'coordinator', job: job.name }),
      openPorts: (...of) => {
        const ports = (this.#ports = openAwsPorts(...of));
        const { store, blobs, table } = ports;
        const timed = table === undefined ? {} : { table: this.waits.timed(table) };
        return { ...ports, ...timed, store: this.waits.timed(store), blobs: this.waits.timed(blobs) };
      },
    });
  }

  static async create(stateBackend: string): Promise<Deployed> {
    const deployed = new Deployed(await newStack(), stateBackend);
    await loadTopic(kafka, { topic: deployed.#topics.inputTopic, lines: [], partitions: 4, key: null });
    await kafka.createTopic(deployed.#topics.outputTopic, 4, 1, {});
    return deployed;
  }

  /** In the order of their times, each customer in turn. */
  async load(records: number, customers: number, everyMs = 10): Promise<void> {
    const lines = Array.from({ length: records }, () => {
      const i = this.#records++;
      const customer_id = `customer-${(i * 7919) % customers}`;
      return JSON.stringify({
        order_id: `o${i}`,
        customer_id,
        amount_cents: (i * 37) % 9000,
        event_ts: FIRST_EVENT_MS + i * everyMs,
      });
    });
    await loadTopic(kafka, { topic: this.#topics.inputTopic, lines, partitions: 4, key: 'order_id' });
  }

  /** An invocation, and the wait after it. */
  async invoke(execution = 1, epochMs = EPOCH_MS): Promise<CoordinatorAnswer> {
    const beganMs = this.clock.monotonicMs();
    const endsMs = beganMs + REMAINING_MS;
    const answer = await this.#invoke(
      {
        execution: `arn:aws:states:us-east-1:000000000000:express:cost:e${execution}:x`,
        startedAt: new Date(execution === 1 ? this.#began : this.clock.nowMs() - 50).toISOString(),
        carry: this.#carry,
        input: {
          settings: {
            ...this.#topics,
            bootstrapServers,
            bounded: 'false',
            epochMs: `${epochMs}`,
            stateBackend: this.#stateBackend,
          },
        },
      },
      { awsRequestId: randomUUID(), getRemainingTimeInMillis: () => endsMs - this.clock.monotonicMs() },
    );
    if (answer.error !== null) throw new Error(answer.error.message);
    this.#carry = answer.carry;
    this.clock.jump(answer.waitSeconds * 1000 + MACHINE_MS);
    return answer;
  }

  /** What was used and is in no manifest yet. */
  used(): Consumption {
    return this.#ports!.meter!.take();
  }

  async lastManifest(): Promise<Manifest> {
    const { store, quiesce } = openAwsPorts(stackNames(this.stack), this.clock);
    const found = (await readHead(store, job.name))!;
    const { manifest } = (await readReachable(store, found.head)).base;
    quiesce();
    return manifest!;
  }
}

test.each([
  { backend: 'hashmap', usdPerMonth: 8, alone: 5.7 },
  // A hundred keys that change between two folds are a hundred records to write.
  { backend: 'table', usdPerMonth: 11, alone: 8 },
])('100 records a second with state in a $backend, and an idle job', async ({ backend, usdPerMonth, alone }) => {
  const deployed = await Deployed.create(backend);
  const uses: EpochUse[] = [];
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    if (epoch === EPOCHS - MEASURED + 1) deployed.waits.reset();
    await deployed.load(RECORDS, 100);
    await deployed.invoke();
    const { consumed, committedAt, counts, ...manifest } = await deployed.lastManifest();
    expect([manifest.epoch, counts['recordsIn']]).toEqual([epoch, RECORDS]);
    uses.push({ epoch, committedAt, records: RECORDS, consumed: consumed! });
  }
  const told = await millrace(['cost', job.name, '--aws', deployed.stack, '--json']);
  const writes = deployed.waits.writes(MEASURED);
  // AWS's latencies in the place of LocalStack's.
  const lessGbSeconds = deployed.waits.lessSeconds(AWS_CALL_MS) / MEASURED;
  const onAws = uses.slice(-MEASURED - 1).map((use) => ({
    ...use,
    consumed: { ...use.consumed, lambdaGbSeconds: use.consumed!.lambdaGbSeconds! - lessGbSeconds },
  }));
  // Ends the session that the epochs had.
  expect((await deployed.invoke(2)).status).toBe('idle');
  deployed.used();
  deployed.waits.reset();
  const ticks = new ConsumptionMeter();
  for (let tick = 3; tick < 3 + TICKS; tick++) {
    expect((await deployed.invoke(tick)).status).toBe('idle');
    ticks.add(deployed.used());
  }
  ticks.add({ lambdaGbSeconds: -deployed.waits.lessSeconds(AWS_CALL_MS) });
  const perTick = Object.entries(ticks.take()).map(([unit, n]) => [unit, n / TICKS]);
  const around: Around = {
    ticksPerHour: TICKS_PER_HOUR,
    metrics: metricsBilled({}),
    tableBytes: 0,
    bucketBytes: 0,
    idleTick: Object.fromEntries(perTick) as Consumption,
    logBytesPerInvocation: LOG_BYTES_PER_INVOCATION,
  };
  const costs = jobCosts(onAws, around, LIST_PRICES)!;
  const measured = jobCosts(uses.slice(-MEASURED - 1), around, LIST_PRICES)!;
  console.log(costText(job.name, costs, LIST_PRICES, null));
  console.log(`Writes an epoch:\n${writes}`);
  console.log(`With the time that LocalStack takes: $${measured.usdPerMonth.toFixed(2)}/month`);
  expect(costs.measured.recordsPerSecond).toBeGreaterThan(95);
  // The command sees what is kept: an epoch less. It may be the one with the fold.
  const byCommand = JSON.parse(told.out) as typeof measured;
  expect(byCommand.measured.epochs).toBe(MEASURED - 1);
  expect(byCommand.usdPerMonth / measured.usdPerMonth).toBeCloseTo(1, 0);
  expect(costs.usdPerMonth).toBeLessThan(usdPerMonth);
  expect(costs.usdPerMonthAlone).toBeLessThan(alone);
  expect(costs.idle.usdPerMonth).toBeLessThan(0.5);
  // What `millrace cost` says of idle jobs is not less than this.
  expect(jobCosts(onAws, { ...around, idleTick: IDLE_TICK }, LIST_PRICES)!.idle.usdPerMonth).toBeLessThan(0.5);
  for (const unit of ['writeUnits', 'readUnits', 'lambdaRequests', 'expressRequests'] as const)
    expect(IDLE_TICK[unit], unit).toBeGreaterThanOrEqual(around.idleTick[unit]!);
});

test('10,000 keys that change in an epoch cost a handful of writes', async () => {
  const deployed = await Deployed.create('table');
  await deployed.load(10_000, 10_000, 1);
  // Not paced: it reads as long as that takes.
  await deployed.invoke(1, 2_900);
  const manifest = await deployed.lastManifest();
  expect(manifest.keys['revenue']).toBe(10_000);
  expect(manifest.consumed!.writeUnits).toBeLessThan(20);
});
