/**
 * An EpochRunner whose fanned-out epochs are staged: the coordinator stays where it is and waits, and somebody else invokes the tasks. What
 * hosts do that suspend the coordinator between two stages, in one piece: for tests, and for hosts that need not suspend it.
 */
import { extendedPlanKey, planKey } from '../../../checkpoint/item-keys.ts';
import type { Plan } from '../../../checkpoint/records.ts';
import type { AttemptId } from '../../../model/ids.ts';
import type { StateStore } from '../../../ports/state-store.ts';
import { AttemptFailure, type EpochBudget } from '../../epoch-runner.ts';
import type { FusedRunner } from '../../fused-runner.ts';
import { readHead } from '../../job-records.ts';
import { packRecord } from '../../packed-record.ts';
import { HybridRunner, type FannedOutElsewhere, type HybridOptions } from '../hybrid-runner.ts';
import type { EpochFailed, GivenUp } from './decide-stage.ts';
import type { StageBudget } from './stage-budget.ts';
import { StageRecords, type StageTask } from './stage-records.ts';
import { StagedEpoch } from './staged-epoch.ts';

export interface StagedRunnerOptions extends Omit<HybridOptions, 'pool'> {
  readonly job: string;
  readonly store: StateStore;
  /** Invokes each task at least once, and ends when nobody works at one any more. Answers what went wrong, if somebody knows. */
  invoke(tasks: readonly StageTask[], budget: StageBudget): Promise<string | null>;
}

export function stagedRunner(fused: FusedRunner, options: StagedRunnerOptions): HybridRunner {
  return new HybridRunner(fused, options, new StagedEpochs(options));
}

class StagedEpochs implements FannedOutElsewhere {
  private readonly options: StagedRunnerOptions;
  private ran: string | null = null;

  constructor(options: StagedRunnerOptions) {
    this.options = options;
  }

  async run(plan: Plan, attempt: AttemptId, budget: EpochBudget): ReturnType<FannedOutElsewhere['run']> {
    const { store, job, graph } = this.options;
    const key = await this.keyOf(plan, attempt);
    const epoch = new StagedEpoch({ store, job, graph, plan, key, attempt });
    let gaveUp: GivenUp | null = null;
    for (;;) {
      const next = await epoch.next(gaveUp);
      if (next.kind === 'failed') throw failureOf(next);
      if (next.kind === 'done') return next;
      const error = await this.options.invoke(next.tasks, budget);
      gaveUp = { stage: next.stage, error: error ?? 'they ended without one' };
    }
  }

  /** The item that the head refers to, if it holds this plan; one that was extended since gets an item of its own for each attempt. */
  private async keyOf(plan: Plan, attempt: AttemptId): Promise<string> {
    const { store, job } = this.options;
    const found = await readHead(store, job);
    const phase = found?.head.phase;
    const taken = phase?.kind === 'running' ? phase.plan : planKey(plan.epoch, plan.generation, attempt);
    const written = await new StageRecords(store, job).plan(taken);
    if (this.ran !== taken && written !== null && JSON.stringify(written) === JSON.stringify(plan))
      return (this.ran = taken);
    const key = extendedPlanKey(taken, attempt);
    await store.createItem(job, key, packRecord(plan));
    return key;
  }
}

function failureOf({ reason, ranges, poison, retryable }: EpochFailed): AttemptFailure {
  return new AttemptFailure(new Error(reason), { ranges, poison, retryable });
}
