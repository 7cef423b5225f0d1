/** One run of the job on LocalStack through one fault: its stack, topics and table, and what an independent client sees in the end. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoordinatorAnswer } from '../../../engine/aws/index.ts';
import { DynamoDbStateStore } from '../../../engine/aws/dynamodb-state-store.ts';
import type { Head } from '../../../engine/checkpoint/records.ts';
import { readHead } from '../../../engine/runtime/job-records.ts';
import type { FaultServers } from '../fault-servers.ts';
import { CHUNKS, ROWS_PER_PARTITION } from '../job-input.ts';
import { kafkaWire } from '../kafka-wire.ts';
import { TargetDatabase, type DatabaseName } from '../target-database.ts';
import { targetProblems, type Standpoint } from '../target-problems.ts';
import { TargetTopics } from '../target-topics.ts';
import { awsSettings } from '../../aws/aws-settings.ts';
import type { OwnServer, RunningServer } from '../../servers/index.ts';
import { TcpProxy, type Stop } from '../tcp-proxy.ts';
import { ExpressRun, StandardRun, type JobRun } from './job-runs.ts';
import { AwsStack, type Proxies, type StackNeeds } from './aws-stack.ts';
import { leftBehind } from './left-behind.ts';

export interface AwsVariant {
  readonly mode: 'fused' | 'fanned-out';
  readonly database: DatabaseName;
  /** 'table' when left out. */
  readonly backend?: 'hashmap';
}

export interface AwsNeeds extends StackNeeds {
  /** Of the job. */
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly killsLocalStack?: boolean;
}

/** An epoch that is fanned out takes longer than that whatever it reads, and is to read all that there is. */
const EPOCH_MS = { fused: 100, 'fanned-out': 2_500 } as const;
/** Of a fanned-out epoch, for each stage. */
const SUBTASKS = 2;
/** A killed invocation keeps the job so long. */
const LEASE_MS = 1_500;
/** Longer than a case: an invocation waits for input instead of the state machine. */
const LINGER_MS = 20_000;
const TICK_MS = 1_000;
const POLL_MS = 50;
/** For a request that has to come. */
const PATIENCE_MS = 45_000;

export class AwsTrial {
  readonly variant: AwsVariant;
  readonly localstack: RunningServer;
  readonly stack: AwsStack;
  readonly kafka: TcpProxy;
  readonly database: TcpProxy;
  readonly topics: TargetTopics;
  readonly tables: TargetDatabase;
  readonly #needs: AwsNeeds;
  readonly #runs: JobRun[] = [];
  #fed = 0;

  private constructor(
    parts: Pick<AwsTrial, 'variant' | 'localstack' | 'stack' | 'kafka' | 'database' | 'topics' | 'tables'>,
    needs: AwsNeeds,
  ) {
    this.variant = parts.variant;
    this.localstack = parts.localstack;
    this.stack = parts.stack;
    this.kafka = parts.kafka;
    this.database = parts.database;
    this.topics = parts.topics;
    this.tables = parts.tables;
    this.#needs = needs;
  }

  static async begin(servers: FaultServers, variant: AwsVariant, needs: AwsNeeds): Promise<AwsTrial> {
    const word = randomBytes(4).toString('hex');
    const [localstack, broker, server] = await Promise.all([
      needs.killsLocalStack === true ? servers.mortal('localstack') : servers.shared('localstack'),
      servers.shared('kafka'),
      servers.shared(variant.database),
    ]);
    const topics = new TargetTopics(broker.settings['bootstrapServers']!, word);
    const tables = new TargetDatabase(server, word);
    const [stack] = await Promise.all([AwsStack.create(localstack, word, needs), topics.create(), tables.create()]);
    const [host, port] = topics.bootstrapServers.split(':');
    const parts = {
      variant,
      stack,
      localstack,
      kafka: await TcpProxy.before({ host: host!, port: Number(port) }, kafkaWire),
      database: await TcpProxy.before(tables.address, tables.wire),
      topics,
      tables,
    };
    return new AwsTrial(parts, needs);
  }

  /** By function. */
  get aws(): Proxies {
    return this.stack.proxies;
  }

