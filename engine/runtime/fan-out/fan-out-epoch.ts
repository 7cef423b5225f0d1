/**
 * Runs one fanned-out epoch over its workers: read, then stage after stage with a shuffle before each, then stage the output. The order
 * in which workers answer decides nothing (E7a): blocks are merged by channel, and a stage starts when all its senders have answered.
 * Blocks are kept until the epoch is decided, for a worker that has to take a subtask over.
 */
import type { Ack, Plan } from '../../checkpoint/records.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { RetryableError } from '../../model/errors.ts';
import type { AttemptId } from '../../model/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import { joinBacklogs, type SourceBacklog } from '../backlog.ts';
import { assignSplits, splitsOf, type Owners } from './assign-splits.ts';
import { CopiesOfSubtask } from './copies-of-subtask.ts';
import { finalWatermarks } from './final-watermarks.ts';
import { mergeAcks } from './merge-acks.ts';
import { stragglers, type StragglerLimits } from './straggler-policy.ts';
import type { Block, PeerPool, ReadBudget } from './subtask-peer.ts';

export interface FanOutEpoch {
  readonly graph: JobGraph;
  readonly pool: PeerPool;
  readonly clock: Clock;
  readonly plan: Plan;
  readonly attempt: AttemptId;
  readonly budget: ReadBudget;
  /** Stop reading. */
  readonly signal: AbortSignal;
  /** Who read which split in the epoch before. */
  readonly owners: Owners;
  readonly limits: StragglerLimits;
  notice(text: string, data: Readonly<Record<string, unknown>>): void;
}

export interface FannedOut {
  readonly ack: Ack;
  readonly owners: Owners;
  readonly backlog: readonly SourceBacklog[];
  /** How often a subtask was given to one more worker. */
  readonly reissues: number;
}

/** As many workers as the widest stage has subtasks. */
export const workersOf = (plan: Plan): number => Math.max(...Object.values(plan.subtasks));

export async function runFannedOut(epoch: FanOutEpoch): Promise<FannedOut> {
  const { pool, plan, attempt, signal, clock, budget } = epoch;
  const workers = workersOf(plan);
  const owners = assignSplits(plan, workers, epoch.owners);
  const peers = await Promise.all(Array.from({ length: workers }, (_, i) => pool.peer(i)));
  const subtasks = peers.map(
    (peer, index) =>
      new CopiesOfSubtask({
        index,
        peer,
        pool,
        plan,
        splits: splitsOf(plan, index, owners),
        attempt,
        signal,
        notice: (text, data) => epoch.notice(text, data),
      }),
  );
  const stop = (): void => {
    for (const subtask of subtasks) subtask.stopReading();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const watch: Watch = { ...epoch, untilMs: clock.monotonicMs() + budget.timeoutMs };
    return { ...(await runPhases(epoch, subtasks, watch)), owners };
  } catch (thrown) {
    await Promise.allSettled(subtasks.map((subtask) => subtask.abandon()));
    throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function runPhases(
  { graph, plan, attempt, budget }: FanOutEpoch,
  subtasks: readonly CopiesOfSubtask[],
  watch: Watch,
): Promise<Omit<FannedOut, 'owners'>> {
  await together(subtasks, (subtask) => subtask.begin(), watch);
  const reads = await together(subtasks, (subtask) => subtask.read(budget), watch);
  const { watermarks, ended } = finalWatermarks(graph, plan, reads);
  const blocks: Block[] = reads.flatMap((read) => read.blocks);
  for (const node of graph.nodes) {
    if (node.operator.kind !== 'keyed') continue;
    const { uid } = node;
    const inputOf = (i: number): Uint8Array[] =>
      blocks.filter((block) => block.stage === uid && block.receiver === i).map((block) => block.bytes);
    const reports = await together(
      subtasks.slice(0, plan.subtasks[uid]),
      (subtask) => subtask.stage(uid, watermarks[uid]!, inputOf(subtask.index)),
      watch,
    );
    blocks.push(...reports.flatMap((report) => report.blocks));
  }
  const parts = await together(subtasks, (subtask) => subtask.finish(), watch);
  return {
    ack: mergeAcks(attempt, parts, watermarks, ended),
    backlog: joinBacklogs(reads.flatMap((read) => read.backlog)),
    reissues: subtasks.reduce((sum, subtask) => sum + subtask.reissues, 0),
  };
}

/** Timers end at 2^31 ms. */
const LOOK_MS = 60_000;

interface Watch extends Pick<FanOutEpoch, 'pool' | 'clock' | 'limits' | 'plan'> {
  /** The attempt fails if it is not done by then. */
  readonly untilMs: number;
}

/**
 * One phase of all subtasks: every answer, or the first failure, but not before everyone has stopped or is a straggler: nobody works on an
 * attempt that has failed. Meanwhile stragglers are re-issued, where the pool has spares.
 */
async function together<R>(
  subtasks: readonly CopiesOfSubtask[],
  ask: (subtask: CopiesOfSubtask) => Promise<R>,
  watch: Watch,
): Promise<R[]> {
  const { clock, pool } = watch;
  const startedMs = clock.monotonicMs();
  const answers = new Map<number, { readonly value: R; readonly tookMs: number }>();
  const failures: unknown[] = [];
  let wake = new AbortController();
  const asked = subtasks.map((subtask, i) =>
    ask(subtask)
      .then((value) => void answers.set(i, { value, tookMs: clock.monotonicMs() - startedMs }))
      .catch((thrown: unknown) => void failures.push(thrown))
      .then(() => wake.abort()),
  );
  if (pool.spare === undefined) await Promise.all(asked);
  while (answers.size + failures.length < subtasks.length) {
    wake = new AbortController();
    const nowMs = clock.monotonicMs();
    if (nowMs >= watch.untilMs) {
      failures.push(new RetryableError(`epoch ${watch.plan.epoch} was not done within the checkpoint timeout.`));
      break;
    }
    const verdict = stragglers(
      subtasks.map(({ width, reissues }, i) => {
        const tookMs = answers.get(i)?.tookMs ?? nowMs - startedMs;
        return { subtask: i, tookMs, answered: answers.has(i), copies: width, reissues };
      }),
      watch.limits,
    );
    if (verdict.reissue.length > 0 && failures.length > 0) break;
    for (const i of verdict.reissue) subtasks[i]!.reissue('it takes much longer than the others');
    await clock.sleep(Math.min(LOOK_MS, watch.untilMs - nowMs, verdict.againMs ?? LOOK_MS), wake.signal);
  }
  if (failures.length > 0) throw failures[0];
  return subtasks.map((_, i) => answers.get(i)!.value);
}
