/**
 * A job on Lambda, from Kafka to Kafka exactly once: the state machine invokes the coordinator until the input has ended. Whatever is killed,
 * doubled or stopped on the way, the results are those of the embedded run.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ControlAnswer, CoordinatorAnswer } from '../../engine/aws/index.ts';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { coordinatorMachine, type MachineKind } from '../../infra/coordinator-machine.ts';
import { topologyOf, type Topology } from '../../infra/topology.ts';
import { readCommitted } from '../kafka/independent-reader.ts';
import { loadTopic, orderLines } from '../kafka/load-topic.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { Deployment, wakeServices } from './deployment.ts';
import { job } from './paced-revenue-job.ts';
import { historyOf, type Execution } from './step-functions.ts';

const ORDERS = 6_000;
/** So that the job takes seven epochs of half a second for its input. */
const MICROS = 500;
const TIMEOUT_S = 30;
vi.setConfig({ testTimeout: 120_000 });
const inputTopic = `orders-${randomUUID().slice(0, 8)}`;

let bootstrapServers = '';
let lambdaPids = '';
let kafka: KafkaClient;
let settings: ReturnType<typeof awsSettings>;
let expected: readonly string[] = [];
const deployed: Deployment[] = [];

beforeAll(async () => {
  const [localstack, broker] = await Promise.all([useServer('localstack'), useServer('kafka')]);
  settings = awsSettings(localstack.settings);
  lambdaPids = localstack.settings['lambdaPids']!;
  bootstrapServers = broker.settings['bootstrapServers']!;
  kafka = await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection);
  const awake = wakeServices(settings);
  await loadTopic(kafka, { topic: inputTopic, lines: orderLines(ORDERS), partitions: 4, key: 'order_id' });
  const outputTopic = await newTopic('embedded');
  await job.instantiate({ bootstrapServers, inputTopic, outputTopic }).execute();
  expected = await rowsOf(outputTopic);
  await awake;
});
afterAll(async () => {
  for (const deployment of deployed) await deployment.destroy();
  await kafka.close();
});

async function newTopic(name: string): Promise<string> {
  const topic = `${name}-${randomUUID().slice(0, 8)}`;
  await kafka.createTopic(topic, 2, 1, {});
  return topic;
}

const rowsOf = async (topic: string): Promise<string[]> =>
  (await readCommitted(bootstrapServers, topic)).map(({ value }) => value!).toSorted();

function renewedAfter(rounds: number, topology: Topology): Topology {
  const [spec] = topology.machines;
  const coordinator = `\${${topology.functions.find(({ entry }) => entry === 'coordinator')!.name}}`;
  const definition = coordinatorMachine({ kind: 'STANDARD', coordinator, timeoutSeconds: TIMEOUT_S, rounds });
  return { ...topology, machines: [{ ...spec!, definition }] };
}

class Trial {
  readonly deployment: Deployment;
  readonly outputTopic: string;
  readonly #limits: Readonly<Record<string, number>>;

  private constructor(deployment: Deployment, outputTopic: string, limits: Readonly<Record<string, number>>) {
    this.deployment = deployment;
    this.outputTopic = outputTopic;
    this.#limits = limits;
  }

  /** `rounds`: of an execution, before the next one of its chain begins. */
  static async begin(
    limits: Readonly<Record<string, number>> = {},
    { machine = 'STANDARD', rounds }: { readonly machine?: MachineKind; readonly rounds?: number } = {},
  ): Promise<Trial> {
    const topology = topologyOf({
      job: job.name,
      stack: `s${randomUUID().slice(0, 8)}`,
      machine,
      jobFile: 'test-local/aws/paced-revenue-job.ts',
      coordinatorTimeoutSeconds: TIMEOUT_S,
    });
    const deployment = await Deployment.create(
      rounds === undefined ? topology : renewedAfter(rounds, topology),
      settings,
    );
    deployed.push(deployment);
    return new Trial(deployment, await newTopic('revenue'), limits);
  }

