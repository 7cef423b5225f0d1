/** One deployment of the paced revenue job, from a topic of orders to a topic of its own: started, commanded, killed, and its results read. */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlAnswer, CoordinatorAnswer } from '../../engine/aws/index.ts';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import type { EntryPoint } from '../../infra/functions.ts';
import { STANDARD_UNITS, type MachineKind } from '../../infra/job-machine.ts';
import { topologyOf, type MachineSpec, type Topology } from '../../infra/topology.ts';
import { readCommitted } from '../kafka/independent-reader.ts';
import { loadTopic, orderLines } from '../kafka/load-topic.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { Deployment, wakeServices } from './deployment.ts';
import { job } from './paced-revenue-job.ts';
import { historyOf, type Execution } from './step-functions.ts';

const ORDERS = 6_000;
/** For a row: so that the job takes seven epochs of half a second for its input. */
export const MICROS = 500;
const TIMEOUT_S = 30;
const PATIENCE_MS = 60_000;

/** Servers, and the results of the embedded run. */
export class TrialGround {
  readonly bootstrapServers: string;
  readonly kafka: KafkaClient;
  readonly aws: ReturnType<typeof awsSettings>;
  readonly lambdaPids: string;
  readonly inputTopic: string;
  expected: readonly string[] = [];
  readonly #deployed: Deployment[] = [];

  private constructor(of: Pick<TrialGround, 'bootstrapServers' | 'kafka' | 'aws' | 'lambdaPids' | 'inputTopic'>) {
    this.bootstrapServers = of.bootstrapServers;
    this.kafka = of.kafka;
    this.aws = of.aws;
    this.lambdaPids = of.lambdaPids;
    this.inputTopic = of.inputTopic;
  }

  static async prepare(): Promise<TrialGround> {
    const [localstack, broker] = await Promise.all([useServer('localstack'), useServer('kafka')]);
    const bootstrapServers = broker.settings['bootstrapServers']!;
    const ground = new TrialGround({
      bootstrapServers,
      kafka: await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection),
      aws: awsSettings(localstack.settings),
      lambdaPids: localstack.settings['lambdaPids']!,
      inputTopic: `orders-${randomUUID().slice(0, 8)}`,
    });
    const awake = wakeServices(ground.aws);
    await ground.load(ORDERS);
    const outputTopic = await ground.newTopic('embedded');
    await job.instantiate({ bootstrapServers, inputTopic: ground.inputTopic, outputTopic }).execute();
    ground.expected = await ground.rowsOf(outputTopic);
    await awake;
    return ground;
  }

  /** Makes the topic with the first. */
  async load(orders: number, topic: string = this.inputTopic): Promise<void> {
    await loadTopic(this.kafka, { topic, lines: orderLines(orders), partitions: 4, key: 'order_id' });
  }

  async newTopic(name: string): Promise<string> {
    const topic = `${name}-${randomUUID().slice(0, 8)}`;
    await this.kafka.createTopic(topic, 2, 1, {});
    return topic;
  }

  async rowsOf(topic: string): Promise<string[]> {
    return (await readCommitted(this.bootstrapServers, topic)).map(({ value }) => value!).toSorted();
  }

  async deploy(topology: Topology): Promise<Deployment> {
    const deployment = await Deployment.create(topology, this.aws);
    this.#deployed.push(deployment);
    return deployment;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#deployed.map(async (deployment) => {
        await deployment.destroy();
        deployment.close();
      }),
    );
    await this.kafka.close();
  }
}

export interface TrialOptions {
  readonly limits?: Readonly<Record<string, number>>;
  /** Of the job, besides its topics. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly machine?: MachineKind;
  /** Of a standard execution, before the next one of its chain begins. */
  readonly units?: number;
}

export class JobTrial {
  readonly ground: TrialGround;
  readonly deployment: Deployment;
  readonly outputTopic: string;
  /** What executions are started with. */
  readonly input: Topology['schedules'][number]['input'];

