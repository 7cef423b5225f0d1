/** The job on LocalStack, from nothing to its end: deployed, run by its standard machine, looked at, destroyed. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDbStateStore } from '../../engine/aws/dynamodb-state-store.ts';
import type { CoordinatorAnswer } from '../../engine/aws/index.ts';
import { readHead, readReachable } from '../../engine/runtime/job-records.ts';
import { functionOf, topologyOf } from '../../infra/topology.ts';
import { awsSettings } from '../aws/aws-settings.ts';
import { Deployment, wakeServices } from '../aws/deployment.ts';
import { LambdaProcesses } from '../aws/lambda-processes.ts';
import { historyOf, type Execution, type HistoryEvent } from '../aws/step-functions.ts';
import { leftBehind } from '../faults/aws/left-behind.ts';
import { REPOSITORY } from '../job-process.ts';
import type { Settings } from '../servers/server.ts';

const JOB = 'flight-delays';
const JOB_FILE = 'functions/flight-delays.ts';
const PATIENCE_MS = 600_000;
const POLL_MS = 250;
/** The machine looks for input every second, instead of every minute. */
const LIMITS = { tickMs: 1_000 };

export interface DeployedRun {
  readonly stack: string;
  readonly status: string;
  readonly epochs: number;
  readonly recordsIn: number;
  readonly deploySeconds: number;
  readonly runSeconds: number;
  /** By function, as the machine made them. */
  readonly invocations: Readonly<Record<string, number>>;
  readonly failedTasks: readonly string[];
  /** What the head does not lead to. */
  readonly orphans: readonly string[];
}

export class DeployedJob {
  readonly #deployment: Deployment;
  readonly #store: DynamoDbStateStore;
  readonly #localstack: Settings;
  readonly #deploySeconds: number;
  readonly stack: string;

  private constructor(deployment: Deployment, localstack: Settings, stack: string, deploySeconds: number) {
    this.#deployment = deployment;
    const { dynamo, topology } = deployment;
    this.#store = new DynamoDbStateStore(dynamo, topology.table.name, { sleep: async (ms) => await sleep(ms) });
    this.#localstack = localstack;
    this.stack = stack;
    this.#deploySeconds = deploySeconds;
  }

  static async create(localstack: Settings, stack: string): Promise<DeployedJob> {
    const beganMs = performance.now();
    const settings = awsSettings(localstack);
    await wakeServices(settings);
    const topology = topologyOf({ job: JOB, stack, machine: 'STANDARD', jobFile: JOB_FILE });
    const deployment = await Deployment.create(topology, settings);
    return new DeployedJob(deployment, localstack, stack, (performance.now() - beganMs) / 1000);
  }

  /** `feed`: one part of the input, the next one when an epoch has committed; false: that was the last. */
  async run(settings: Readonly<Record<string, string>>, feed: () => Promise<boolean>): Promise<DeployedRun> {
    const beganMs = performance.now();
    const execution = await this.#deployment.start({ settings, limits: LIMITS });
    while (await feed()) await this.#nextEpoch(execution);
    const { status, output, error, cause } = await this.#deployment.ended(execution, PATIENCE_MS);
    const runSeconds = (performance.now() - beganMs) / 1000;
    // A fold may be on its way still.
    const names = this.#deployment.topology.functions.map(({ name }) => name);
    await new LambdaProcesses(this.#localstack['lambdaPids']!).quiet(names);
    const history = await historyOf(this.#deployment.states, execution);
    const answer = output === undefined ? null : (JSON.parse(output) as CoordinatorAnswer);
    return {
      stack: this.stack,
      status: status === 'SUCCEEDED' ? (answer?.status ?? status) : `${status}: ${error}: ${cause}`,
      ...(await this.#standing()),
      deploySeconds: this.#deploySeconds,
      runSeconds,
      invocations: this.#invocations(history),
      failedTasks: history.filter(({ type }) => type === 'TaskFailed').map((event) => failureOf(event)),
    };
  }

  /** `millrace cost JOB --aws STACK`. */
  cost(): string {
    const { endpoint, region, accessKeyId, secretAccessKey } = this.#localstack;
    const aws = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
    };
    const args = ['engine/cli/main.ts', 'cost', JOB, '--aws', this.stack];
    const said = spawnSync(process.execPath, args, {
      cwd: REPOSITORY,
      encoding: 'utf8',
      env: { ...process.env, ...aws },
    });
    if (said.status !== 0) throw new Error(`millrace cost ended with ${said.status}:\n${said.stderr}`);
    return said.stdout;
  }

  /** Answers what is there still. */
  async destroy(): Promise<readonly string[]> {
    await this.#deployment.destroy();
    const left = await this.#deployment.leftovers();
    this.#deployment.close();
    return left;
  }

  async #nextEpoch(executionArn: string): Promise<void> {
    const epoch = async (): Promise<number> => (await readHead(this.#store, JOB))?.head.epoch ?? 0;
    for (const before = await epoch(); (await epoch()) === before; await sleep(POLL_MS)) {
      const { status } = await this.#deployment.states<Execution>('DescribeExecution', { executionArn });
      if (status !== 'RUNNING') return;
    }
  }

  async #standing(): Promise<Pick<DeployedRun, 'epochs' | 'recordsIn' | 'orphans'>> {
    const store = this.#store;
    const found = await readHead(store, JOB);
    if (found === null) return { epochs: 0, recordsIn: 0, orphans: [] };
    const { base } = await readReachable(store, found.head);
    return {
      epochs: found.head.epoch,
      recordsIn: base.manifest?.totals['recordsIn'] ?? 0,
      orphans: await leftBehind(this.#deployment, store, found.head),
    };
  }

  #invocations(history: readonly HistoryEvent[]): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { type, taskScheduledEventDetails: details } of history) {
      if (type !== 'TaskScheduled') continue;
      const { parameters } = details as { readonly parameters: string };
      const entry = (['coordinator', 'subtask', 'dispatcher', 'publisher', 'control'] as const).find((of) =>
        parameters.includes(`:${functionOf(this.#deployment.topology.functions, of).name}"`),
      );
      if (entry !== undefined) counts[entry] = (counts[entry] ?? 0) + 1;
    }
    return counts;
  }
}

const failureOf = ({ taskFailedEventDetails: details }: HistoryEvent): string => {
  const { error, cause } = details as { readonly error?: string; readonly cause?: string };
  return `${error}: ${cause}`;
};
