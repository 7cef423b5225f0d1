/** Why an invocation is to end, as the signals that the coordinator looks at between two epochs. */

/** `time`: the function's time is nearly over. `paced`: all is read, until the next epoch is due. `idle`: nothing to read. `command`: somebody stops the job. */
export type EndReason = 'time' | 'paced' | 'idle' | 'command';

export class InvocationEnd {
  readonly #stop = new AbortController();
  readonly #cancel = new AbortController();
  #reason: EndReason | null = null;

  /** Of the first that asked; a command counts before time and idleness. */
  get reason(): EndReason | null {
    return this.#reason;
  }

  get stopSignal(): AbortSignal {
    return this.#stop.signal;
  }

  get cancelSignal(): AbortSignal {
    return this.#cancel.signal;
  }

  /** Finish the epoch, publish it, release the lease. */
  stop(reason: EndReason): void {
    if (this.#reason === null || reason === 'command') this.#reason = reason;
    this.#stop.abort();
  }

  /** Drop the epoch in work, and end the job. */
  cancel(): void {
    this.#reason = 'command';
    this.#cancel.abort();
  }
}
