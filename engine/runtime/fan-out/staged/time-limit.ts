/** The time that an invocation has for its subtask. */
import { RetryableError } from '../../../model/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import { breather } from '../../breathe.ts';

export class TimeLimit {
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  private readonly untilMs: number;
  private readonly pause: () => Promise<void>;

  constructor(clock: Clock, timeoutMs: number) {
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.untilMs = clock.monotonicMs() + timeoutMs;
    this.pause = breather(clock);
  }

  get leftMs(): number {
    return Math.max(0, this.untilMs - this.clock.monotonicMs());
  }

  get isOver(): boolean {
    return this.clock.monotonicMs() >= this.untilMs;
  }

  /** Lets other work in; throws when the time is over. */
  async breathe(): Promise<void> {
    if (this.isOver) throw this.over('work');
    await this.pause();
  }

  /** Waits for it, but no longer than there is time. */
  async wait(work: Promise<void>, what: string): Promise<void> {
    if (this.untilMs === Infinity) return await work;
    await new Promise<void>((resolve, reject) => {
      const giveUp = this.clock.after(this.leftMs, () => reject(this.over(what)));
      work.then(resolve, reject).finally(giveUp);
    });
  }

  private over(what: string): RetryableError {
    return new RetryableError(`${what} took longer than the ${this.timeoutMs} ms that it had.`);
  }
}
