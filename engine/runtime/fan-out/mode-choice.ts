/**
 * 'auto': which kind the next epoch is. Pure but for what it remembers.
 *
 * Fused, until BUSY_EPOCHS in a row have used up their time with input left over. Then fanned out, as long as that reads faster: after
 * TRIAL_EPOCHS its rate is compared with the fused one, and if it gains less than WORTH_WHILE the job stays fused for PATIENCE epochs
 * before it tries again. Back to fused as well when epochs need less than a third of their time.
 */
export interface EpochFacts {
  readonly fannedOut: boolean;
  readonly rows: number;
  readonly tookMs: number;
  readonly intervalMs: number;
  readonly ended: boolean;
}

const BUSY_EPOCHS = 3;
const CALM_EPOCHS = 2;
const TRIAL_EPOCHS = 4;
const WORTH_WHILE = 1.1;
const PATIENCE = 60;

export class ModeChoice {
  fanOut = false;
  private votes = 0;
  private fusedRate = 0;
  private trial = { epochs: 0, rows: 0, ms: 0 };
  private patience = 0;

  /** A fused epoch was busy: one or two more like it, and the next one fans out. */
  get mayFanOutSoon(): boolean {
    return !this.fanOut && this.votes > 0 && this.patience === 0;
  }

  /** What the epoch that has just run says about the next one. */
  note(epoch: EpochFacts): void {
    const busy = epoch.tookMs >= epoch.intervalMs && !epoch.ended;
    if (epoch.fannedOut) this.noteFannedOut(epoch);
    else this.noteFused(epoch, busy);
  }

  private noteFused(epoch: EpochFacts, busy: boolean): void {
    if (this.patience > 0) this.patience--;
    if (busy) this.fusedRate = epoch.rows / epoch.tookMs;
    this.votes = busy ? this.votes + 1 : 0;
    if (this.votes < BUSY_EPOCHS || this.patience > 0) return;
    this.switchTo(true);
  }

  private noteFannedOut({ rows, tookMs, intervalMs }: EpochFacts): void {
    this.votes = tookMs < intervalMs / 3 ? this.votes + 1 : 0;
    if (this.votes >= CALM_EPOCHS) return this.switchTo(false);
    const { trial } = this;
    // The first epoch reads state and starts workers: it says nothing of the rate.
    if (trial.epochs++ > 0) {
      trial.rows += rows;
      trial.ms += tookMs;
    }
    if (trial.epochs <= TRIAL_EPOCHS) return;
    if (trial.rows / trial.ms < this.fusedRate * WORTH_WHILE) {
      this.patience = PATIENCE;
      return this.switchTo(false);
    }
    this.trial = { epochs: 1, rows: 0, ms: 0 };
  }

  private switchTo(fanOut: boolean): void {
    this.fanOut = fanOut;
    this.votes = 0;
    this.trial = { epochs: 0, rows: 0, ms: 0 };
  }
}
