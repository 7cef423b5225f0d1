/**
 * The coordinator's side of an epoch whose subtasks are invocations with nothing in common but the stores: reads the acks there are and says
 * what is next. It keeps nothing: another one, in another process, goes on from the same acks and says the same (E2, E4). A subtask may be
 * invoked twice at any time, as a straggler or by a platform that repeats: its first ack wins, and only what that refers to is used.
 */
import type { Ack, Plan } from '../../../checkpoint/records.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import type { AttemptId } from '../../../model/ids.ts';
import type { StateStore } from '../../../ports/state-store.ts';
import { joinBacklogs, type SourceBacklog } from '../../backlog.ts';
import { isIdle } from '../../fused-runner.ts';
import { finalWatermarks, type FinalWatermarks } from '../final-watermarks.ts';
import { mergeAcks } from '../merge-acks.ts';
import { gatherBlocks } from './block-objects.ts';
import { decideStage, type EpochFailed, type GivenUp, type StageAnswers } from './decide-stage.ts';
import { SOURCES, StageRecords, type StageAnswer, type StageDone, type StageTask } from './stage-records.ts';
import { checkStageNames, stagesOf, type StageShape } from './staged-shape.ts';

export interface StagedEpochOptions {
  readonly store: StateStore;
  readonly job: string;
  readonly graph: JobGraph;
  readonly plan: Plan;
  /** Key of the item that holds this very plan: not of one that was extended since (`extendedPlanKey`). */
  readonly key: string;
  /** Of the epoch's ack. */
  readonly attempt: AttemptId;
}

export type StagedNext =
  /** These subtasks have not answered yet: each is to be invoked, at least once. */
  | { readonly kind: 'stage'; readonly stage: string; readonly tasks: readonly StageTask[] }
  | {
      readonly kind: 'done';
      readonly ack: Ack;
      /** Nothing was read and nothing came to pass: the epoch need not commit. */
      readonly idle: boolean;
      readonly backlog: readonly SourceBacklog[];
      /** By stage, of all of its subtasks together, as they measured it. */
      readonly stageMs: Readonly<Record<string, number>>;
    }
  | EpochFailed;

export class StagedEpoch {
  private readonly options: StagedEpochOptions;
  private readonly records: StageRecords;
  private readonly shapes: readonly StageShape[];
  /** An ack never changes. */
  private readonly known = new Map<string, StageAnswer>();

  constructor(options: StagedEpochOptions) {
    const { store, job, graph, plan } = options;
    checkStageNames(graph);
    this.options = options;
    this.records = new StageRecords(store, job);
    this.shapes = stagesOf(graph, plan);
  }

  /** `gaveUp`: the stage that was handed out last ended without all of its answers, and why. */
  async next(gaveUp: GivenUp | null = null): Promise<StagedNext> {
    const stages = await this.answers();
    const decision = decideStage(stages, gaveUp);
    switch (decision.kind) {
      case 'failed':
        return decision;
      case 'complete':
        return this.done(stages);
      case 'stage': {
        const { stage, missing } = decision;
        if (stage !== SOURCES) await this.writeInput(stage, stages);
        return { kind: 'stage', stage, tasks: missing.map((subtask) => this.task(stage, subtask)) };
      }
    }
  }

  /** Stage after stage, up to the first that is not through. */
  private async answers(): Promise<StageAnswers[]> {
    const read: StageAnswers[] = [];
    for (const { stage, subtasks } of this.shapes) {
      const answers = await Promise.all(Array.from({ length: subtasks }, (_, i) => this.answer(this.task(stage, i))));
      read.push({ stage, answers });
      if (!answers.every((answer) => answer?.kind === 'done')) break;
    }
    return read;
  }

  private async answer(task: StageTask): Promise<StageAnswer | null> {
    const name = `${task.stage} ${task.subtask}`;
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const answer = await this.records.answer(task);
    if (answer !== null) this.known.set(name, answer);
    return answer;
  }

  /** From the acks alone, so that all coordinators write the same. */
  private async writeInput(stage: string, stages: readonly StageAnswers[]): Promise<void> {
    const { subtasks } = this.shapes.find((shape) => shape.stage === stage)!;
    const done = stages.flatMap(({ answers }) => answers).filter((answer) => answer?.kind === 'done');
    const { watermarks } = this.watermarks(done);
    const blocks = gatherBlocks(
      stage,
      subtasks,
      done.map(({ sent }) => sent),
    );
    await this.records.writeInput(this.options.key, stage, { format: 1, watermark: watermarks[stage]!, ...blocks });
  }

  private watermarks(done: readonly StageDone[]): FinalWatermarks {
    const { graph, plan } = this.options;
    return finalWatermarks(
      graph,
      plan,
      done.flatMap(({ read }) => read ?? []),
    );
  }

  private done(stages: readonly StageAnswers[]): StagedNext {
    const { plan, attempt } = this.options;
    const doneIn = ({ answers }: StageAnswers): StageDone[] => answers as StageDone[];
    const parts = stages.flatMap(doneIn);
    const { watermarks, ended } = this.watermarks(parts);
    const ack = mergeAcks(
      attempt,
      parts.map((part) => part.ack),
      watermarks,
      ended,
    );
    const backlog = joinBacklogs(parts.flatMap(({ read }) => read?.backlog ?? []));
    const stageMs = Object.fromEntries(
      stages.map((each) => [each.stage, doneIn(each).reduce((sum, { tookMs = 0 }) => sum + tookMs, 0)]),
    );
    return { kind: 'done', ack, idle: isIdle(plan, ack), backlog, stageMs };
  }

  private task(stage: string, subtask: number): StageTask {
    return { plan: this.options.key, stage, subtask };
  }
}
