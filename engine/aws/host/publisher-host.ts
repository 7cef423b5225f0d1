/**
 * Publishes a slot of the committed epoch, as a Lambda function (E5). Late, doubled, or after the coordinator has done it, it finds that the head
 * has gone on, or that the slot's marker is there already.
 */
import { readHead, readManifest } from '../../runtime/job-records.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import type { LambdaContext } from './lambda.ts';
import { parsePublishEvent, type PublishTask } from './tasks.ts';
import { thrownAs, WarmJob, type BuiltJob, type DeployedJob, type JobHost } from './warm-job.ts';

/** `past`: nobody waits for it. */
export interface PublisherAnswer {
  readonly outcome: 'published' | 'past';
}

export function publisherOf(
  job: DeployedJob,
  host: JobHost,
): (event: unknown, context: LambdaContext) => Promise<PublisherAnswer> {
  const warm = new WarmJob(job, host, (built) => sinksOf(built, host));
  return async (value, context) => {
    try {
      const { task, execution, ...input } = parsePublishEvent(value);
      const log = host.log.with({ requestId: context.awsRequestId, ...(execution === null ? {} : { execution }) });
      const beganMs = host.clock.monotonicMs();
      const answer = await warm.use(
        input,
        (built) => publish(built, task),
        () => true,
      );
      log('answer', answer.outcome, { ...task, durationMs: Math.round(host.clock.monotonicMs() - beganMs) });
      return answer;
    } catch (error) {
      throw thrownAs(error, host);
    }
  };
}

async function sinksOf({ graph, ports }: BuiltJob, { clock, log }: JobHost): Promise<FusedRunner> {
  const notice = (text: string, data: Readonly<Record<string, unknown>>): void => log('notice', text, data);
  const runner = new FusedRunner({ job: graph.job, graph, clock, blobs: ports.blobs, log: null, notice });
  await runner.validate('sinks');
  return runner;
}

async function publish(
  { graph, ports, runner }: BuiltJob & { readonly runner: FusedRunner },
  task: PublishTask,
): Promise<PublisherAnswer> {
  const { store } = ports;
  const found = await readHead(store, graph.job);
  if (found?.head.phase.kind !== 'committed' || found.head.manifest !== task.manifest) return { outcome: 'past' };
  const manifest = await readManifest(store, graph.job, task.manifest);
  const slots = manifest.staged.filter(({ sink, slot }) => sink === task.sink && slot === task.slot);
  await runner.publishSlots(manifest, slots);
  return { outcome: 'published' };
}
