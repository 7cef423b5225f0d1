/**
 * A place in a warm process for the subtasks of one stage, one after another: the stage's tasks, wired, and for a keyed stage the state of
 * one subtask in memory. What is in memory is good for a plan that
 * 1. builds on the very epoch in which this subtask's ack won and changed something (also when its log was folded since); or
 * 2. names the very snapshots and segments of the subtask's key groups that memory was read from and has written since.
 * Before the first change of an epoch memory stands for nothing, until the ack has won. An epoch that wins here and does not commit leaves a
 * segment that no plan will name, or, without one, changed nothing but the watermark, which is compared too.
 */
import { isExtendedPlan, manifestKey } from '../../../checkpoint/item-keys.ts';
import type { Ack, Plan, ReadRange } from '../../../checkpoint/records.ts';
import { InvariantError } from '../../../model/errors.ts';
import { MIN_WATERMARK } from '../../../model/watermark.ts';
import { keyGroupRange } from '../../keyed-stage.ts';
import { objectName } from '../../object-io.ts';
import { PauseMeter } from '../../pause-meter.ts';
import type { RunnerOptions } from '../../runner-options.ts';
import { ShuffleBatch } from '../../shuffle/shuffle-batch.ts';
import { ShuffleReader } from '../../shuffle/shuffle-reader.ts';
import { splitsBefore } from '../../split-task.ts';
import { bringTo } from '../../state-io.ts';
import { wireJob, type WiredJob } from '../../wire-job.ts';
import type { FunctionLives } from '../../function-lives.ts';
import { crashPoint } from '../../crash-point.ts';
import { Outgoing } from '../outgoing.ts';
import type { Block, ReadReport } from '../subtask-peer.ts';
import { readSplits, runKeyedStage } from '../subtask-phases.ts';
import { splitsOfSubtask } from './staged-shape.ts';
import type { StageBudget } from './stage-budget.ts';
import type { TimeLimit } from './time-limit.ts';

/** What memory stands for. */
interface Standing {
  /** The subtask, and how many subtasks each keyed stage has: it decides where rows go. */
  readonly packing: string;
  /** Run and manifest; null: it is known by its segments only. */
  readonly manifest: string | null;
  readonly segments: string;
  readonly watermark: number;
}

export class Seat {
  readonly wired: WiredJob;
  private readonly options: RunnerOptions;
  /** Null: of the sources. */
  private readonly uid: string | null;
  private readonly reader = new ShuffleReader();
  private readonly pauses = new PauseMeter();
  private subtask = 0;
  private standing: Standing | null = null;
  /** Splits of the plan in work are open. */
  private opened = false;

  constructor(options: RunnerOptions, uid: string | null, lives: FunctionLives) {
    this.options = options;
    this.uid = uid;
    const subtask = (): number => this.subtask;
    this.wired = wireJob(options, {
      get index() {
        return subtask();
      },
      stages: uid === null ? [] : [uid],
      lives,
      outgoing: (subtasks) => new Outgoing(options.graph, subtasks, null),
    });
    this.wired.releaseShuffled = (batch) => {
      if (batch instanceof ShuffleBatch) this.reader.release(batch);
    };
  }

  /** Memory at the plan's state; then it stands for nothing until `won`. */
  async bring(plan: Plan, subtask: number): Promise<void> {
    const wanted = this.standingOf(plan, subtask);
    const { standing } = this;
    this.standing = null;
    this.opened = false;
    const isGood = standing !== null && isGoodFor(standing, wanted);
    if (!isGood || !this.wired.stages.every((stage) => stage.paged?.follow(plan.state) ?? true)) {
      this.subtask = subtask;
      await bringTo(plan, this.wired, this.options.blobs);
    }
    this.wired.outgoing!.begin(plan.watermarks);
  }

