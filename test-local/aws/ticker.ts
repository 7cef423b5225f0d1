/** Stands for EventBridge Scheduler, which LocalStack has and does not run: starts the machines of a topology's schedules. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from './deployment.ts';

export class Ticker {
  readonly #deployment: Deployment;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** One tick of every schedule. */
  async tick(): Promise<void> {
    const { schedules, machines } = this.#deployment.topology;
    for (const { machine, input } of schedules) {
      const { kind } = machines.find(({ name }) => name === machine)!;
      await this.#deployment.start(input, kind);
    }
  }

  /** Again and again, until it is stopped. `everyMs`: in place of the schedules' own time. */
  start(everyMs: number): void {
    this.#running = this.#tickOn(everyMs);
  }

  /** Throws what a tick has thrown. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #tickOn(everyMs: number): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.tick();
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
