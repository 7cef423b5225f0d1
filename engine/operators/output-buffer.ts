/**
 * What an operator emits on one output (main or one side output), until the chain behind it takes the rows.
 * Every row carries the key group that emitted it and the watermark in force before it (ARCHITECTURE section 11: rows emitted
 * by a timer carry the watermark before the advance).
 */
import { BATCH_ROWS } from '../model/limits.ts';

export class OutputBuffer {
  n = 0;
  readonly values: unknown[] = new Array<unknown>(BATCH_ROWS).fill(null);
  readonly ts = new Float64Array(BATCH_ROWS);
  readonly wm = new Float64Array(BATCH_ROWS);
  readonly channel = new Int32Array(BATCH_ROWS);
  /** Rows emitted since the epoch began. */
  emitted = 0;
  private readonly flushTo: (buffer: OutputBuffer) => void;

  constructor(flushTo: (buffer: OutputBuffer) => void) {
    this.flushTo = flushTo;
  }

  emit(value: unknown, ts: number, wm: number, channel: number): void {
    if (this.n === BATCH_ROWS) this.flush();
    const i = this.n++;
    this.values[i] = value;
    this.ts[i] = ts;
    this.wm[i] = wm;
    this.channel[i] = channel;
  }

  flush(): void {
    if (this.n === 0) return;
    this.emitted += this.n;
    this.flushTo(this);
    this.n = 0;
  }
}
