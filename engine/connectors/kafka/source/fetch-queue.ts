/**
 * Fetches for the splits whose partitions one broker leads, so that they travel in one request: at most one is under way. A split asks for its
 * next records while it still hands out those it has; more than that is not fetched ahead.
 *
 * A request waits at the broker for new records only when every split has read all there is: nobody who has work waits for others' records.
 * After a failure splits are asked for one by one, so that each gets an error of its own.
 */
import { BASE_OFFSET } from '../client/record-batch-format.ts';
import type { FetchAnswer, FetchRequest, Isolation, KafkaClient } from '../client/kafka-client.ts';
import type { Clock } from '../../../ports/clock.ts';

export interface FetchTarget {
  /** Null: it wants nothing now. */
  readonly wanted: FetchRequest | null;
  /** The last answer had nothing more to come. */
  readonly caughtUp: boolean;
  /** Its next request is for it alone. */
  alone: boolean;
  /** There are records that did not come: its next request alone gives the broker time to fetch them (from tiered storage). */
  readonly starved: boolean;
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
/** Java's fetch.max.wait.ms: how long brokers before 3.8 give their tiered storage. */
const STARVED_WAIT_MS = 500;

export class FetchQueue {
  readonly #client: KafkaClient;
  readonly #clock: Clock;
  readonly #limits: FetchLimits;
  readonly #targets = new Set<FetchTarget>();
  #fetching = false;
  #lastMs = -Infinity;
  #looksLater = false;

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
    if (!behind && !mayWait && this.#clock.monotonicMs() - this.#lastMs < LOOK_MS) return this.#lookLater();
    const { maxWaitMs } = this.#limits;
    void this.#fetch(asked, single?.starved === true ? Math.max(maxWaitMs, STARVED_WAIT_MS) : mayWait ? maxWaitMs : 0);
  }

  /**
   * The first offset of what a broker sends for this request to whoever reads what is not committed as well: there is nothing between. Null: it
   * sends nothing.
   */
  async firstOffset(request: FetchRequest): Promise<number | null> {
    const options = { isolation: 'read_uncommitted', maxWaitMs: STARVED_WAIT_MS, maxBytes: 1 } as const;
    const [answer] = await this.#client.fetch([request], options);
    if (answer?.kind !== 'records' || answer.records.bytes.length === 0) return null;
    const { buffer, byteOffset } = answer.records.bytes;
    return Number(new DataView(buffer, byteOffset).getBigInt64(BASE_OFFSET));
  }

  /** Who wants something now may wait for nothing else than this look. */
  #lookLater(): void {
    if (this.#looksLater) return;
    this.#looksLater = true;
    this.#clock.after(LOOK_MS, () => {
      this.#looksLater = false;
      this.pump();
    });
  }

  async #fetch(asked: readonly FetchTarget[], maxWaitMs: number): Promise<void> {
    this.#fetching = true;
    this.#lastMs = this.#clock.monotonicMs();
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
      for (const target of asked) {
        if (asked.length === 1) target.failed(thrown);
        else target.alone = true;
      }
    }
    this.#fetching = false;
    this.pump();
  }
}
