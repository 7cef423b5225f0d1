/** How many partitions the topics have that a publisher writes to; looked up again after a while, so that new partitions are used. */
import { RetryableError } from '../../../model/errors.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { KafkaClient } from '../client/kafka-client.ts';

/** Java: metadata.max.age.ms. */
const MAX_AGE_MS = 300_000;

export class TopicPartitions {
  private readonly client: KafkaClient;
  private readonly clock: Clock;
  private readonly where: string;
  private counts = new Map<string, number>();
  private readAtMs = Number.NEGATIVE_INFINITY;

  constructor(client: KafkaClient, clock: Clock, where: string) {
    this.client = client;
    this.clock = clock;
    this.where = where;
  }

  /** Of all `topics`, or throws. */
  async of(topics: ReadonlySet<string>): Promise<(topic: string) => number> {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.readAtMs >= MAX_AGE_MS) {
      this.forget();
      this.readAtMs = nowMs;
    }
    const wanted = [...topics].filter((topic) => !this.counts.has(topic));
    // Another slot may forget meanwhile what this one counts on.
    const counts = new Map(this.counts);
    if (wanted.length > 0) {
      for (const { name, leaders } of await this.client.topics(wanted)) {
        counts.set(name, leaders.length);
        this.counts.set(name, leaders.length);
      }
    }
    const missing = wanted.filter((topic) => !counts.has(topic));
    if (missing.length > 0)
      throw new RetryableError(
        `${this.where}: there is no topic ${missing.map((topic) => `"${topic}"`).join(', ')}, and records of a committed epoch are meant for it. Create it; publishing is tried again and goes on then.`,
        { topics: missing },
      );
    return (topic) => counts.get(topic)!;
  }

  forget(): void {
    this.counts = new Map();
  }
}
