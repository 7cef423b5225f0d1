/**
 * One invocation of the coordinator: the embedded loop over AWS's ports, until the function's time is nearly over, the job is idle, or it
 * has ended. Whatever ends it, the epoch in work is published and the lease released, so that the next invocation need not wait; one that
 * is killed leaves the lease to its time (invocation-lease.ts).
 */
import type { FoldLimits } from '../../checkpoint/fold-policy.ts';
import type { RestartStrategy } from '../../model/restart-strategy.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StateStore } from '../../ports/state-store.ts';
import { runJob } from '../../runtime/coordinator.ts';
import type { EpochRunner } from '../../runtime/epoch-runner.ts';
import { readHead, readReachable } from '../../runtime/job-records.ts';
import type { JobOptions, JobOutcome } from '../../runtime/job-options.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import { verdictOf, type CoordinatorAnswer, type Verdict } from './coordinator-answer.ts';
import { InvocationEnd } from './invocation-end.ts';
import { invocationLease, parseOwner, type InvocationIdentity } from './invocation-lease.ts';
import { lastCommand } from './job-commands.ts';
import { nextWakeMs } from './next-wake.ts';
import { PacedRunner, type InvocationPace } from './paced-runner.ts';
import { nextRowLimit } from './row-limit.ts';

/** As `StreamExecutionEnvironment.settings()` has them. */
export interface JobRunSettings {
  readonly epochMs: number;
  readonly timeoutMs: number;
  readonly minPauseMs: number;
  readonly retention: 'RETAIN_ON_CANCELLATION' | 'DELETE_ON_CANCELLATION';
  readonly restart: RestartStrategy;
}

export interface InvocationLimits extends InvocationPace {
  /** An idle job looks for input this often. */
  readonly tickMs: number;
  /** How long a killed invocation keeps the job from the next one, at most. Default: the epoch and `LEASE_SLACK_MS`. */
  readonly leaseTtlMs?: number;
  readonly fold?: FoldLimits;
  /** Rows of an epoch; null: as many as its time allows. */
  readonly rowLimit: number | null;
}

export interface Invocation {
  readonly graph: RunnerOptions['graph'];
  readonly settings: JobRunSettings;
  readonly store: StateStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  /** The host's own; it is not closed here. */
  readonly runner: EpochRunner;
  readonly identity: InvocationIdentity;
  readonly limits: InvocationLimits;
  /** Until the invocation is to end. */
  leftMs(): number;
  /** Until Lambda ends it. */
  leftAtMostMs(): number;
  readonly onEpoch?: JobOptions['onEpoch'];
  readonly onNotice?: JobOptions['onNotice'];
}

const LEASE_SLACK_MS = 20_000;
/** Before something that was away is tried again. */
const AWAY_WAIT_MS = 5_000;

export async function runInvocation(invocation: Invocation): Promise<CoordinatorAnswer> {
  const { graph, store, clock } = invocation;
  const end = new InvocationEnd();
  const obey = async (): Promise<void> => {
    const command = await lastCommand(store, graph.job);
    if (command?.kind === 'stop') end.stop('command');
    if (command?.kind === 'cancel') end.cancel();
  };
  await obey();
  const runner = new PacedRunner(invocation.runner, {
    clock,
    end,
    pace: invocation.limits,
    leftMs: () => invocation.leftMs(),
    leftAtMostMs: () => invocation.leftAtMostMs(),
    betweenEpochs: obey,
  });
  try {
    const outcome = await runJob(jobOptions(invocation, runner, end));
    const rows = nextRowLimit(invocation.limits.rowLimit, outcome.epochs, runner.outOfTime);
    const verdict = rows.tooSlow === null ? verdictOf(outcome, end.reason) : rows.tooSlow;
    return await answerOf(invocation, outcome, verdict, rows.limit);
  } finally {
    await runner.close();
  }
}

function jobOptions(invocation: Invocation, runner: EpochRunner, end: InvocationEnd): JobOptions {
  const { graph, settings, store, blobs, clock, identity, limits } = invocation;
  return {
    job: graph.job,
    store,
    blobs,
    clock,
    runner,
    lease: invocationLease(identity, () => clock.nowMs()),
    settings: {
      intervalMs: settings.epochMs,
      minPauseMs: settings.minPauseMs,
      timeoutMs: settings.timeoutMs,
      restartStrategy: settings.restart,
      onCancel: settings.retention === 'DELETE_ON_CANCELLATION' ? 'delete' : 'retain',
      maxRows: limits.rowLimit ?? Number.MAX_SAFE_INTEGER,
      restore: false,
      hasDeadLetters: graph.hasDeadLetters,
      leaseTtlMs: limits.leaseTtlMs ?? settings.epochMs + settings.minPauseMs + LEASE_SLACK_MS,
      ...(limits.fold === undefined ? {} : { fold: limits.fold }),
    },
    stop: end.stopSignal,
    cancel: end.cancelSignal,
    onEpoch: (manifest) => invocation.onEpoch?.(manifest),
    onNotice: (text, data) => invocation.onNotice?.(text, data),
  };
}

async function answerOf(
  { graph, store, clock, limits }: Invocation,
  outcome: JobOutcome,
  { status, error }: Verdict,
  rowLimit: number | null,
): Promise<CoordinatorAnswer> {
  const { job } = graph;
  const found = await readHead(store, job);
  const wakeMs = async (): Promise<number> => {
    if (found === null) return limits.tickMs;
    const nowMs = clock.nowMs();
    if (status === 'idle')
      return nextWakeMs(graph, (await readReachable(store, found.head)).base.manifest, nowMs, limits.tickMs);
    if (status === 'busy') return Math.min(limits.tickMs, leaseLeftMs(found.head.lease?.owner, nowMs));
    return status === 'continue' && error !== null ? AWAY_WAIT_MS : 0;
  };
  const nextMs = await wakeMs();
  return {
    status,
    job,
    epoch: found?.head.epoch ?? 0,
    epochs: outcome.epochs,
    nextWakeMs: Math.round(nextMs),
    waitSeconds: Math.ceil(nextMs / 1000),
    rowLimit,
    error,
  };
}

/** At least a second: somebody works on the job. */
function leaseLeftMs(owner: string | undefined, nowMs: number): number {
  const other = owner === undefined ? null : parseOwner(owner);
  return other === null ? Infinity : Math.max(1_000, other.deadlineMs - nowMs);
}