  input(overrides: Readonly<Record<string, string>> = {}): unknown {
    const { outputTopic } = this;
    const topics = { bootstrapServers, inputTopic, outputTopic, micros: String(MICROS) };
    return { settings: { ...topics, ...overrides }, limits: this.#limits };
  }

  async start(overrides?: Readonly<Record<string, string>>): Promise<string> {
    return await this.deployment.start(this.input(overrides));
  }

  async coordinator(overrides?: Readonly<Record<string, string>>): Promise<CoordinatorAnswer> {
    return await this.deployment.invoke(this.#name('coordinator'), { input: this.input(overrides) });
  }

  async control(command: string): Promise<ControlAnswer> {
    return await this.deployment.invoke(this.#name('control'), { command });
  }

  async reached(epoch: number): Promise<void> {
    while (((await this.control('state')).state?.epoch ?? 0) < epoch) await sleep(50);
  }

  /** SIGKILL to the processes that run the coordinator. */
  kill(): number {
    const files = readdirSync(lambdaPids).filter((name) => name.startsWith(`${this.#name('coordinator')}.`));
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

  #name(entry: string): string {
    return this.deployment.topology.functions.find((spec) => spec.entry === entry)!.name;
  }
}

test('runs to its end in several invocations, each of which answers in time', async () => {
  const trial = await Trial.begin({ maxMs: 2_500, marginMs: 500 });
  const execution = await trial.start();
  const { answer } = await trial.ended(execution);
  expect(answer).toMatchObject({ status: 'finished', job: job.name, error: null });
  expect(await trial.eventsOf(execution, 'TaskSucceeded')).toBeGreaterThan(2);
  expect(await trial.eventsOf(execution, 'TaskFailed')).toBe(0);
  expect(expected.length).toBeGreaterThan(3_000);
  expect(await rowsOf(trial.outputTopic)).toEqual(expected);
  expect((await trial.control('state')).state).toMatchObject({ phase: 'finished', lease: null });
  // Late and once more: nothing.
  expect(await trial.coordinator()).toMatchObject({ status: 'finished', epochs: 0 });
});

test('goes on in a chain of executions', async () => {
  const trial = await Trial.begin({ maxMs: 2_500, marginMs: 500 }, { rounds: 1 });
  const first = await trial.start();
  expect(JSON.parse((await trial.ended(first)).output!)).toMatchObject({ next: 1 });
  let chain = await trial.deployment.executions();
  while (chain.some(({ status }) => status === 'RUNNING')) {
    await sleep(250);
    chain = await trial.deployment.executions();
  }
  const name = first.split(':').at(-1)!;
  expect(chain.map((one) => one.name).toSorted()).toEqual(
    [name, ...chain.slice(1).map((_, i) => `${name}-${i + 1}`)].toSorted(),
  );
  expect(chain.length).toBeGreaterThan(1);
  expect(await trial.coordinator()).toMatchObject({ status: 'finished', epochs: 0 });
  expect(await rowsOf(trial.outputTopic)).toEqual(expected);
});

test('an express execution ends with an idle job, and the next one goes on', async () => {
  const trial = await Trial.begin({ lingerMs: 300 }, { machine: 'EXPRESS' });
  const input = trial.input({ bounded: 'false', micros: '0' });
  const found = await trial.deployment.startSync(input);
  expect(found, `${found.error}: ${found.cause}`).toMatchObject({ status: 'SUCCEEDED' });
  expect(JSON.parse(found.output!)).toMatchObject({ status: 'idle', error: null });
  const next = await trial.deployment.startSync(input);
  expect(JSON.parse(next.output!)).toMatchObject({ status: 'idle', epochs: 0 });
});

test('killed twice in the middle of an epoch', async () => {
  const trial = await Trial.begin({ leaseTtlMs: 1_500 });
  const execution = await trial.start();
  for (const epoch of [1, 3]) {
    await trial.reached(epoch);
    expect(trial.kill()).toBe(1);
  }
  expect((await trial.ended(execution)).answer).toMatchObject({ status: 'finished' });
  expect(await trial.eventsOf(execution, 'TaskFailed')).toBe(2);
  expect(await rowsOf(trial.outputTopic)).toEqual(expected);
});

test('two executions at once, and an invocation by hand: one has the job, the others are told', async () => {
  const trial = await Trial.begin({ tickMs: 1_000 });
  const slower = { micros: String(3 * MICROS) };
  const executions = await Promise.all([trial.start(slower), trial.start(slower)]);
  await trial.reached(1);
  expect(await trial.coordinator(slower)).toMatchObject({ status: 'busy', epochs: 0, nextWakeMs: 1_000 });
  for (const execution of executions)
    expect((await trial.ended(execution)).answer).toMatchObject({ status: 'finished' });
  expect(await rowsOf(trial.outputTopic)).toEqual(expected);
});

test('stopped after an epoch, stays so until it is started again', async () => {
  const trial = await Trial.begin();
  const stopped = await trial.start();
  await trial.reached(2);
  expect((await trial.control('stop')).command).toMatchObject({ number: 1, kind: 'stop' });
  const { answer } = await trial.ended(stopped);
  expect(answer).toMatchObject({ status: 'stopped' });
  expect((await trial.control('state')).state).toMatchObject({ phase: 'published', lease: null, epoch: answer.epoch });
  expect(await trial.coordinator()).toMatchObject({ status: 'stopped', epochs: 0, epoch: answer.epoch });
  await trial.control('start');
  expect((await trial.ended(await trial.start())).answer).toMatchObject({ status: 'finished' });
  expect(await rowsOf(trial.outputTopic)).toEqual(expected);
});

test('idle where there is nothing to read, until it is cancelled', async () => {
  const trial = await Trial.begin({ lingerMs: 300, tickMs: 1_000 });
  const endless = { bounded: 'false', micros: '0' };
  const first = await trial.coordinator(endless);
  expect(first).toMatchObject({ status: 'idle', waitSeconds: 1 });
  expect(first.epochs).toBeGreaterThan(0);
  expect(await trial.coordinator(endless)).toMatchObject({ status: 'idle', epochs: 0, epoch: first.epoch });
  const execution = await trial.start(endless);
  await trial.control('cancel');
  expect((await trial.ended(execution)).answer).toMatchObject({ status: 'cancelled' });
  expect((await trial.control('state')).state).toMatchObject({ phase: 'cancelled', lease: null });
});

test('a job that cannot run fails the execution with the reason', async () => {
  const trial = await Trial.begin();
  const execution = await trial.start({ micros: 'many' });
  const found = await trial.deployment.ended(execution);
  expect(found).toMatchObject({ status: 'FAILED', error: 'config' });
  expect(found.cause).toContain('setting "micros" is a number; got "many"');
});
