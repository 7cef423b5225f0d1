/** The longest time between two batches while there was input, epochs' ends included: what a user of the results waits for. */
export class PauseMeter {
  longestMs = 0;
  private last = Number.POSITIVE_INFINITY;

  progress(nowMs: number): void {
    if (nowMs - this.last > this.longestMs) this.longestMs = nowMs - this.last;
    this.last = nowMs;
  }

  /** The job waits for input: that is no pause of ours. */
  idle(): void {
    this.last = Number.POSITIVE_INFINITY;
  }
}
