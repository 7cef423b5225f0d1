/** A job's stack in LocalStack, where each of its functions reaches AWS through a proxy of its own: so a request can be stopped by whose and which it is. */
import type { EntryPoint, FunctionSpec } from '../../../infra/functions.ts';
import { topologyOf, type MachineSpec } from '../../../infra/topology.ts';
import { awsSettings } from '../../aws/aws-settings.ts';
import { Deployment, wakeServices } from '../../aws/deployment.ts';
import { LambdaProcesses } from '../../aws/lambda-processes.ts';
import type { RunningServer } from '../../servers/index.ts';
import { TcpProxy } from '../tcp-proxy.ts';
import { awsWire } from './aws-wire.ts';
import { backupOf, restoreInto } from './backup.ts';
import { becomeTwin, behindTwin } from './twins.ts';

export interface StackNeeds {
  readonly machine?: 'STANDARD' | 'EXPRESS';
  /** Of the coordinator. */
  readonly timeoutSeconds?: number;
  readonly subtaskTimeoutSeconds?: number;
  /** After which an execution is ended, whatever it does. */
  readonly executionSeconds?: number;
  /** Each invocation of each function is made twice. */
  readonly doubled?: 'at-once' | 'after';
}

export type Proxies = Readonly<Record<EntryPoint, TcpProxy>>;

const JOB = 'faults';
const JOB_FILE = 'test-local/faults/fault-job.ts';
const TIMEOUT_SECONDS = 60;

export class AwsStack {
  readonly job = JOB;
  #deployment: Deployment;
  /** By function. */
  readonly proxies: Proxies;
  readonly #processes: LambdaProcesses;

  private constructor(deployment: Deployment, proxies: Proxies, lambdaPids: string) {
    this.#deployment = deployment;
    this.proxies = proxies;
    this.#processes = new LambdaProcesses(lambdaPids);
  }

  static async create(localstack: RunningServer, word: string, needs: StackNeeds): Promise<AwsStack> {
    const settings = awsSettings(localstack.settings);
    await wakeServices(settings);
    const topology = topologyOf({
      job: JOB,
      stack: `f${word}`,
      machine: needs.machine ?? 'STANDARD',
      jobFile: JOB_FILE,
      coordinatorTimeoutSeconds: needs.timeoutSeconds ?? TIMEOUT_SECONDS,
      subtaskTimeoutSeconds: needs.subtaskTimeoutSeconds ?? TIMEOUT_SECONDS,
    });
    const { hostname: host, port } = new URL(settings.endpoint);
    const made = await Promise.all(
      topology.functions.map(
        async ({ entry }) => [entry, await TcpProxy.before({ host, port: Number(port) }, awsWire)] as const,
      ),
    );
    const proxies = Object.fromEntries(made) as Proxies;
    const through = (spec: FunctionSpec): FunctionSpec => {
      const { address } = proxies[spec.entry];
      const endpoint = `http://${address.host}:${address.port}`;
      return { ...spec, environment: { ...spec.environment, AWS_ENDPOINT_URL: endpoint } };
    };
    const functions = topology.functions.map(through);
    const { executionSeconds: TimeoutSeconds, doubled } = needs;
    const ending = (spec: MachineSpec): MachineSpec => ({
      ...spec,
      definition: { ...spec.definition, ...(TimeoutSeconds === undefined ? {} : { TimeoutSeconds }) },
    });
    const machines = topology.machines.map(ending);
    const deployment = await Deployment.create(
      {
        ...topology,
        machines,
        functions: doubled === undefined ? functions : [...functions, ...functions.map(behindTwin)],
      },
      settings,
    );
    if (doubled !== undefined) for (const spec of functions) await becomeTwin(deployment.lambda, spec, doubled);
    return new AwsStack(deployment, proxies, localstack.settings['lambdaPids']!);
  }

  get deployment(): Deployment {
    return this.#deployment;
  }

  /** The same stack in another LocalStack at the same address, with what the table and the bucket hold. `meanwhile`: exchanges the two. */
  async moved(settings: ReturnType<typeof awsSettings>, meanwhile: () => Promise<void>): Promise<void> {
    for (const proxy of Object.values(this.proxies)) proxy.refuse();
    const backup = await backupOf(this.#deployment);
    await meanwhile();
    const { topology } = this.#deployment;
    this.#deployment.close();
    await wakeServices(settings);
    this.#deployment = await Deployment.create(topology, settings);
    await restoreInto(this.#deployment, backup);
    for (const proxy of Object.values(this.proxies)) proxy.accept();
  }

  /** SIGKILL, from outside, to the processes of a function. */
  kill(entry: EntryPoint): void {
    const pids = this.#processes.pidsOf(this.deployment.nameOf(entry));
    if (pids.length === 0) throw new Error(`No process of the ${entry} runs.`);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  }

  /** Every process is frozen or gone: nothing that was begun goes on. */
  async quiet(): Promise<void> {
    await this.#processes.quiet(this.deployment.topology.functions.map(({ name }) => name));
  }

  async destroy(): Promise<void> {
    await Promise.all(Object.values(this.proxies).map(async (proxy) => await proxy.close()));
    await this.deployment.destroy();
    this.deployment.close();
  }
}