  /** What an execution is started with. */
  get input(): unknown {
    const { user, password } = this.tables.server.settings;
    const kafka = this.kafka.address;
    const settings = {
      bootstrapServers: `${kafka.host}:${kafka.port}`,
      inputTopic: this.topics.input,
      outputTopic: this.topics.output,
      transactionalIdPrefix: this.topics.prefix,
      rows: ROWS_PER_PARTITION,
      url: this.tables.urlAt(this.database.address),
      user: user!,
      password: password!,
      table: this.tables.table,
      ledger: this.tables.ledger,
      client: 'kafkajs',
      epochMs: EPOCH_MS[this.variant.mode],
      epochMode: this.variant.mode,
      parallelism: this.variant.mode === 'fused' ? 1 : SUBTASKS,
      backend: this.variant.backend ?? 'table',
      ...this.#needs.settings,
    };
    return {
      settings: Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)])),
      limits: { leaseTtlMs: LEASE_MS, lingerMs: LINGER_MS, tickMs: TICK_MS, ...this.#needs.limits },
    };
  }

  async start(): Promise<StandardRun> {
    const run = await StandardRun.start(this.stack.deployment, this.input);
    this.#runs.push(run);
    return run;
  }

  /** Of an express machine: an execution after the other. */
  ticking(): ExpressRun {
    const run = new ExpressRun(this.stack.deployment, this.input);
    this.#runs.push(run);
    return run;
  }

  /** By hand, the task of an execution that was delivered before. */
  async invoke({ execution }: StandardRun): Promise<CoordinatorAnswer> {
    return await this.stack.deployment.invoke(this.stack.deployment.nameOf('coordinator'), {
      execution,
      input: this.input,
    });
  }

  async head(): Promise<Head | null> {
    return (await readHead(this.#store(), this.stack.job))?.head ?? null;
  }

  /** SIGKILL to all of it; then the same stack in a new one. */
  async restartLocalStack(): Promise<void> {
    const server = this.localstack as OwnServer;
    this.#runs.length = 0;
    await this.stack.moved(awsSettings(server.settings), async () => {
      await server.kill();
      await server.restart();
    });
  }

  /** A second more of the input. */
  async feed(): Promise<void> {
    if (this.#fed === CHUNKS) throw new Error('The input is used up: the case takes more epochs than it should.');
    await this.topics.append(this.#fed++);
  }

  async feedRest(): Promise<void> {
    while (this.#fed < CHUNKS) await this.feed();
  }

  /** More input and more of it, until so many epochs more are committed. */
  async afterEpochs(run: JobRun, epochs: number): Promise<void> {
    for (let i = 0; i < epochs; i++) {
      const before = (await this.head())?.epoch ?? 0;
      await this.feed();
      while (((await this.head())?.epoch ?? 0) <= before) {
        await run.check();
        await sleep(POLL_MS);
      }
    }
  }

  /** More input, until a request stands at `stop`. */
  async feedUntil(stop: Stop, run: JobRun): Promise<void> {
    await this.feed();
    await this.reached(stop, run);
  }

  async reached(stop: Stop, run: JobRun): Promise<void> {
    for (const endMs = performance.now() + PATIENCE_MS; !stop.isReached;) {
      if (performance.now() > endMs) throw new Error(`Nobody sent the request that was to be stopped.`);
      await run.check();
      await Promise.race([stop.reached, sleep(10 * POLL_MS)]);
    }
  }

  /** Two epochs, then the rest of the input, to the end of the job. */
  async toTheEnd(run: JobRun): Promise<void> {
    await this.afterEpochs(run, 2);
    await this.feedRest();
    await run.finished();
  }

  /** What is wrong at the end of the job; the same for every case. */
  async wrong(): Promise<readonly string[]> {
    await this.stack.quiet();
    const head = await this.head();
    const standing: Standpoint = {
      run: head?.run ?? '',
      epoch: head?.epoch ?? 0,
      phase: head?.phase.kind ?? 'absent',
      left: head === null ? [] : await leftBehind(this.stack.deployment, this.#store(), head),
    };
    return await targetProblems(this.topics, this.tables, standing);
  }

  /** A stack that is wrong is destroyed as well: what it left is in the problems. */
  async close(): Promise<null> {
    for (const run of this.#runs) await run.stop();
    await Promise.all([this.kafka.close(), this.database.close()]);
    await this.stack.destroy();
    return null;
  }

  #store(): DynamoDbStateStore {
    const { dynamo, topology } = this.stack.deployment;
    return new DynamoDbStateStore(dynamo, topology.table.name, { sleep: async (ms) => await sleep(ms) });
  }
}