  private constructor(ground: TrialGround, deployment: Deployment, outputTopic: string, input: JobTrial['input']) {
    this.ground = ground;
    this.deployment = deployment;
    this.outputTopic = outputTopic;
    this.input = input;
  }

  static async begin(ground: TrialGround, options: TrialOptions = {}): Promise<JobTrial> {
    const { limits = {}, settings = {}, machine = 'STANDARD', units = STANDARD_UNITS } = options;
    const outputTopic = await ground.newTopic('revenue');
    const { bootstrapServers, inputTopic } = ground;
    const topics = { bootstrapServers, inputTopic, outputTopic, micros: String(MICROS) };
    const input = { settings: { ...topics, ...settings }, limits };
    const topology = topologyOf({
      job: job.name,
      stack: `s${randomUUID().slice(0, 8)}`,
      machine,
      jobFile: 'test-local/aws/paced-revenue-job.ts',
      coordinatorTimeoutSeconds: TIMEOUT_S,
      input,
    });
    return new JobTrial(ground, await ground.deploy(shortened(topology, units)), outputTopic, input);
  }

  /** By hand, with settings of this one execution. */
  async start(overrides: Readonly<Record<string, string>> = {}, kind?: MachineKind): Promise<string> {
    return await this.deployment.start(this.#with(overrides), kind);
  }

  async coordinator(overrides: Readonly<Record<string, string>> = {}): Promise<CoordinatorAnswer> {
    return await this.deployment.invoke(this.#name('coordinator'), { input: this.#with(overrides) });
  }

  async control(command: string): Promise<ControlAnswer> {
    return await this.deployment.invoke(this.#name('control'), { command });
  }

  async reached(epoch: number): Promise<void> {
    await this.until(async () => ((await this.control('state')).state?.epoch ?? 0) >= epoch, `epoch ${epoch}`);
  }

  async until(holds: () => Promise<boolean>, what: string): Promise<void> {
    const untilMs = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (Date.now() > untilMs) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
      await sleep(50);
    }
  }

  /** SIGKILL to the processes that run the function. */
  kill(entry: EntryPoint = 'coordinator'): number {
    const { lambdaPids } = this.ground;
    const files = readdirSync(lambdaPids).filter((name) => name.startsWith(`${this.#name(entry)}.`));
    for (const file of files) process.kill(Number(file.split('.').at(-1)), 'SIGKILL');
    return files.length;
  }

  async ended(execution: string): Promise<Execution & { readonly answer: CoordinatorAnswer }> {
    const found = await this.deployment.ended(execution);
    if (found.status !== 'SUCCEEDED') throw new Error(`${execution} ${found.status}: ${found.error}: ${found.cause}`);
    return { ...found, answer: JSON.parse(found.output!) as CoordinatorAnswer };
  }

  async eventsOf(execution: string, type: string): Promise<number> {
    return (await historyOf(this.deployment.states, execution)).filter((event) => event.type === type).length;
  }

  async rows(): Promise<string[]> {
    return await this.ground.rowsOf(this.outputTopic);
  }

  #with(overrides: Readonly<Record<string, string>>): unknown {
    return { ...this.input, settings: { ...this.input.settings, ...overrides } };
  }

  #name(entry: EntryPoint): string {
    return this.deployment.nameOf(entry);
  }
}

function shortened(topology: Topology, units: number): Topology {
  const short = (spec: MachineSpec): MachineSpec => {
    const text = JSON.stringify(spec.definition).replaceAll(
      `"$.round.units","NumericGreaterThanEquals":${STANDARD_UNITS}`,
      `"$.round.units","NumericGreaterThanEquals":${units}`,
    );
    return { ...spec, definition: JSON.parse(text) as MachineSpec['definition'] };
  };
  return { ...topology, machines: topology.machines.map(short) };
}
