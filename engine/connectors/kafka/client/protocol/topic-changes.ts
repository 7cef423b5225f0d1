/** Topics: to list, create, enlarge and delete them. A request whose answer was lost is repeated: what it finds done is done. */
import {
  BrokerRefusal,
  CLUSTER_AUTHORIZATION_FAILED,
  INVALID_PARTITIONS,
  LEADER_NOT_AVAILABLE,
  TOPIC_ALREADY_EXISTS,
  UNKNOWN_TOPIC_OR_PARTITION,
} from '../broker-errors.ts';
import type { TopicMetadata } from '../kafka-client.ts';
import { retrying } from '../patience.ts';
import type { Cluster } from './cluster.ts';
import {
  createPartitions,
  createTopic,
  deleteTopic,
  describeBrokerSetting,
  type NewTopic,
  type Outcome,
} from './requests/topics.ts';

export class TopicChanges {
  readonly #cluster: Cluster;
  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async list(names: readonly string[] | null): Promise<readonly TopicMetadata[]> {
    const patience = this.#cluster.patience(`Kafka topics ${names?.join(', ') ?? ''}`.trim(), { topics: names });
    return retrying(patience, async () => {
      const { topics } = await this.#cluster.metadata(names);
      const there = topics.filter(({ errorCode }) => errorCode !== UNKNOWN_TOPIC_OR_PARTITION);
      for (const { name, errorCode } of there) if (errorCode !== 0) throw new BrokerRefusal(errorCode, `topic ${name}`);
      return there.map(({ name, id, internal, leaders }) => ({ name, id, internal, leaders }));
    });
  }

  async create(topic: NewTopic): Promise<'created' | 'exists'> {
    const outcome = await this.#change(
      `Creation of the Kafka topic ${topic.name}`,
      topic.name,
      createTopic(topic, this.#timeoutMs),
      [TOPIC_ALREADY_EXISTS],
    );
    await this.#awaitLeaders(topic.name, 1);
    return outcome.errorCode === TOPIC_ALREADY_EXISTS ? 'exists' : 'created';
  }

  async delete(name: string): Promise<void> {
    await this.#change(`Deletion of the Kafka topic ${name}`, name, deleteTopic(name, this.#timeoutMs), [
      UNKNOWN_TOPIC_OR_PARTITION,
    ]);
    this.#cluster.forget();
  }

  async enlarge(topic: string, total: number): Promise<void> {
    const what = `Kafka topic ${topic} to ${total} partitions`;
    const outcome = await this.#change(what, topic, createPartitions(topic, total, this.#timeoutMs), [
      INVALID_PARTITIONS,
    ]);
    if (outcome.errorCode === INVALID_PARTITIONS) {
      const [found] = await this.list([topic]);
      if (found?.leaders.length !== total)
        await this.#cluster
          .patience(what, { topic })
          .after(new BrokerRefusal(INVALID_PARTITIONS, outcome.errorMessage));
    }
    await this.#awaitLeaders(topic, total);
  }

  /** Null where the broker does not say. */
  async brokerSetting(name: string): Promise<string | null> {
    const patience = this.#cluster.patience(`Kafka broker setting ${name}`, { setting: name });
    return this.#cluster.withController(patience, async (node) => {
      const answer = await this.#cluster.send(node, describeBrokerSetting(node, name));
      if (answer.errorCode === CLUSTER_AUTHORIZATION_FAILED) return null;
      if (answer.errorCode !== 0) throw new BrokerRefusal(answer.errorCode, answer.errorMessage);
      return answer.value;
    });
  }

  /** The outcome, an error code of `fine` included. */
  #change(
    what: string,
    topic: string,
    request: ReturnType<typeof createTopic>,
    fine: readonly number[],
  ): Promise<Outcome> {
    return this.#cluster.withController(this.#cluster.patience(what, { topic }), async (node) => {
      const outcome = await this.#cluster.send(node, request);
      if (outcome.errorCode !== 0 && !fine.includes(outcome.errorCode))
        throw new BrokerRefusal(outcome.errorCode, outcome.errorMessage);
      return outcome;
    });
  }

  /** A topic is of use when its partitions have leaders. */
  async #awaitLeaders(topic: string, atLeast: number): Promise<void> {
    await retrying(this.#cluster.patience(`Leaders of the Kafka topic ${topic}`, { topic }), async () => {
      const [found] = await this.list([topic]);
      if (found === undefined || found.leaders.length < atLeast || found.leaders.some((leader) => leader < 0))
        throw new BrokerRefusal(LEADER_NOT_AVAILABLE, topic);
    });
  }

  get #timeoutMs(): number {
    return this.#cluster.settings.requestTimeoutMs;
  }
}
