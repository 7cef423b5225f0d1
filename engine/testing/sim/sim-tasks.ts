/**
 * Invokes the tasks of staged epochs in the simulated world, each in a process of its own that may crash, pause, or get no answers, and that
 * outlives the coordinator which asked: what it still does then must be harmless. Some tasks are invoked twice, at once or much later. A
 * process that has answered is used again, warm.
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import type { StageBudget } from '../../runtime/fan-out/staged/stage-budget.ts';
import type { StageTask } from '../../runtime/fan-out/staged/stage-records.ts';
import { StageTaskRunner } from '../../runtime/fan-out/staged/stage-task-runner.ts';
import { SimClock } from './sim-clock.ts';
import { SimProcess } from './sim-process.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { World } from './world.ts';

interface Container {
  readonly process: SimProcess;
  readonly runner: StageTaskRunner;
  /** Of the job's graph that it was built for. */
  readonly hash: string;
  isBusy: boolean;
  /** Told when the process dies. */
  died: () => void;
}

/** Much more than a task needs when nothing goes wrong. */
const TIMEOUT_MS = 20_000;
const MAX_TRIES = 3;

export class SimTasks {
  readonly #world: World;
  readonly #containers: Container[] = [];
  #invocations = 0;
  #attempts = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async invoke(graph: JobGraph, tasks: readonly StageTask[], budget: StageBudget): Promise<string | null> {
    const world = this.#world;
    const patient = { ...budget, timeoutMs: TIMEOUT_MS };
    const answers = tasks.map((task) => {
      const name = `invocation${++this.#invocations}`;
      if (!world.calm && world.d.chance(`${name}.doubled`, 0.25)) {
        const laterMs = world.d.chance(`${name}.late`, 0.5) ? world.longMs(name) : 0;
        world.queue.schedule(laterMs, () => void this.#untilAnswered(`${name}.again`, graph, task, patient));
      }
      return this.#untilAnswered(name, graph, task, patient);
    });
    const errors = (await Promise.all(answers)).filter((error) => error !== null);
    return errors[0] ?? null;
  }

  async #untilAnswered(name: string, graph: JobGraph, task: StageTask, budget: StageBudget): Promise<string | null> {
    let error = '';
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const container = this.#take(`${name}.${tries}`, graph);
      const death = new Promise<never>((_, reject) => {
        container.died = () => reject(new Error('the process died'));
      });
      try {
        const outcome = await Promise.race([container.runner.run(task, budget), death]);
        this.#world.trace?.(`${container.process.name} ${task.stage} ${task.subtask} → ${outcome}`);
        return null;
      } catch (thrown) {
        error = String(thrown);
        this.#world.trace?.(`${container.process.name} ${task.stage} ${task.subtask} → ${error}`);
      } finally {
        container.isBusy = false;
      }
    }
    return error;
  }

  #take(name: string, graph: JobGraph): Container {
    const { d } = this.#world;
    const idle = this.#containers.filter(
      ({ process, hash, isBusy }) => process.alive && !isBusy && hash === graph.hash,
    );
    const container = idle.length > 0 && d.chance(`${name}.warm`, 0.8) ? d.pick(name, idle) : this.#start(graph);
    container.isBusy = true;
    return container;
  }

  #start(graph: JobGraph): Container {
    const world = this.#world;
    const process = new SimProcess(world, `c${this.#containers.length}`);
    const runner = new StageTaskRunner({
      job: world.job,
      graph,
      clock: new SimClock(process),
      store: new SimStateStore(process),
      blobs: new SimBlobStore(process),
      log: null,
      newAttempt: () => `t${++this.#attempts}`,
    });
    const container: Container = { process, runner, hash: graph.hash, isBusy: false, died: () => undefined };
    process.onCrash = () => container.died();
    this.#containers.push(container);
    return container;
  }
}
