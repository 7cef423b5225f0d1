/** Folds the log of a job's state into its base, as a Lambda function, beside the epochs (runtime/fold-outside.ts). */
import { foldOutside, type FoldedOutside } from '../../runtime/fold-outside.ts';
import { breather } from '../../runtime/breathe.ts';
import { FOLD_LIMITS_IN_TABLE } from './fixed-use.ts';
import { objectOf, parseJobInput, textOf } from './job-input.ts';
import type { LambdaContext } from './lambda.ts';
import { thrownAs, WarmJob, type DeployedJob, type JobHost } from './warm-job.ts';

export interface FolderAnswer {
  readonly outcome: FoldedOutside['kind'];
}

/** The job's graph is all it has in memory. */
const NOTHING_OPEN = { quiesce: async () => undefined, close: async () => undefined };

export function folderOf(
  job: DeployedJob,
  host: JobHost,
): (event: unknown, context: LambdaContext) => Promise<FolderAnswer> {
  const warm = new WarmJob(job, host, async () => NOTHING_OPEN);
  return async (value, context) => {
    const { clock, log } = host;
    try {
      const event = objectOf(value ?? {}, 'the event');
      const execution = textOf(event, 'execution');
      const beganMs = clock.monotonicMs();
      const { kind: outcome } = await warm.use(
        { ...parseJobInput(event['input']), execution },
        async ({ graph, ports, state }) =>
          await foldOutside({
            job: graph.job,
            store: ports.store,
            blobs: ports.blobs,
            maxParallelism: graph.maxParallelism,
            // As the coordinator asks for it.
            limits: FOLD_LIMITS_IN_TABLE,
            breathe: breather(clock),
            table: state.table ?? null,
          }),
        () => true,
      );
      const about = { requestId: context.awsRequestId, ...(execution === null ? {} : { execution }) };
      log.with(about)('answer', outcome, { durationMs: Math.round(clock.monotonicMs() - beganMs) });
      return { outcome };
    } catch (error) {
      throw thrownAs(error, host);
    }
  };
}
