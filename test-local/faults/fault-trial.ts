/** One run of the job through one fault: its topics, tables and processes, and what an independent client sees in the end. */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaClientLibrary } from '../../engine/connectors/kafka/client/kafka-connection.ts';
import { startJob, stateFolder, type JobExit, type JobProcess } from '../job-process.ts';
import type { OwnServer, RunningServer } from '../servers/index.ts';
import { standingOf, temporaryFiles, unreachable } from '../state-inspection.ts';
import type { FaultServers } from './fault-servers.ts';
import { CHUNKS, expectedTotals, ROWS_PER_PARTITION, WINDOW_MS } from './job-input.ts';
import { kafkaWire } from './kafka-wire.ts';
import { otherMachine } from './other-machine.ts';
import { TargetDatabase, type DatabaseName } from './target-database.ts';
import { targetProblems } from './target-problems.ts';
import { TargetTopics } from './target-topics.ts';
import { TcpProxy, type Stop } from './tcp-proxy.ts';

export interface Variant {
  /** Its parallelism; more than one: epochs are fanned out to threads, and there are as many sink slots. */
  readonly workers: number;
  readonly database: DatabaseName;
  readonly kafka?: 'kafka' | 'kafka-3.9';
  /** The library that the job uses. */
  readonly client?: KafkaClientLibrary;
}

export interface TrialNeeds {
  /** Servers that the case kills. */
  readonly kills?: readonly ('kafka' | 'database')[];
  /** Of a broker of its own. */
  readonly brokerProperties?: Readonly<Record<string, string>>;
  /** Of the job. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface RunOptions {
  readonly crashAt?: string;
  readonly workers?: number;
  readonly args?: readonly string[];
  readonly settings?: Readonly<Record<string, string | number>>;
  readonly job?: string;
  /** Where its state is; the trial's when left out. */
  readonly folder?: string;
  readonly onOtherMachine?: boolean;
}

const JOB = 'test-local/faults/fault-job.ts';
const EPOCH_MS = 20;
const POLL_MS = 25;

/** They would go on for ever behind a proxy that is gone. */
const LIVING = new Set<JobProcess>();
process.once('exit', () => {
  for (const job of LIVING) job.kill('SIGKILL');
});

export class FaultTrial {
  readonly variant: Variant;
  readonly folder: string;
  readonly broker: RunningServer;
  readonly kafka: TcpProxy;
  readonly database: TcpProxy;
  readonly topics: TargetTopics;
  readonly tables: TargetDatabase;
  readonly #needs: TrialNeeds;
  readonly #processes: JobProcess[] = [];
  #fed = 0;

  private constructor(
    parts: Pick<FaultTrial, 'variant' | 'folder' | 'broker' | 'kafka' | 'database' | 'topics' | 'tables'>,
    needs: TrialNeeds,
  ) {
    this.variant = parts.variant;
    this.folder = parts.folder;
    this.broker = parts.broker;
    this.kafka = parts.kafka;
    this.database = parts.database;
    this.topics = parts.topics;
    this.tables = parts.tables;
    this.#needs = needs;
  }

  static async begin(servers: FaultServers, variant: Variant, needs: TrialNeeds): Promise<FaultTrial> {
    const { kills = [], brokerProperties } = needs;
    const word = randomBytes(4).toString('hex');
    const kafka = variant.kafka ?? 'kafka';
    const broker =
      kills.includes('kafka') || brokerProperties !== undefined
        ? await servers.mortal(kafka, brokerProperties)
        : await servers.shared(kafka);
    const server = await (kills.includes('database')
      ? servers.mortal(variant.database)
      : servers.shared(variant.database));
    const topics = new TargetTopics(broker.settings['bootstrapServers']!, word);
    const tables = new TargetDatabase(server, word);
    await Promise.all([topics.create(), tables.create()]);
    const [host, port] = topics.bootstrapServers.split(':');
    const parts = {
      variant,
      folder: mkdtempSync(join(tmpdir(), 'millrace-faults-')),
      broker,
      kafka: await TcpProxy.before({ host: host!, port: Number(port) }, kafkaWire),
      database: await TcpProxy.before(tables.address, tables.wire),
      topics,
      tables,
    };
    return new FaultTrial(parts, needs);
  }

  /** Those that the case may kill. */
  get mortalBroker(): OwnServer {
    return this.broker as OwnServer;
  }
  get mortalDatabase(): OwnServer {
    return this.tables.server as OwnServer;
  }

