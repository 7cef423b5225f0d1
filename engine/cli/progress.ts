/** Progress of a run on standard error: a bar that redraws itself on a terminal, elsewhere a line a second at most. */
import { MAX_WATERMARK, MIN_WATERMARK } from '../model/watermark.ts';
import type { CliOutput } from './cli-io.ts';

export interface ProgressFacts {
  readonly job: string;
  readonly epoch: number;
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly watermark: number;
  /** How much of the input has been read, 0 to 1; null when its size is not known. */
  readonly fraction: number | null;
}

const TERMINAL_EVERY_MS = 80;
const LINES_EVERY_MS = 1000;
const BAR_WIDTH = 20;
const ERASE_LINE = '\r\u001b[2K';

export class Progress {
  readonly #out: CliOutput;
  readonly #nowMs: () => number;
  #shownAt = -Infinity;
  #drawn = 0;
  #last: ProgressFacts | null = null;

  constructor(out: CliOutput, nowMs: () => number) {
    this.#out = out;
    this.#nowMs = nowMs;
  }

  show(facts: ProgressFacts): void {
    this.#last = facts;
    const every = this.#out.isTTY === true ? TERMINAL_EVERY_MS : LINES_EVERY_MS;
    if (this.#nowMs() - this.#shownAt < every) return;
    this.#shownAt = this.#nowMs();
    this.#write(facts);
  }

  /** A line that stays, with the bar below it. */
  notice(text: string): void {
    this.#out.write(this.#out.isTTY === true ? `${ERASE_LINE}${text}\n` : `${text}\n`);
    if (this.#out.isTTY === true && this.#last !== null) this.#write(this.#last);
  }

  /** Removes the bar. */
  end(): void {
    if (this.#out.isTTY === true && this.#drawn > 0) this.#out.write(ERASE_LINE);
    this.#last = null;
  }

  #write(facts: ProgressFacts): void {
    if (this.#out.isTTY !== true) {
      this.#out.write(`${progressText(facts)}\n`);
      return;
    }
    const line = `${progressBar(facts.fraction, this.#drawn++)} ${progressText(facts)}`;
    this.#out.write(`${ERASE_LINE}${line.slice(0, (this.#out.columns ?? 80) - 1)}`);
  }
}

export function progressText(facts: ProgressFacts): string {
  const share = facts.fraction === null ? '' : `  ${Math.floor(facts.fraction * 100)} %`;
  return `${facts.job}${share}  ${whole(facts.records)} records  ${whole(facts.recordsPerSecond)}/s  epoch ${facts.epoch}  watermark ${watermarkText(facts.watermark).slice(0, 16)}`;
}

/** Of an input of unknown size: a block that moves on with every drawing. */
export function progressBar(fraction: number | null, drawing: number): string {
  if (fraction !== null) {
    const full = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
    return '█'.repeat(full) + '░'.repeat(BAR_WIDTH - full);
  }
  const block = 4;
  const at = drawing % (BAR_WIDTH - block + 1);
  return '░'.repeat(at) + '█'.repeat(block) + '░'.repeat(BAR_WIDTH - block - at);
}

export function watermarkText(watermark: number): string {
  if (watermark <= MIN_WATERMARK) return 'none yet';
  if (watermark >= MAX_WATERMARK) return 'end';
  const date = new Date(watermark);
  return Number.isNaN(date.getTime()) ? String(watermark) : date.toISOString().slice(0, 19).replace('T', ' ');
}

export function whole(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}
