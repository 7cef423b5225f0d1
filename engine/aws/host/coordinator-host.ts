/** The coordinator as a Lambda function. */
import { RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import type { Invoker } from '../../ports/invoker.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import { NO_CARRY } from './carry.ts';
import { errorOf, type AnswerStatus, type CoordinatorAnswer } from './coordinator-answer.ts';
import { parseCoordinatorEvent, type CoordinatorEvent } from './coordinator-event.ts';
import type { LambdaContext } from './lambda.ts';
import { runInvocation } from './run-invocation.ts';
import { thrownAs, WarmJob, type BuiltJob, type DeployedJob, type JobHost } from './warm-job.ts';

/** Of the invocation's time, and at most so long: from the end of reading to the answer. */
const MARGIN_FRACTION = 0.2;
const MOST_MARGIN_MS = 10_000;

/** After these the same process may go on with what it has in memory. */
const GOES_ON: readonly AnswerStatus[] = ['continue', 'idle', 'stage', 'publish', 'stopped'];

export interface CoordinatorHost extends JobHost {
  /** For the folder, which `MILLRACE_FOLDER` names; without both the coordinator folds. */
  readonly openInvoker?: () => Invoker & { quiesce(): void };
}

export function coordinatorOf(
  job: DeployedJob,
  host: CoordinatorHost,
): (event: unknown, context: LambdaContext) => Promise<CoordinatorAnswer> {
  const warm = new WarmJob(job, host, (built) => fusedRunner(built, host));
  return async (value, context) => {
    try {
      const event = parseCoordinatorEvent(value, host.clock.nowMs());
      const answer = await warm.use(
        event,
        (built) => invoke(built, host, event, context),
        ({ status }) => GOES_ON.includes(status),
      );
      return redacted(answer, host);
    } catch (error) {
      const thrown = thrownAs(error, host);
      if (error instanceof RetryableError || error instanceof UnknownOutcomeError) throw thrown;
      return redacted(failed(job, error), host);
    }
  };
}

/** Errors of others may quote a setting. */
function redacted(answer: CoordinatorAnswer, { secrets }: JobHost): CoordinatorAnswer {
  const { error } = answer;
  if (error === null || secrets === undefined) return answer;
  return { ...answer, error: { ...error, message: secrets.redact(error.message) } };
}

async function fusedRunner({ graph, ports, state }: BuiltJob, { clock, log }: JobHost): Promise<FusedRunner> {
  const runner = new FusedRunner({
    job: graph.job,
    graph,
    clock,
    blobs: ports.blobs,
    ...state,
    log: null,
    notice: (text, data) => log('notice', text, data),
  });
  await runner.validate();
  for (const { text, sink } of runner.notices()) log('notice', text, { sink });
  return runner;
}

async function invoke(
  { graph, settings, ports, runner, consumed }: BuiltJob & { readonly runner: FusedRunner },
  host: CoordinatorHost,
  event: CoordinatorEvent,
  context: LambdaContext,
): Promise<CoordinatorAnswer> {
  const { clock, log: plainLog } = host;
  const { execution } = event;
  const requestId = context.awsRequestId;
  const log = plainLog.with({ requestId, ...(execution === null ? {} : { execution }) });
  const beganMs = clock.monotonicMs();
  const leftMs = (): number =>
    Math.min(context.getRemainingTimeInMillis(), event.maxMs - (clock.monotonicMs() - beganMs));
  const answer = await runInvocation({
    graph,
    settings,
    store: ports.store,
    blobs: ports.blobs,
    ...(ports.table === undefined ? {} : { table: ports.table }),
    clock,
    runner,
    event,
    request: requestId,
    marginMs: event.marginMs ?? Math.min(MOST_MARGIN_MS, leftMs() * MARGIN_FRACTION),
    leftMs,
    leftAtMostMs: () =>
      Math.min(context.getRemainingTimeInMillis(), (event.executionEndsMs ?? Infinity) - clock.nowMs()),
    ...(consumed === undefined ? {} : { consumed: () => consumed() }),
    ...startFoldOf(host, event),
    onEpoch: (facts) => log.metrics(facts),
    onNotice: (text, data) => log('notice', text, data),
  });
  const { carry: _, ...told } = answer;
  log('answer', answer.status, {
    ...told,
    tasks: answer.tasks.length,
    durationMs: Math.round(clock.monotonicMs() - beganMs),
  });
  return answer;
}

function startFoldOf(
  { env, openInvoker }: CoordinatorHost,
  { execution, input }: CoordinatorEvent,
): { startFold?(): Promise<void> } {
  const folder = env['MILLRACE_FOLDER'];
  if (folder === undefined || openInvoker === undefined) return {};
  return {
    async startFold() {
      const invoker = openInvoker();
      try {
        await invoker.start(folder, { execution, input });
      } finally {
        invoker.quiesce();
      }
    },
  };
}

function failed(job: DeployedJob, error: unknown): CoordinatorAnswer {
  return {
    status: 'failed',
    job: job.name,
    epoch: 0,
    epochs: 0,
    nextWakeMs: 0,
    waitSeconds: 0,
    tasks: [],
    tree: false,
    carry: NO_CARRY,
    error: errorOf(error),
  };
}
