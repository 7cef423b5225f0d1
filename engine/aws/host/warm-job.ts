/**
 * A job in a Lambda process, as all of its functions have it. What a process keeps between two invocations is the job's graph and its runner, with
 * the state in memory: the next plan tells whether that state is the right one. Connections it does not keep, because nobody reads them while the
 * process is frozen: everything that could act is closed before the answer.
 */
import type { Consumption } from '../../model/consumption.ts';
import { messageOf, RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import { DEFAULT_AWS_EPOCH_MS } from '../../model/limits.ts';
import type { StateBackendKind } from '../../model/state-backend.ts';
import type { Clock } from '../../ports/clock.ts';
import { RETRYABLE } from '../../ports/invoker.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import type { SecretSettings } from '../secrets.ts';
import { openAwsPorts, placeOf, type AwsPorts, type Environment, type OpenAwsPorts } from './aws-ports.ts';
import { InvocationMeter } from './invocation-meter.ts';
import { settingsOf, type JobInput } from './job-input.ts';
import type { JobLog } from './lambda.ts';
import type { JobRunSettings } from './invocation.ts';

/** What `defineJob` returns, as far as a host needs it. */
export interface DeployedJob {
  readonly name: string;
  readonly instantiate: (overrides?: Readonly<Record<string, string>>) => {
    toJobGraph(): RunnerOptions['graph'];
    settings(defaultEpochMs: number): JobRunSettings;
  };
}

export interface JobHost {
  readonly clock: Clock;
  readonly env: Environment;
  readonly log: JobLog;
  /** What settings refer to; absent: they are what they are. */
  readonly secrets?: SecretSettings;
  /** Instead of AWS's: tests. */
  readonly openPorts?: OpenAwsPorts;
}

/** What an invocation is for: which job, and which execution waits for it. */
export interface InvocationInput extends JobInput {
  /** Null, absent: somebody else is what it waits for. */
  readonly execution?: string | null;
  /** By the wall clock; null, absent: not known. */
  readonly executionStartedMs?: number | null;
}

/** The job, built with its settings. */
export interface BuiltJob {
  readonly graph: RunnerOptions['graph'];
  readonly settings: JobRunSettings;
  readonly ports: AwsPorts;
  /** Where keyed state stands: in the table, unless the job says that all of it is in memory. */
  readonly state: Pick<RunnerOptions, 'table'>;
  /** What this process has used since it was last asked; absent: nobody counts. */
  readonly consumed?: () => Consumption;
}

export interface WarmRunner {
  quiesce(): Promise<void>;
  close(): Promise<void>;
}

const AWS_BACKEND: StateBackendKind = 'table';

interface Warm<R> extends BuiltJob {
  /** That it was built with. */
  readonly overrides: string;
  readonly runner: R;
  readonly invocations: InvocationMeter | null;
}

export class WarmJob<R extends WarmRunner> {
  readonly #job: DeployedJob;
  readonly #host: JobHost;
  readonly #runnerOf: (built: BuiltJob) => Promise<R>;
  #kept: Warm<R> | null = null;
  /** When this invocation began; the first one with the process, whose start is billed too. */
  #beganMs: number | null = 0;

  constructor(job: DeployedJob, host: JobHost, runnerOf: (built: BuiltJob) => Promise<R>) {
    this.#job = job;
    this.#host = host;
    this.#runnerOf = runnerOf;
  }

  /** `keep`: may the process go on with what it has in memory? A failure never does. */
  async use<A>(
    input: InvocationInput,
    work: (job: BuiltJob & { readonly runner: R }) => Promise<A>,
    keep: (answer: A) => boolean,
  ): Promise<A> {
    const warm = this.#kept;
    this.#kept = null;
    let now = warm;
    const beganMs = this.#beganMs ?? this.#host.clock.monotonicMs();
    this.#beganMs = null;
    try {
      now = await this.#opened(input, warm);
      const { execution = null, executionStartedMs = null } = input;
      now.invocations?.begin({ execution, executionStartedMs, beganMs });
      const answer = await work(now);
      if (keep(answer)) {
        await now.runner.quiesce();
        now.ports.quiesce();
        now.invocations?.end();
        this.#kept = now;
      }
      return answer;
    } finally {
      if (this.#kept === null && now !== null) await this.#close(now);
    }
  }

  async #opened(input: JobInput, warm: Warm<R> | null): Promise<Warm<R>> {
    const { clock, env, openPorts = openAwsPorts, log } = this.#host;
    const ports = warm?.ports ?? openPorts(placeOf(env), clock, (text, data) => log('notice', text, data));
    const settings = await settingsOf(input, ports.blobs);
    const overrides = (await this.#host.secrets?.resolve(settings)) ?? settings;
    const written = JSON.stringify(overrides);
    if (warm?.overrides === written) return warm;
    // Other settings are another job as far as memory goes.
    await warm?.runner.close();
    const environment = this.#job.instantiate(overrides);
    const graph = environment.toJobGraph();
    const { meter } = ports;
    const invocations = meter === undefined ? null : (warm?.invocations ?? new InvocationMeter(meter, clock, env));
    const consumed = meter === undefined ? {} : { consumed: () => (invocations?.lap(), meter.take()) };
    const jobSettings = environment.settings(DEFAULT_AWS_EPOCH_MS);
    const built = { graph, settings: jobSettings, ports, state: stateOf(jobSettings, ports), ...consumed };
    return { ...built, overrides: written, runner: await this.#runnerOf(built), invocations };
  }

  /** The answer is decided: what cannot be closed is told. */
  async #close({ ports, runner }: Warm<R>): Promise<void> {
    await runner
      .close()
      .catch((error: unknown) => this.#host.log('error', 'the job could not be closed', { why: messageOf(error) }));
    ports.quiesce();
  }
}

function stateOf({ stateBackend }: JobRunSettings, { table }: AwsPorts): Pick<RunnerOptions, 'table'> {
  return table === undefined ? {} : { table: { table, isUsed: (stateBackend ?? AWS_BACKEND) === 'table' } };
}

/**
 * As a function throws it: Lambda writes down and answers its name, message and stack, and a state machine keeps those. What another attempt may mend
 * has the name that state machines retry.
 */
export function thrownAs(error: unknown, { log, secrets }: Pick<JobHost, 'log' | 'secrets'>): Error {
  log('error', messageOf(error), { error });
  const redacted = (text: string): string => secrets?.redact(text) ?? text;
  const mends = error instanceof RetryableError || error instanceof UnknownOutcomeError;
  const { name, stack } = error instanceof Error ? error : new Error(messageOf(error));
  return Object.assign(new Error(redacted(messageOf(error))), {
    name: mends ? RETRYABLE : name,
    ...(stack === undefined ? {} : { stack: redacted(stack) }),
  });
}
