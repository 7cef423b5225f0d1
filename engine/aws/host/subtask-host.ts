/** A subtask of a stage as a Lambda function: one invocation runs one subtask, as a Map's item or for a dispatcher. */
import { StageTaskRunner, type StageOutcome } from '../../runtime/fan-out/staged/stage-task-runner.ts';
import type { LambdaContext } from './lambda.ts';
import { parseSubtaskEvent, type SubtaskTask } from './tasks.ts';
import { thrownAs, WarmJob, type BuiltJob, type DeployedJob, type JobHost } from './warm-job.ts';

/** Small: a state machine drops it, and the coordinator looks at the subtask's ack. */
export interface SubtaskAnswer {
  readonly outcome: StageOutcome;
  readonly stage: string;
  readonly subtask: number;
}

/** Of the invocation's time: what is read has to be passed on or staged as well. */
const READING = 0.6;
/** For the ack of a subtask that ran out of time. */
const LAST_WORDS_MS = 2_000;
const LAST_WORDS = 0.1;

export function subtaskOf(
  job: DeployedJob,
  host: JobHost,
): (event: unknown, context: LambdaContext) => Promise<SubtaskAnswer> {
  const warm = new WarmJob(job, host, async ({ graph, ports, state, consumed }: BuiltJob) => {
    const { clock, log } = host;
    const { store, blobs } = ports;
    const notice = (text: string, data: Readonly<Record<string, unknown>>): void => log('notice', text, data);
    return new StageTaskRunner({
      job: graph.job,
      graph,
      clock,
      store,
      blobs,
      ...state,
      log: null,
      notice,
      ...(consumed === undefined ? {} : { consumed }),
    });
  });
  return async (value, context) => {
    try {
      const { task, execution, ...input } = parseSubtaskEvent(value);
      const { stage, subtask } = task;
      const log = host.log.with({
        requestId: context.awsRequestId,
        stage,
        subtask,
        ...(execution === null ? {} : { execution }),
      });
      const beganMs = host.clock.monotonicMs();
      const outcome = await warm.use(
        input,
        (built) => run(built, host, task, context),
        () => true,
      );
      log('answer', outcome, { plan: task.plan, durationMs: Math.round(host.clock.monotonicMs() - beganMs) });
      return { outcome, stage, subtask };
    } catch (error) {
      throw thrownAs(error, host);
    }
  };
}

async function run(
  { settings, runner }: BuiltJob & { readonly runner: StageTaskRunner },
  { clock }: JobHost,
  { maxRows, maxMs, plan, stage, subtask }: SubtaskTask,
  context: LambdaContext,
): Promise<StageOutcome> {
  const leftMs = Math.min(context.getRemainingTimeInMillis(), maxMs ?? Infinity);
  const reading = new AbortController();
  const takeBack = clock.after(leftMs * READING, () => reading.abort());
  try {
    return await runner.run(
      { plan, stage, subtask },
      {
        intervalMs: settings.epochMs,
        timeoutMs: Math.max(1, Math.min(settings.timeoutMs, leftMs - Math.min(LAST_WORDS_MS, leftMs * LAST_WORDS))),
        maxRows: maxRows ?? Number.MAX_SAFE_INTEGER,
        untilDry: true,
        signal: reading.signal,
      },
    );
  } finally {
    takeBack();
  }
}
