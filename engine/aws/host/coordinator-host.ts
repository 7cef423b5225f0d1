/**
 * The coordinator as a Lambda function. What a process keeps between two invocations is the job's graph and its runner, with the state in
 * memory: the next plan tells whether that state is the right one. Connections it does not keep, because nobody reads them while the
 * process is frozen: everything that could act is closed before the answer.
 */
import { ConfigError, messageOf, RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import { openAwsPorts, placeOf, type AwsPorts, type Environment, type OpenAwsPorts } from './aws-ports.ts';
import { errorOf, type AnswerStatus, type CoordinatorAnswer } from './coordinator-answer.ts';
import { parseCoordinatorEvent, parseSettings, type CoordinatorEvent } from './coordinator-event.ts';
import type { LambdaContext, LogLine } from './lambda.ts';
import { runInvocation, type JobRunSettings } from './run-invocation.ts';

/** What `defineJob` returns, as far as a host needs it. */
export interface DeployedJob {
  readonly name: string;
  readonly instantiate: (overrides?: Readonly<Record<string, string>>) => {
    toJobGraph(): RunnerOptions['graph'];
    settings(): JobRunSettings;
  };
}

export interface CoordinatorHost {
  readonly clock: Clock;
  readonly env: Environment;
  readonly log: LogLine;
  /** Instead of AWS's: tests. */
  readonly openPorts?: OpenAwsPorts;
}

/** Thrown for what another attempt may mend; the state machine retries it by this name. */
export const RETRYABLE = 'Millrace.Retryable';

/** Of the invocation's time, and at most so long: from the end of reading to the answer. */
const MARGIN_FRACTION = 0.2;
const MOST_MARGIN_MS = 10_000;

interface Warm {
  readonly settings: string;
  readonly graph: RunnerOptions['graph'];
  readonly jobSettings: JobRunSettings;
  readonly ports: AwsPorts;
  readonly runner: FusedRunner;
}

/** After these the same process may go on with what it has in memory. */
const GOES_ON: readonly AnswerStatus[] = ['continue', 'idle', 'stopped'];

export function coordinatorOf(
  job: DeployedJob,
  host: CoordinatorHost,
): (event: unknown, context: LambdaContext) => Promise<CoordinatorAnswer> {
  let kept: Warm | null = null;
  return async (value, context) => {
    const warm = kept;
    kept = null;
    let now = warm;
    try {
      const event = parseCoordinatorEvent(value);
      now = await opened(job, host, event, warm);
      const answer = await invoke(now, host, event, context);
      if (GOES_ON.includes(answer.status)) {
        await now.runner.quiesce();
        now.ports.quiesce();
        kept = now;
      }
      return answer;
    } catch (error) {
      return failed(job, host, error);
    } finally {
      if (kept === null && now !== null) await close(now, host);
    }
  };
}

async function opened(
  job: DeployedJob,
  host: CoordinatorHost,
  event: CoordinatorEvent,
  warm: Warm | null,
): Promise<Warm> {
  const { clock, log } = host;
  const ports = warm?.ports ?? (host.openPorts ?? openAwsPorts)(placeOf(host.env), clock);
  const overrides = { ...(await settingsOf(event, ports)), ...event.settings };
  const settings = JSON.stringify(Object.entries(overrides).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  if (warm !== null && warm.settings === settings) return warm;
  // Other settings are another job as far as memory goes.
  await warm?.runner.close();
  const env = job.instantiate(overrides);
  const graph = env.toJobGraph();
  const runner = new FusedRunner({
    job: graph.job,
    graph,
    clock,
    blobs: ports.blobs,
    log: null,
    notice: (text, data) => log('notice', text, data),
  });
  await runner.validate();
  for (const { text, sink } of runner.notices()) log('notice', text, { sink });
  return { settings, graph, jobSettings: env.settings(), ports, runner };
}

async function settingsOf({ settingsObject }: CoordinatorEvent, { blobs }: AwsPorts): Promise<Record<string, string>> {
  if (settingsObject === null) return {};
  const bytes = await blobs.read(settingsObject);
  if (bytes === null)
    throw new ConfigError(`there is no object ${settingsObject} with the job's settings in its bucket.`);
  const what = `object ${settingsObject}`;
  try {
    return { ...parseSettings(JSON.parse(Buffer.from(bytes).toString()), what) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ConfigError(`${what} is no JSON: ${error.message}`, {}, error);
  }
}

async function invoke(
  { graph, jobSettings, ports, runner }: Warm,
  { clock, log }: CoordinatorHost,
  event: CoordinatorEvent,
  context: LambdaContext,
): Promise<CoordinatorAnswer> {
  const beganMs = clock.monotonicMs();
  const leftMs = (): number =>
    Math.min(context.getRemainingTimeInMillis(), event.maxMs - (clock.monotonicMs() - beganMs));
  const { tickMs, lingerMs, leaseTtlMs, rowLimit } = event;
  const answer = await runInvocation({
    graph,
    settings: jobSettings,
    store: ports.store,
    blobs: ports.blobs,
    clock,
    runner,
    identity: {
      execution: event.execution ?? context.awsRequestId,
      request: context.awsRequestId,
      deadlineMs: clock.nowMs() + context.getRemainingTimeInMillis(),
    },
    limits: {
      tickMs,
      lingerMs,
      rowLimit,
      marginMs: event.marginMs ?? Math.min(MOST_MARGIN_MS, leftMs() * MARGIN_FRACTION),
      ...(leaseTtlMs === null ? {} : { leaseTtlMs }),
    },
    leftMs,
    leftAtMostMs: () => context.getRemainingTimeInMillis(),
    onEpoch: ({ epoch, generation, counts }) => log('epoch', 'committed and published', { epoch, generation, counts }),
    onNotice: (text, data) => log('notice', text, data),
  });
  log('answer', answer.status, { ...answer, durationMs: Math.round(clock.monotonicMs() - beganMs) });
  return answer;
}

function failed(job: DeployedJob, { log }: CoordinatorHost, error: unknown): CoordinatorAnswer {
  log('error', messageOf(error), { stack: error instanceof Error ? error.stack : undefined });
  if (error instanceof RetryableError || error instanceof UnknownOutcomeError)
    throw Object.assign(new Error(error.message, { cause: error }), { name: RETRYABLE });
  return {
    status: 'failed',
    job: job.name,
    epoch: 0,
    epochs: 0,
    nextWakeMs: 0,
    waitSeconds: 0,
    rowLimit: null,
    error: errorOf(error),
  };
}

/** The answer is decided: what cannot be closed is told. */
async function close({ ports, runner }: Warm, { log }: CoordinatorHost): Promise<void> {
  await runner
    .close()
    .catch((error: unknown) => log('error', 'the job could not be closed', { why: messageOf(error) }));
  ports.quiesce();
}
