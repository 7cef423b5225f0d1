/**
 * Time as it is billed: of the invocation, times its function's memory, and of the Express execution that waits for it. Counted up to the
 * commit that it is recorded with; the rest of the invocation, and the execution's wait, belong to the next epoch of the same process. What
 * a process that is never invoked again has not recorded is lost: the tail of one invocation.
 */
import type { ConsumptionMeter } from '../../model/consumption.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Environment } from './aws-ports.ts';
import { EXPRESS_GB, TRANSITIONS_PER_ROUND } from './fixed-use.ts';

export interface InvocationStart {
  /** ARN of the execution; null: nobody's. */
  readonly execution: string | null;
  /** By the wall clock; null: not known. */
  readonly executionStartedMs: number | null;
  /** When the invocation began, by the clock's monotonic time. */
  readonly beganMs: number;
}

const MB_PER_GB = 1024;
/** An execution that began so recently has not invoked before. */
const FIRST_WITHIN_MS = 3_000;

export class InvocationMeter {
  readonly #meter: ConsumptionMeter;
  readonly #clock: Clock;
  readonly #gb: number;
  /** Since when what is not counted yet has run; null: between two invocations. */
  #lambdaSinceMs: number | null = null;
  #express: { readonly execution: string; sinceMs: number } | null = null;

  constructor(meter: ConsumptionMeter, clock: Clock, env: Environment) {
    this.#meter = meter;
    this.#clock = clock;
    this.#gb = Number(env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? 0) / MB_PER_GB;
  }

  begin({ execution, executionStartedMs, beganMs }: InvocationStart): void {
    const nowMs = this.#clock.monotonicMs();
    this.#meter.add({ lambdaRequests: 1 });
    this.#lambdaSinceMs = beganMs;
    if (execution === null) return;
    if (!execution.includes(':express:')) {
      this.#meter.add({ standardTransitions: TRANSITIONS_PER_ROUND });
      return;
    }
    if (this.#express?.execution === execution) return;
    const ageMs = executionStartedMs === null ? 0 : Math.max(0, this.#clock.nowMs() - executionStartedMs);
    const isFirst = ageMs < FIRST_WITHIN_MS;
    if (isFirst) this.#meter.add({ expressRequests: 1 });
    // What another process has counted of it is not known: this one counts from here.
    this.#express = { execution, sinceMs: isFirst ? nowMs - ageMs : beganMs };
  }

  /** Counts what has passed since it last did. */
  lap(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#lambdaSinceMs !== null) {
      this.#meter.add({ lambdaGbSeconds: ((nowMs - this.#lambdaSinceMs) / 1000) * this.#gb });
      this.#lambdaSinceMs = nowMs;
    }
    if (this.#express === null) return;
    this.#meter.add({ expressGbSeconds: ((nowMs - this.#express.sinceMs) / 1000) * EXPRESS_GB });
    this.#express.sinceMs = nowMs;
  }

  /** Before the answer. */
  end(): void {
    this.lap();
    this.#lambdaSinceMs = null;
  }
}