  /** A subtask of the sources. */
  async read(plan: Plan, budget: StageBudget, limit: TimeLimit): Promise<ReadReport> {
    const { wired, pauses } = this;
    const { clock, graph } = this.options;
    await wired.discover(splitsBefore(plan));
    await wired.openSplits(plan, new Set(splitsOfSubtask(graph, plan, this.subtask)));
    this.opened = true;
    const crash = this.options.crashPoint ?? crashPoint;
    return await readSplits({ wired, clock, plan, budget: { ...budget, timeoutMs: limit.leftMs }, pauses, crash });
  }

  /** A subtask of the keyed stage. */
  async process(plan: Plan, watermark: number, blocks: readonly Uint8Array[], limit: TimeLimit): Promise<Block[]> {
    const { wired, reader } = this;
    const stage = wired.stages[0];
    if (stage === undefined) throw new InvariantError(`no stage ${String(this.uid)}`);
    await runKeyedStage({
      stage,
      clockMs: plan.clock,
      watermark,
      blocks,
      reader,
      kept: [],
      breathe: () => limit.breathe(),
      settle: () => limit.wait(stage.settle(), `operator "${stage.wiring.node.name}": waiting for its requests`),
    });
    return wired.outgoing!.take();
  }

  /** What a subtask of the sources has read; null: it had not begun, or is none. */
  rangesRead(plan: Plan): readonly ReadRange[] | null {
    return this.uid === null && this.opened ? this.wired.ranges(plan) : null;
  }

  /** The subtask's ack won: if the epoch commits, memory stands at it. `key`: the plan's. */
  won(plan: Plan, key: string, ack: Ack): void {
    const before = this.standingOf(plan, this.subtask);
    const watermark = this.uid === null ? before.watermark : (ack.watermarks[this.uid] ?? MIN_WATERMARK);
    const changed = ack.segments.length > 0 || watermark !== before.watermark;
    const manifest = `${plan.run} ${manifestKey(plan.epoch, plan.generation)}`;
    this.standing = {
      packing: before.packing,
      // Of several extended plans of one generation one commits at most, and the manifest does not say which.
      manifest: !changed ? before.manifest : isExtendedPlan(key) ? null : manifest,
      segments: [before.segments, ...ack.segments.map(({ object }) => objectName(object))].join(SEPARATOR),
      watermark,
    };
  }

  /** Whatever is in memory belongs to nothing: the attempt failed, or another one won. */
  forget(): void {
    this.standing = null;
    this.wired.discard();
  }

  private standingOf(plan: Plan, subtask: number): Standing {
    const { uid, options } = this;
    const keyed = options.graph.nodes.filter(({ operator }) => operator.kind === 'keyed');
    const packing = `${subtask} of ${JSON.stringify(keyed.map((node) => plan.subtasks[node.uid] ?? 1))}`;
    const manifest = plan.base === null ? null : `${plan.run} ${plan.base}`;
    if (uid === null) return { packing, manifest, segments: '', watermark: MIN_WATERMARK };
    const [from, to] = keyGroupRange(options.graph.maxParallelism, plan.subtasks[uid] ?? 1, subtask);
    const { base, log } = plan.state;
    // As of which epoch its records are: without it two bases with nothing of the log left would look the same.
    const table = base?.table?.operators.includes(uid) === true ? `${base.table.namespace}@${base.epoch}` : '';
    const own = [...(base?.snapshots ?? []), ...log].filter(
      // What all subtasks share stands in key group 0.
      ({ stage, keyGroups }) => stage === uid && (keyGroups[0] === 0 || (keyGroups[0] < to && keyGroups[1] > from)),
    );
    return {
      packing,
      manifest,
      segments: [table, ...own.map(({ object }) => objectName(object))].join(SEPARATOR),
      watermark: plan.watermarks[uid] ?? MIN_WATERMARK,
    };
  }
}

/** In no name of an object. */
const SEPARATOR = '|';

function isGoodFor(standing: Standing, wanted: Standing): boolean {
  return (
    standing.packing === wanted.packing &&
    standing.watermark === wanted.watermark &&
    (standing.segments === wanted.segments || (standing.manifest !== null && standing.manifest === wanted.manifest))
  );
}
