/** The servers of `npm run local`, and on them everything of one end-to-end run: January's flights, topics and a database for each run of the job. */
import { Kafka, logLevel } from 'kafkajs';
import { Client } from 'pg';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { DELAYS_TABLE } from '../../functions/flight-delays.ts';
import { linesOfFile, loadTopic } from '../kafka/load-topic.ts';
import { runningContainers } from '../servers/containers.ts';
import { startServer } from '../servers/run-server.ts';
import type { RunningServer, ServerName, Settings } from '../servers/server.ts';

export type StartServer = (name: ServerName) => Promise<RunningServer>;

/** Those that run, as processes or containers, or processes that are started. */
export function localServers(root: string, tell: (line: string) => void): StartServer {
  return async (name) => {
    const inDocker = (await runningContainers(root)).find((server) => server.name === name);
    return inDocker ?? (await startServer({ root, name, tell }));
  };
}

/** What a run of the job reads and writes. */
export interface Target {
  readonly inputTopic: string;
  /** Begins the names of its topics. */
  readonly topic: string;
  readonly database: Client;
  /** Of the job. */
  readonly settings: Readonly<Record<string, string>>;
}

export const TOPICS = ['sessions', 'late', 'dead-letters'] as const;
export const TABLE = 'flight_delays';
const FLIGHTS = 'functions/data/jan-departures.jsonl.gz';
const PARTITIONS = 3;

export class Ground {
  readonly localstack: RunningServer;
  readonly bootstrapServers: string;
  readonly word: string;
  /** Lines of the file. */
  readonly flights: readonly string[];
  readonly #kafka: Kafka;
  readonly #postgres: Settings;
  readonly #targets: Target[] = [];

  private constructor(
    [localstack, { settings: kafka }, { settings: postgres }]: readonly [RunningServer, RunningServer, RunningServer],
    flights: readonly string[],
    word: string,
  ) {
    this.localstack = localstack;
    this.flights = flights;
    this.bootstrapServers = kafka['bootstrapServers']!;
    this.word = word;
    this.#postgres = postgres;
    this.#kafka = new Kafka({ brokers: this.bootstrapServers.split(','), logLevel: logLevel.NOTHING });
  }

  /** `word`: in all names of the run. */
  static async prepare(start: StartServer, word: string): Promise<Ground> {
    const servers = await Promise.all([start('localstack'), start('kafka'), start('postgres')]);
    const flights: string[] = [];
    for await (const line of linesOfFile(FLIGHTS)) if (line !== '') flights.push(line);
    return new Ground(servers, flights, word);
  }

  /**
   * A part of the flights, in order, after those before. One partition: which flights are late is then the same, however the input is cut into
   * epochs (E7).
   */
  async feed({ inputTopic }: Target, part: number, parts: number): Promise<void> {
    const [from, to] = [part, part + 1].map((n) => Math.floor((this.flights.length * n) / parts));
    const client = await openKafkaClient(
      connectionOfProperties({ 'bootstrap.servers': this.bootstrapServers }).connection,
    );
    try {
      await loadTopic(client, { topic: inputTopic, lines: this.flights.slice(from, to), partitions: 1, key: null });
    } finally {
      await client.close();
    }
  }

  async target(name: string): Promise<Target> {
    const topic = `flights-${this.word}-${name}`;
    const inputTopic = `${topic}-departures`;
    await this.#asAdmin(async (admin) => {
      const outputs = TOPICS.map((of) => ({
        topic: `${topic}-${of}`,
        numPartitions: PARTITIONS,
        replicationFactor: 1,
      }));
      const topics = [...outputs, { topic: inputTopic, numPartitions: 1, replicationFactor: 1 }];
      await admin.createTopics({ topics, waitForLeaders: true });
    });
    const { host, port, user, password } = this.#postgres;
    const database = databaseOf(topic);
    await this.#asPostgres((client) => client.query(`CREATE DATABASE ${database}`));
    const client = new Client({ host: host!, port: Number(port), user: user!, password: password!, database });
    await client.connect();
    await client.query(`CREATE TABLE ${TABLE} ${DELAYS_TABLE}`);
    const settings = {
      source: 'kafka',
      sink: 'kafka+jdbc',
      bootstrapServers: this.bootstrapServers,
      inputTopic,
      endOffsets: `0:${this.flights.length}`,
      outputTopic: topic,
      transactionalIdPrefix: topic,
      jdbcUrl: `jdbc:postgresql://${host}:${port}/${database}`,
      jdbcUser: user!,
      jdbcPassword: password!,
      delaysTable: TABLE,
    };
    const target = { inputTopic, topic, database: client, settings };
    this.#targets.push(target);
    return target;
  }

  /** Removes topics, groups and databases; answers what is there still. */
  async clear(): Promise<readonly string[]> {
    for (const { database } of this.#targets) await database.end();
    await this.#asPostgres(async (client) => {
      for (const { topic } of this.#targets) await client.query(`DROP DATABASE ${databaseOf(topic)}`);
    });
    const ours = (name: string): boolean => name.includes(this.word);
    return await this.#asAdmin(async (admin) => {
      const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId).filter(ours);
      await admin.deleteGroups(groups);
      await admin.deleteTopics({ topics: (await admin.listTopics()).filter(ours) });
      return (await admin.listTopics()).filter(ours).map((topic) => `topic ${topic}`);
    });
  }

  async #asPostgres(use: (client: Client) => Promise<unknown>): Promise<void> {
    const { host, port, user, password, database } = this.#postgres;
    const client = new Client({
      host: host!,
      port: Number(port),
      user: user!,
      password: password!,
      database: database!,
    });
    await client.connect();
    try {
      await use(client);
    } finally {
      await client.end();
    }
  }

  async #asAdmin<R>(use: (admin: ReturnType<Kafka['admin']>) => Promise<R>): Promise<R> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }
}

const databaseOf = (topic: string): string => topic.replaceAll('-', '_');
