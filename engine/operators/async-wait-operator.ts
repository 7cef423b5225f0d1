/**
 * Asynchronous requests, one per row (Flink: AsyncWaitOperator).
 *
 * In: rows with a partition's key. Out: what each request answers, with its row's timestamp and watermark, in the order of the rows; so
 * a retry of the epoch emits the same (E7a). At most `capacity` requests are under way; all are finished before the epoch is staged,
 * so there is no state. A request that fails fails its record: it goes to the dead letters where the job has them.
 */
import { ConfigError } from '../model/errors.ts';
import { textOf } from './collection-source.ts';
import { AsyncRequest, type Answer, type RequestOptions } from './async-request.ts';
import type { ExchangeBatch } from './exchange-batch.ts';
import type { KeyedOperator, KeyedOperatorContext, KeyedOperatorFactory } from './keyed-operator.ts';
import { StatelessStage } from './stateless-stage.ts';
import { contextOf } from './runtime-context.ts';

export interface AsyncWaitOptions extends RequestOptions {
  /** Requests under way at a time, per subtask. */
  readonly capacity: number;
}

export class AsyncWaitFactory implements KeyedOperatorFactory {
  readonly kind = 'async-wait';
  readonly needsTimestamps = false;
  private readonly options: AsyncWaitOptions;
  constructor(options: AsyncWaitOptions) {
    this.options = options;
  }
  create(): KeyedOperator {
    return new AsyncWaitOperator(this.options);
  }
  validate(operator: string): void {
    const { capacity, timeoutMs } = this.options;
    if (!Number.isInteger(capacity) || capacity < 1)
      throw new ConfigError(
        `operator "${operator}": the capacity is the number of requests, 1 or more; got ${capacity}.`,
      );
    if (!Number.isFinite(timeoutMs) || timeoutMs < 0)
      throw new ConfigError(
        `operator "${operator}": the timeout is a number of milliseconds, 0 for none; got ${timeoutMs}.`,
      );
  }
}

/** A request that failed, and the record it was made for. */
export class RequestFailure extends Error {
  /** Where the record came from; null: it was computed. */
  readonly origin: { readonly split: string; readonly position: number } | null;
  readonly record: string;
  constructor(cause: unknown, waiting: Waiting) {
    super('a request failed', { cause });
    this.origin = waiting.position < 0 ? null : { split: waiting.split, position: waiting.position };
    this.record = textOf(waiting.value);
  }
}

interface Waiting {
  readonly value: unknown;
  readonly ts: number;
  readonly watermark: number;
  readonly group: number;
  readonly split: string;
  /** −1: unknown. */
  readonly position: number;
  readonly request: AsyncRequest;
}

class AsyncWaitOperator extends StatelessStage {
  private readonly options: AsyncWaitOptions;
  private readonly rows: Waiting[] = [];
  /** Rows before this one have had their requests started. */
  private started = 0;
  private underWay = 0;
  private failed = false;
  private isStarting = false;
  private wake: () => void = () => undefined;

  constructor(options: AsyncWaitOptions) {
    super();
    this.options = options;
  }

  override async open(ctx: KeyedOperatorContext): Promise<void> {
    await super.open(ctx);
    await this.options.logic.open?.(contextOf(ctx));
  }

  get pending(): number {
    return this.rows.length;
  }

  process(batch: ExchangeBatch, from: number, to: number, cap: number): void {
    const { keyGroups } = this.ctx.keys;
    const after = (ms: number, run: () => void): (() => void) => this.ctx.after(ms, run);
    const { lazy, source, values, index, ts, wm, keyIds, split } = batch;
    const row = lazy ? source!.row! : null;
    for (let j = from; j < to; j++) {
      const group = keyGroups[keyIds[j]!]!;
      if (row !== null) row.__i = index[j]!;
      const value = row === null ? values[j] : row.__copy();
      const request = new AsyncRequest(value, this.options, after, () => this.answered(request));
      this.rows.push({
        value,
        ts: ts[j]!,
        watermark: this.advance(group, Math.min(wm[j]!, cap)),
        group,
        split,
        position: source === null ? -1 : source.positionOf(index[j]!),
        request,
      });
    }
    this.startMore();
  }

  async settle(): Promise<void> {
    while (this.underWay > 0 || (!this.failed && this.started < this.rows.length)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    for (const row of this.rows) {
      const { request, ts, watermark, group } = row;
      const answer: Answer | null = request.answer;
      // Behind a failed one not all were started: the failed one comes first.
      if (answer === null) break;
      if (answer.kind === 'error') throw new RequestFailure(answer.error, row);
      for (const value of answer.rows) this.ctx.output.emit(value, ts, watermark, group);
    }
    this.rows.length = this.started = 0;
  }

  override async close(): Promise<void> {
    for (const { request } of this.rows) request.abandon();
    await this.options.logic.close?.();
  }

  private startMore(): void {
    // A request that is answered at once comes back here from within its start.
    if (this.isStarting) return;
    this.isStarting = true;
    while (!this.failed && this.underWay < this.options.capacity && this.started < this.rows.length) {
      this.underWay++;
      this.rows[this.started++]!.request.start();
    }
    this.isStarting = false;
  }

  private answered(request: AsyncRequest): void {
    this.underWay--;
    if (request.answer?.kind === 'error') this.failed = true;
    this.startMore();
    this.wake();
  }
}
