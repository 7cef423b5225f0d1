/**
 * An end for calls of the user's that wait for each other: a sink that holds a lock between two of its methods keeps a rival waiting,
 * and the rival is what would have to end first.
 */
export class TimeLimit {
  /** What did not answer; null: everything did. Nothing is called any more after it. */
  exceeded: string | null = null;
  private readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }

  /** `step`: what is called, and when. */
  async of<R>(step: string, call: () => R | Promise<R>): Promise<R> {
    this.check();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.exceeded ??= `${step} did not answer within ${this.ms} ms. It waits for something that another process of this check holds: a lock that the sink keeps from one of its methods to the next, or that a process which died did not let go. A sink must not wait for what only its rival can end: lock within one method, give locks a timeout, and close a dead process's connections in the option kill. If the target is only slow, raise the option stepTimeoutMs`;
        reject(new Error(this.exceeded));
      }, this.ms);
    });
    try {
      return await Promise.race([call(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  check(): void {
    if (this.exceeded !== null) throw new Error(this.exceeded);
  }
}
