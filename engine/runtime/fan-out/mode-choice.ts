/**
 * 'auto': how many subtasks the next epoch gets, by its backlog. Pure but for what it remembers.
 *
 * One (fused), until BUSY_EPOCHS in a row have used up their time with more than WORTH_EPOCHS left over. Then two, four and so on, up to
 * the job's parallelism: one step up each time BUSY_EPOCHS more were as busy, as long as that reads faster. After TRIAL_EPOCHS a step's
 * rate is compared with that of the step below; if it gains less than WORTH_WHILE the job goes back down, and does not try again for
 * PATIENCE epochs. One step down as well when CALM_EPOCHS in a row need less than a third of their time.
 */
export interface EpochFacts {
  /** Subtasks it had; 1: fused. */
  readonly width: number;
  readonly rows: number;
  readonly tookMs: number;
  readonly intervalMs: number;
  readonly ended: boolean;
  /** Further epochs that the rest takes at this speed; null: not known. */
  readonly epochsLeft: number | null;
}

const BUSY_EPOCHS = 3;
const CALM_EPOCHS = 2;
const TRIAL_EPOCHS = 4;
const WORTH_WHILE = 1.1;
const PATIENCE = 60;
/** New workers build the job and read their state first: about an epoch's time. */
const WORTH_EPOCHS = 2;

export class ModeChoice {
  private readonly widths: readonly number[];
  /** Rows a millisecond at each width, when last busy there. */
  private readonly rates = new Map<number, number>();
  private step = 0;
  private busy = 0;
  private calm = 0;
  private trial = { epochs: 0, rows: 0, ms: 0 };
  private patience = 0;

  /** `most`: subtasks at most. */
  constructor(most: number) {
    const widths = [1];
    while (widths.at(-1)! < most) widths.push(Math.min(most, widths.at(-1)! * 2));
    this.widths = widths;
  }

  /** Subtasks of the next epoch; 1: fused. */
  get width(): number {
    return this.widths[this.step]!;
  }

  /** A fused epoch was busy: one or two more like it, and the next one fans out. */
  get mayFanOutSoon(): boolean {
    return this.width === 1 && this.busy > 0 && this.patience === 0;
  }

  /** What the epoch that has just run says about the next one. */
  note(epoch: EpochFacts): void {
    if (epoch.width !== this.width) return;
    if (this.patience > 0) this.patience--;
    const { tookMs, intervalMs } = epoch;
    this.calm = this.step > 0 && tookMs < intervalMs / 3 ? this.calm + 1 : 0;
    if (this.calm >= CALM_EPOCHS) return this.go(-1);
    const more = !epoch.ended && (epoch.epochsLeft === null || epoch.epochsLeft >= WORTH_EPOCHS);
    this.busy = tookMs >= intervalMs && more ? this.busy + 1 : 0;
    if (this.busy > 0 && this.step === 0) this.rates.set(1, epoch.rows / tookMs);
    if (this.step > 0 && !this.isWorthIt(epoch)) {
      this.patience = PATIENCE;
      return this.go(-1);
    }
    const judged = this.step === 0 || this.rates.has(this.width);
    if (judged && this.busy >= BUSY_EPOCHS && this.patience === 0 && this.step < this.widths.length - 1) this.go(1);
  }

  /** False: this width has been tried long enough, and reads hardly faster than the one below. */
  private isWorthIt({ rows, tookMs }: EpochFacts): boolean {
    const { trial } = this;
    // The first epoch reads state and starts workers: it says nothing of the rate.
    if (trial.epochs++ > 0) {
      trial.rows += rows;
      trial.ms += tookMs;
    }
    if (trial.epochs <= TRIAL_EPOCHS) return true;
    const rate = trial.rows / trial.ms;
    this.trial = { epochs: 1, rows: 0, ms: 0 };
    if (rate < (this.rates.get(this.widths[this.step - 1]!) ?? 0) * WORTH_WHILE) return false;
    this.rates.set(this.width, rate);
    return true;
  }

  private go(by: 1 | -1): void {
    this.step += by;
    this.rates.delete(this.widths[this.step + 1] ?? 0);
    if (by > 0) this.rates.delete(this.width);
    this.busy = 0;
    this.calm = 0;
    this.trial = { epochs: 0, rows: 0, ms: 0 };
  }
}
