/** A job that runs, seen from outside: an execution of the standard machine, or one execution of the express machine after another. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CoordinatorAnswer } from '../../../engine/aws/index.ts';
import type { Deployment } from '../../aws/deployment.ts';
import { historyOf, type Execution } from '../../aws/step-functions.ts';

export interface JobRun {
  /** Throws where it goes on no more. */
  check(): Promise<void>;
  /** Returns when the job has finished; throws where it ends otherwise. */
  finished(): Promise<void>;
  stop(): Promise<void>;
}

const TICK_MS = 200;

export class StandardRun implements JobRun {
  readonly execution: string;
  readonly #deployment: Deployment;

  private constructor(deployment: Deployment, execution: string) {
    this.#deployment = deployment;
    this.execution = execution;
  }

  static async start(deployment: Deployment, input: unknown): Promise<StandardRun> {
    return new StandardRun(deployment, await deployment.start(input));
  }

  async check(): Promise<void> {
    const found = await this.#deployment.states<Execution>('DescribeExecution', { executionArn: this.execution });
    if (found.status !== 'RUNNING') throw new Error(`Too early: ${saying(found)}`);
  }

  async finished(): Promise<void> {
    const found = await this.#deployment.ended(this.execution);
    if (!hasFinished(found)) throw new Error(saying(found));
  }

  /** Names of the errors that invocations ended with. */
  async errors(): Promise<readonly string[]> {
    const events = await historyOf(this.#deployment.states, this.execution);
    return events
      .filter(({ type }) => type === 'TaskFailed')
      .map(({ taskFailedEventDetails: details }) => (details as { readonly error: string }).error);
  }

  /** Invocations that the machine has made, in order. */
  async tasks(): Promise<readonly { readonly to: string; readonly event: unknown }[]> {
    const events = await historyOf(this.#deployment.states, this.execution);
    return events
      .filter(({ type }) => type === 'TaskScheduled')
      .map(({ taskScheduledEventDetails: details }) => {
        const { parameters } = details as { readonly parameters: string };
        const { FunctionName, Payload } = JSON.parse(parameters) as { FunctionName: string; Payload: unknown };
        return { to: FunctionName.split(':').at(-1)!, event: Payload };
      });
  }

  async stop(): Promise<void> {
    await this.#deployment.states('StopExecution', { executionArn: this.execution }).catch(() => undefined);
  }
}

export class ExpressRun implements JobRun {
  readonly #ended: Execution[] = [];
  readonly #loop: Promise<void>;
  #stopped = false;

  constructor(deployment: Deployment, input: unknown) {
    this.#loop = this.#tick(deployment, input);
  }

  /** Of the executions so far. */
  count(status: Execution['status']): number {
    return this.#ended.filter((execution) => execution.status === status).length;
  }

  async check(): Promise<void> {
    const last = this.#ended.at(-1);
    if (last !== undefined && (hasFinished(last) || last.status === 'FAILED'))
      throw new Error(`Too early: ${saying(last)}`);
  }

  async finished(): Promise<void> {
    await this.#loop;
    const last = this.#ended.at(-1);
    if (last === undefined || !hasFinished(last)) throw new Error(last === undefined ? 'Nothing ran.' : saying(last));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop.catch(() => undefined);
  }

  async #tick(deployment: Deployment, input: unknown): Promise<void> {
    while (!this.#stopped) {
      const execution = await deployment.startSync(input);
      this.#ended.push(execution);
      if (hasFinished(execution) || execution.status === 'FAILED') return;
      await sleep(TICK_MS);
    }
  }
}

const hasFinished = ({ status, output }: Execution): boolean =>
  status === 'SUCCEEDED' && (JSON.parse(output!) as CoordinatorAnswer).status === 'finished';

const saying = ({ executionArn, status, error, cause, output }: Execution): string =>
  `execution ${executionArn.split(':').at(-1)} ${status}: ${error ?? ''} ${cause ?? ''} ${output ?? ''}`.slice(
    0,
    3_000,
  );
