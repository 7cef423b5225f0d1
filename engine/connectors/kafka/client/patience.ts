/** How long a request is tried again: pauses that double, until `retryForMs` after the first try. One for each thing that is asked. */
import { RetryableError } from '../../../model/errors.ts';
import { BrokerRefusal, errorOf, reactionTo } from './broker-errors.ts';

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;
/** A topic created a moment ago may be unknown to some broker yet. */
const MISSING_GRACE_MS = 2000;

/** No answer: the connection could not be opened, or was lost, or the request timed out. */
export class ConnectionLost extends Error {
  /** The request may have reached the broker. */
  readonly sent: boolean;
  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ConnectionLost';
    this.sent = sent;
  }
}

export class Patience {
  readonly #what: string;
  readonly #at: Readonly<Record<string, unknown>>;
  readonly #retryForMs: number;
  readonly #startMs = performance.now();
  #pauseMs = FIRST_PAUSE_MS;

  /** `what` and `at` go into errors. */
  constructor(what: string, at: Readonly<Record<string, unknown>>, retryForMs: number) {
    this.#what = what;
    this.#at = at;
    this.#retryForMs = retryForMs;
  }

  /** Answers when it is time to try again; throws what the failure means when trying again is no use, or time is up. */
  async after(failure: unknown): Promise<void> {
    const reaction = reactionToFailure(failure);
    if (reaction === 'rethrow') throw failure;
    if (failure instanceof BrokerRefusal && reaction !== 'retry' && reaction !== 'missing')
      throw errorOf(failure, this.#what, this.#at);
    const limitMs = reaction === 'missing' ? Math.min(MISSING_GRACE_MS, this.#retryForMs) : this.#retryForMs;
    const spentMs = performance.now() - this.#startMs;
    if (spentMs >= limitMs) throw this.#tooLong(failure, spentMs);
    const pauseMs = Math.min(this.#pauseMs, limitMs - spentMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }

  #tooLong(failure: unknown, spentMs: number): Error {
    if (failure instanceof BrokerRefusal && reactionTo(failure.errorCode) === 'missing')
      return errorOf(failure, this.#what, this.#at);
    const last = failure instanceof Error ? failure.message : String(failure);
    return new RetryableError(
      `${this.#what}: ${last}. Tried again for ${(spentMs / 1000).toFixed(1)} s.`,
      this.#at,
      failure,
    );
  }
}

/** Runs `attempt` until it answers, or `patience` is at its end. */
export async function retrying<A>(patience: Patience, attempt: () => Promise<A>): Promise<A> {
  for (;;) {
    try {
      return await attempt();
    } catch (failure) {
      await patience.after(failure);
    }
  }
}

function reactionToFailure(failure: unknown): ReturnType<typeof reactionTo> | 'rethrow' {
  if (failure instanceof BrokerRefusal) return reactionTo(failure.errorCode);
  return failure instanceof ConnectionLost ? 'retry' : 'rethrow';
}
