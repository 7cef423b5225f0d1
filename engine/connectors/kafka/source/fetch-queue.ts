/**
 * Fetches for the splits whose partitions one broker leads, so that they travel in one request: at most one is under way. A split asks for its
 * next records while it still hands out those it has; more than that is not fetched ahead.
 *
 * A request waits at the broker for new records only when every split has read all there is: nobody who has work waits for others' records.
 * After a failure splits are asked for one by one, so that each gets an error of its own.
 */
import type { FetchAnswer, FetchRequest, Isolation, KafkaClient } from '../client/kafka-client.ts';
import type { Clock } from '../../../ports/clock.ts';

export interface FetchTarget {
  /** Null: it wants nothing now. */
  readonly wanted: FetchRequest | null;
  /** The last answer had nothing more to come. */
  readonly caughtUp: boolean;
  /** Its next request is for it alone. */
  alone: boolean;
  arrived(answer: FetchAnswer): void;
  failed(error: unknown): void;
}

export interface FetchLimits {
  readonly isolation: Isolation;
  /** For each split. */
  readonly partitionBytes: number;
  /** For all of a request. */
  readonly requestBytes: number;
  /** How long a broker may wait for new records. */
  readonly maxWaitMs: number;
}

/** Between two looks for splits that have read all there is, while others have not. */
const LOOK_MS = 10;

export class FetchQueue {
  readonly #client: KafkaClient;
  readonly #clock: Clock;
  readonly #limits: FetchLimits;
  readonly #targets = new Set<FetchTarget>();
  #fetching = false;
  #lastMs = -Infinity;

  constructor(client: KafkaClient, clock: Clock, limits: FetchLimits) {
    this.#client = client;
    this.#clock = clock;
    this.#limits = limits;
  }

  join(target: FetchTarget): void {
    this.#targets.add(target);
  }

  leave(target: FetchTarget): void {
    this.#targets.delete(target);
  }

  /** Sends a request if none is under way and someone wants it. */
  pump(): void {
    if (this.#fetching) return;
    const wanting = [...this.#targets].filter((target) => target.wanted !== null);
    const single = wanting.find((target) => target.alone);
    const asked = single === undefined ? wanting : [single];
    if (asked.length === 0) return;
    const behind = single !== undefined || asked.some((target) => !target.caughtUp);
    const mayWait = !behind && asked.length === this.#targets.size;
    if (!behind && !mayWait && this.#clock.monotonicMs() - this.#lastMs < LOOK_MS) return;
    void this.#fetch(asked, mayWait ? this.#limits.maxWaitMs : 0);
  }

  async #fetch(asked: readonly FetchTarget[], maxWaitMs: number): Promise<void> {
    this.#fetching = true;
    this.#lastMs = this.#clock.monotonicMs();
    let again = true;
    const { isolation, partitionBytes, requestBytes } = this.#limits;
    try {
      const answers = await this.#client.fetch(
        asked.map((target) => target.wanted!),
        { isolation, maxWaitMs, maxBytes: Math.min(requestBytes, partitionBytes * asked.length) },
      );
      asked.forEach((target, i) => {
        target.alone = false;
        target.arrived(answers[i]!);
      });
    } catch (thrown) {
      again = asked.length > 1;
      for (const target of asked) {
        if (asked.length === 1) target.failed(thrown);
        else target.alone = true;
      }
    }
    this.#fetching = false;
    if (again) this.pump();
  }
}
