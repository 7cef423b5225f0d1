/**
 * Looks for commands to the job that this process runs (runtime/job-commands.ts): before it begins, and a few times a second after that, off
 * the path of rows. A command that asks the job to end becomes the signal that the coordinator looks at.
 */
import { messageOf } from '../model/errors.ts';
import type { StateStore } from '../ports/state-store.ts';
import { giveCommand, lastCommand } from '../runtime/job-commands.ts';
import { readHead } from '../runtime/job-records.ts';

const LOOK_EVERY_MS = 400;

export interface CommandWatchOptions {
  readonly store: StateStore;
  readonly job: string;
  /** A new run is about to begin: a command to a job that has ended is none to that run. */
  readonly restore: boolean;
  /** Commands cannot be read; the job goes on, and so does the watch. */
  onTrouble(why: string): void;
}

export class CommandWatch {
  readonly #options: CommandWatchOptions;
  readonly #stop = new AbortController();
  readonly #cancel = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #trouble = '';

  private constructor(options: CommandWatchOptions) {
    this.#options = options;
  }

  /** Signals that are aborted already say what the last command wants of a run that begins. */
  static async begin(options: CommandWatchOptions): Promise<CommandWatch> {
    const watch = new CommandWatch(options);
    const { store, job, restore } = options;
    const phase = (await readHead(store, job))?.head.phase.kind;
    const hasEnded = phase === 'finished' || phase === 'cancelled';
    if (hasEnded && restore && ((await lastCommand(store, job))?.kind ?? 'start') !== 'start')
      await giveCommand(store, job, 'start', Date.now());
    if (!hasEnded) await watch.#look();
    watch.#arm();
    return watch;
  }

  /** The job is to pause. */
  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  get cancelSignal(): AbortSignal {
    return this.#cancel.signal;
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #arm(): void {
    this.#timer = setTimeout(() => {
      void this.#lookAgain();
    }, LOOK_EVERY_MS);
    this.#timer.unref();
  }

  async #lookAgain(): Promise<void> {
    const before = this.#timer;
    try {
      await this.#look();
      this.#trouble = '';
    } catch (error) {
      const why = messageOf(error);
      if (why !== this.#trouble) this.#options.onTrouble(why);
      this.#trouble = why;
    }
    // Unless it was closed meanwhile.
    if (this.#timer === before && before !== null) this.#arm();
  }

  async #look(): Promise<void> {
    const { store, job } = this.#options;
    const command = await lastCommand(store, job);
    if (command?.kind === 'stop') this.#stop.abort();
    if (command?.kind === 'cancel') this.#cancel.abort();
  }
}
