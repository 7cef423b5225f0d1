/**
 * One request of an asynchronous function: made, made again as the retry strategy says, given up when its time is over. The first answer
 * counts; what comes later is ignored. The time covers all attempts (Flink: RetryableResultHandlerDelegator).
 */
import { UserCodeError } from '../model/errors.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { AsyncRetryStrategy } from './async-retry.ts';

/** Where an asynchronous function puts its answer (Flink: ResultFuture). Only the first counts. */
export interface ResultFuture<OUT> {
  complete(results: Iterable<OUT>): void;
  completeExceptionally(error: unknown): void;
}

export interface AsyncLogic {
  asyncInvoke(input: never, resultFuture: ResultFuture<never>): unknown;
  /** What to answer when time is up; default: an error. */
  timeout?(input: never, resultFuture: ResultFuture<never>): unknown;
  open?(ctx: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export type Answer =
  { readonly kind: 'rows'; readonly rows: readonly unknown[] } | { readonly kind: 'error'; readonly error: unknown };

export interface RequestOptions {
  readonly logic: AsyncLogic;
  /** 0: no limit. */
  readonly timeoutMs: number;
  readonly retry: AsyncRetryStrategy<unknown> | null;
}

/** Calls back after so many milliseconds; the answer takes it back. */
type After = (ms: number, run: () => void) => () => void;

export class AsyncRequest {
  answer: Answer | null = null;
  private readonly input: unknown;
  private readonly options: RequestOptions;
  private readonly done: () => void;
  private attempts = 0;
  private cancelDeadline: () => void = () => undefined;
  private cancelBackoff: () => void = () => undefined;
  private readonly after: After;

  constructor(input: unknown, options: RequestOptions, after: After, done: () => void) {
    this.after = after;
    this.input = input;
    this.options = options;
    this.done = done;
  }

  start(): void {
    const { timeoutMs } = this.options;
    if (timeoutMs > 0) this.cancelDeadline = this.after(timeoutMs, () => this.timeUp());
    this.attempt();
  }

  /** Whatever it answers from now on is nobody's business. */
  abandon(): void {
    this.answer ??= { kind: 'rows', rows: [] };
    this.clear();
  }

  private attempt(): void {
    const number = ++this.attempts;
    const isCurrent = (): boolean => this.answer === null && number === this.attempts;
    this.call(
      (future) => this.options.logic.asyncInvoke(this.input as never, future),
      (answer) => {
        if (isCurrent()) this.judge(answer);
      },
    );
  }

  /** Calls user code, which answers through the future, by throwing, or with a promise that fails. */
  private call(run: (future: ResultFuture<unknown>) => unknown, answered: (answer: Answer) => void): void {
    const fail = (error: unknown): void => answered({ kind: 'error', error });
    const future: ResultFuture<unknown> = {
      complete: (results) => {
        let rows: readonly unknown[];
        try {
          rows = [...results];
        } catch {
          fail(new UserCodeError('complete(results) takes the rows in an array, e.g. complete([row]).'));
          return;
        }
        answered({ kind: 'rows', rows });
      },
      completeExceptionally: fail,
    };
    try {
      const returned = run(future);
      if (returned instanceof Promise) returned.catch(fail);
    } catch (thrown) {
      fail(thrown);
    }
  }

  private judge(answer: Answer): void {
    const { retry } = this.options;
    if (retry !== null && retry.canRetry(this.attempts) && this.wantsRetry(retry, answer)) {
      // An answer of this attempt that comes after the first is none.
      const next = this.attempts;
      this.cancelBackoff = this.after(retry.backoffMs(next), () => {
        if (this.answer === null && this.attempts === next) this.attempt();
      });
      return;
    }
    this.finish(answer);
  }

  private wantsRetry(retry: AsyncRetryStrategy<unknown>, answer: Answer): boolean {
    return answer.kind === 'error' ? retry.retriesOnException(answer.error) : retry.retriesOnResult(answer.rows);
  }

  private timeUp(): void {
    const { logic, timeoutMs } = this.options;
    if (logic.timeout === undefined) {
      this.finish({
        kind: 'error',
        error: new UserCodeError(
          `the request was not answered within ${timeoutMs} ms. Give it more time, or answer in timeout(input, resultFuture).`,
        ),
      });
      return;
    }
    this.call(
      (future) => logic.timeout!(this.input as never, future),
      (answer) => this.finish(answer),
    );
  }

  private finish(answer: Answer): void {
    if (this.answer !== null) return;
    this.answer = answer;
    this.clear();
    this.done();
  }

  private clear(): void {
    this.cancelDeadline();
    this.cancelBackoff();
  }
}
