/**
 * Invokes the tasks of staged epochs in this process as a platform would: in containers that stay warm, each of which runs one task at a time
 * and builds the job for itself; some tasks twice, at once or later, also when their epoch is long decided; and some containers die at a
 * write, before it or behind it, and the task is invoked again. A seed decides.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import { RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import type { StateStore } from '../../ports/state-store.ts';
import { InjectedCrash } from '../../runtime/crash-point.ts';
import type { StageBudget } from '../../runtime/fan-out/staged/stage-budget.ts';
import type { StageTask } from '../../runtime/fan-out/staged/stage-records.ts';
import { StageTaskRunner, type StageOutcome } from '../../runtime/fan-out/staged/stage-task-runner.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';
import type { Decisions } from '../sim/decisions.ts';
import { replaced } from '../sim/mutant.ts';

export interface PlatformOptions extends Pick<RunnerOptions, 'clock' | 'blobs' | 'table'> {
  readonly store: StateStore;
  readonly d: Decisions;
  /** Of 1: tasks that are invoked twice at once, that are invoked once more later, and that die at a write. */
  readonly troubles: { readonly doubled: number; readonly late: number; readonly dies: number };
  readonly containers: number;
  graph(): JobGraph;
}

interface Container {
  readonly runner: StageTaskRunner;
  isBusy: boolean;
  /** Writes until it dies. */
  writesLeft: number;
  isDead: boolean;
}

export class TaskPlatform {
  readonly outcomes: Record<StageOutcome, number> = { done: 0, failed: 0, fenced: 0 };
  deaths = 0;
  private readonly options: PlatformOptions;
  private containers: Container[] = [];
  private readonly waiting: (() => void)[] = [];
  private readonly later: { readonly task: StageTask; readonly budget: StageBudget }[] = [];
  private drawn = 0;

  constructor(options: PlatformOptions) {
    this.options = options;
  }

  async invoke(tasks: readonly StageTask[], budget: StageBudget): Promise<null> {
    const { doubled, late } = this.options.troubles;
    const zombies = this.later.splice(0).filter(() => this.chance(0.5));
    const twice = tasks.filter(() => this.chance(doubled));
    for (const task of tasks) if (this.chance(late)) this.later.push({ task, budget });
    const asked = [...tasks, ...twice].map((task) => ({ task, budget }));
    await Promise.all([...zombies, ...asked].map((one) => this.untilAnswered(one.task, one.budget)));
    return null;
  }

  /** Everything that was to be invoked again at some time. */
  async invokeLate(): Promise<void> {
    for (const { task, budget } of this.later.splice(0)) await this.untilAnswered(task, budget);
  }

  async close(): Promise<void> {
    for (const { runner } of this.containers) await runner.close();
  }

  private async untilAnswered(task: StageTask, budget: StageBudget): Promise<void> {
    for (;;) {
      const container = await this.take();
      container.writesLeft = this.chance(this.options.troubles.dies) ? 1 + this.below(6) : Infinity;
      try {
        this.outcomes[await container.runner.run(task, budget)]++;
        return;
      } catch (thrown) {
        const repeats = [InjectedCrash, RetryableError, UnknownOutcomeError].some((kind) => thrown instanceof kind);
        if (!repeats) throw thrown;
      } finally {
        if (container.isDead) this.containers = this.containers.filter((other) => other !== container);
        container.isBusy = false;
        this.waiting.shift()?.();
      }
    }
  }

  private async take(): Promise<Container> {
    for (;;) {
      const idle = this.containers.filter(({ isBusy }) => !isBusy);
      const isFull = this.containers.length >= this.options.containers;
      if (idle.length > 0 || !isFull) {
        const starts = idle.length === 0 || (!isFull && this.chance(0.3));
        const container = starts ? this.start() : idle[this.below(idle.length)]!;
        container.isBusy = true;
        return container;
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private start(): Container {
    const { clock, store, blobs, table } = this.options;
    const graph = this.options.graph();
    const write = <R>(work: () => Promise<R>): Promise<R> => this.write(container, work);
    const dying = {
      store: replaced(store, { createItem: (...args) => write(() => store.createItem(...args)) }),
      blobs: replaced(blobs, { create: (...args) => write(() => blobs.create(...args)) }),
    };
    const attempt = { newAttempt: (): string => `a${++this.drawn}` };
    const state = table === undefined ? {} : { table };
    const runner = new StageTaskRunner({ job: graph.job, graph, clock, log: null, ...state, ...dying, ...attempt });
    const container: Container = { runner, isBusy: false, writesLeft: Infinity, isDead: false };
    this.containers.push(container);
    return container;
  }

  private async write<R>(container: Container, work: () => Promise<R>): Promise<R> {
    if (container.isDead) throw new InjectedCrash('dead');
    if (--container.writesLeft > 0) return await work();
    container.isDead = true;
    this.deaths++;
    if (this.chance(0.5)) await work();
    throw new InjectedCrash('died at a write');
  }

  private chance(probability: number): boolean {
    return this.options.d.chance(`platform ${++this.drawn}`, probability);
  }

  private below(n: number): number {
    return this.options.d.below(`platform ${++this.drawn}`, n);
  }
}