  start(options: RunOptions = {}): JobProcess {
    const { workers = this.variant.workers, args = [], settings = {}, job = JOB, folder = this.folder } = options;
    const { user, password } = this.tables.server.settings;
    const kafka = this.kafka.address;
    mkdirSync(folder, { recursive: true });
    const process = startJob({
      job,
      folder,
      hasOutput: false,
      settings: {
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
        ...(this.variant.client === undefined ? {} : { client: this.variant.client }),
        ...this.#needs.settings,
        ...settings,
      },
      args: [
        ...['--epochs-ms', String(EPOCH_MS), '--parallelism', String(workers)],
        ...(workers > 1 ? ['--epoch-mode', 'fanned-out'] : []),
        ...args,
      ],
      ...(options.crashAt === undefined ? {} : { crashAt: options.crashAt }),
      ...(options.onOtherMachine === true ? { within: otherMachine() } : {}),
    });
    this.#processes.push(process);
    LIVING.add(process);
    void process.exited.then(() => LIVING.delete(process));
    return process;
  }

  /** A second more of the input. */
  async feed(): Promise<void> {
    if (this.#fed === CHUNKS) throw new Error('The input is used up: the case takes more epochs than it should.');
    await this.topics.append(this.#fed++);
  }

  /** Which second comes next. */
  get nextSecond(): number {
    return this.#fed;
  }

  async feedRest(): Promise<void> {
    while (this.#fed < CHUNKS) await this.feed();
  }

  /** All that the input of now can give is there: the table is the last of the two. */
  async untilPublished(): Promise<void> {
    const complete = expectedTotals((this.#fed - 1) * WINDOW_MS).length;
    while ((await this.tables.totals()).length < complete) await sleep(POLL_MS);
  }

  /** A process that has committed so many epochs more. */
  async afterEpochs(process: JobProcess, epochs: number): Promise<JobProcess> {
    for (let i = 0; i < epochs; i++) {
      const done = process.trace().filter((point) => point === 'commit-cas').length;
      await this.feed();
      await process.passed('commit-cas', done + 1);
    }
    return process;
  }

  /** More input until the process dies at its crash point. */
  async untilDead(process: JobProcess): Promise<void> {
    for (let isDead = false; !isDead;) {
      const done = process.trace().filter((point) => point === 'commit-cas').length;
      await this.feed();
      isDead = await process.passed('commit-cas', done + 1).then(
        () => false,
        () => true,
      );
    }
    const { signal, code, stderr } = await process.exited;
    if (signal !== 'SIGKILL') throw new Error(`It was to be killed, and ended with ${signal ?? code}:\n${stderr}`);
  }

  /** More input, until the process stands at `stop`. */
  async feedUntil(stop: Stop, process: JobProcess): Promise<void> {
    await this.feed();
    await reached(stop, process);
  }

  /** Two epochs, then the rest of the input, to the end of the job. */
  async toTheEnd(process: JobProcess = this.start()): Promise<JobExit> {
    await this.afterEpochs(process, 2);
    await this.feedRest();
    return await this.ended(process, 0);
  }

  async ended(process: JobProcess, code: number): Promise<JobExit> {
    const exit = await process.exited;
    if (exit.code !== code)
      throw new Error(
        `Expected the job to exit with ${code}; it ended with ${exit.signal ?? exit.code}:\n${exit.stderr.slice(-3000)}`,
      );
    return exit;
  }

  /** SIGKILL, from outside. */
  async kill(process: JobProcess): Promise<void> {
    process.kill('SIGKILL');
    await process.exited;
  }

  /** Its state as another machine finds it that has a copy. */
  copyState(): string {
    const copy = join(this.folder, 'copy');
    cpSync(stateFolder(this.folder), stateFolder(copy), { recursive: true });
    return copy;
  }

  /** What is wrong at the end of the job; the same for every case. */
  async wrong(folder = this.folder): Promise<readonly string[]> {
    const standing = await standingOf(stateFolder(folder));
    return await targetProblems(this.topics, this.tables, {
      run: standing?.head.run ?? '',
      epoch: standing?.head.epoch ?? 0,
      phase: standing?.head.phase.kind ?? 'absent',
      left: [...temporaryFiles(folder), ...(await unreachable(stateFolder(folder)))],
    });
  }

  /** `keep`: its folder, to look into. */
  async close(keep: boolean): Promise<string | null> {
    await Promise.all([this.kafka.close(), this.database.close()]);
    for (const process of this.#processes) process.kill('SIGKILL');
    await Promise.all(this.#processes.map(({ exited }) => exited));
    if (keep) return this.folder;
    rmSync(this.folder, { recursive: true, force: true });
    return null;
  }
}

/** Throws where the process ends before. */
export async function reached(stop: Stop, process: JobProcess): Promise<void> {
  const gone = process.exited.then(({ code, signal, stderr }) => {
    if (!stop.isReached)
      throw new Error(`It ended with ${signal ?? code} before it was stopped:\n${stderr.slice(-3000)}`);
  });
  await Promise.race([stop.reached, gone]);
}
