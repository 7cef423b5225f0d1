/** A Kafka sink on trial on real brokers: processes that publish into one topic, and what is to be there in the end. */
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { KafkaSink, type KafkaSinkBuilder } from '../../engine/connectors/kafka/index.ts';
import {
  byId,
  contextOf,
  publicationOf,
  TrialProcess,
  type Row,
} from '../../engine/connectors/kafka/sink/sink-trial-fixture.ts';
import type { OnStep } from '../../engine/connectors/kafka/sink/fake-kafka-fixture.ts';
import type { Publication } from '../../engine/ports/sink.ts';
import { readCommitted } from './independent-reader.ts';
import { steppedClient } from './stepped-client.ts';

const ROWS = 6;
const MAX_TRIES = 4;

/** With the topic's name as transactional id prefix. */
export const sinkBuilderOn = (bootstrapServers: string, topic: string): KafkaSinkBuilder<Row> =>
  KafkaSink.builder()
    .setBootstrapServers(bootstrapServers)
    .setTransactionalIdPrefix(topic)
    .setRecordSerializer<Row>({ ...byId, topic });

export const openClient = (bootstrapServers: string): Promise<KafkaClient> =>
  openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection);

export class SinkTrial {
  readonly expected: string[] = [];
  readonly topic: string;
  run = '';
  private readonly bootstrapServers: string;
  private readonly client: KafkaClient;
  private readonly processes: TrialProcess[] = [];
  private readonly found: string[] = [];
  private epoch = 0;

  constructor(bootstrapServers: string, client: KafkaClient, topic: string) {
    this.bootstrapServers = bootstrapServers;
    this.client = client;
    this.topic = topic;
  }

  /** With a client of its own. */
  process(atStep = 0, disturb?: (process: TrialProcess) => Promise<void>): TrialProcess {
    const made = new TrialProcess((onStep) => this.stepped(onStep).build(), contextOf(), atStep, disturb);
    this.processes.push(made);
    return made;
  }

  stepped(onStep: OnStep): KafkaSinkBuilder<Row> {
    return sinkBuilderOn(this.bootstrapServers, this.topic).withClient(async () =>
      steppedClient(await openClient(this.bootstrapServers), onStep),
    );
  }

  /** Rows of another epoch; they are expected from now on. */
  next(slot = 0): Publication {
    this.epoch += 1;
    const rows = Array.from({ length: ROWS }, (_, i) => ({ id: `${this.run}-${this.epoch}-${slot}-${i}` }));
    this.expected.push(...rows.map(({ id }) => id));
    const sink = sinkBuilderOn(this.bootstrapServers, this.topic).build();
    return publicationOf(sink, rows, { run: this.run, epoch: this.epoch, slot });
  }

  async begin(run: string, by = this.process()): Promise<void> {
    this.run = run;
    if (!(await by.stamp(run, this.epoch))) throw by.failure;
  }

  /** As the job does. */
  async untilDone(process: TrialProcess, publication: Publication): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) if ((await process.publish(publication)) !== null) return;
    throw process.failure;
  }

  /** `scenario` disturbs at each step in turn; answers how many there were. */
  async atEveryStep(scenario: (at: number) => Promise<TrialProcess>): Promise<number> {
    for (let at = 1; ; at++) {
      const { disturbedAt } = await scenario(at);
      for (const id of await this.openTransactions()) this.found.push(`step ${at}, ${disturbedAt}: ${id} is open`);
      if (disturbedAt === null) return at - 1;
    }
  }

  async openTransactions(): Promise<readonly string[]> {
    const listed = await this.client.listTransactions();
    return listed
      .filter(({ transactionalId, state }) => transactionalId.startsWith(this.topic) && state === 'Ongoing')
      .map(({ transactionalId }) => transactionalId);
  }

  /** What is wrong at the end, as an independent client sees the topic; closes the processes. */
  async wrong(): Promise<readonly string[]> {
    const read = (await readCommitted(this.bootstrapServers, this.topic)).map(({ value }) => value!);
    for (const process of this.processes) await process.close();
    const lost = this.expected.filter((id) => !read.includes(id)).map((id) => `lost: ${id}`);
    const left = [...this.expected];
    const tooMany = read.filter((id) => {
      const at = left.indexOf(id);
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
    const open = (await this.openTransactions()).map((id) => `open: ${id}`);
    return [...this.found, ...lost, ...tooMany.map((id) => `twice, or not to be there: ${id}`), ...open];
  }
}
