/**
 * The brokers of one cluster: their connections, who leads which partition, who coordinates which id. What is known is kept until an answer says
 * that it is stale. Fetches have connections of their own: a broker answers one request of a connection after the other, and a fetch may wait.
 */
import { ConfigError, RetryableError } from '../../../../model/errors.ts';
import { BrokerRefusal, LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION } from '../broker-errors.ts';
import type { TopicPartition } from '../kafka-client.ts';
import type { KafkaConnection } from '../kafka-connection.ts';
import { ConnectionLost, Patience, retrying } from '../patience.ts';
import { type Access, BrokerConnection } from './broker-connection.ts';
import { parseAddress } from './parse-address.ts';
import type { KafkaRequest } from './requests/kafka-request.ts';
import type { BrokerFeatures } from './requests/api-versions.ts';
import { type CoordinatorKind, findCoordinator, metadata, type MetadataAnswer } from './requests/metadata.ts';
import type { Address } from './transport.ts';

const NO_ID = '0'.repeat(32);

export type Lane = 'main' | 'fetch';
export type Where = Readonly<Record<string, unknown>>;

export class Cluster {
  readonly settings: KafkaConnection;
  readonly #bootstrap: readonly Address[];
  readonly #access: Access;
  readonly #connections = new Map<string, BrokerConnection>();
  readonly #nodes = new Map<number, Address>();
  /** By topic, then partition. */
  readonly #leaders = new Map<string, readonly number[]>();
  readonly #topicIds = new Map<string, string>();
  readonly #coordinators = new Map<string, number>();
  /** A dead broker costs a connect timeout: not with every request. */
  #answering: Address | null = null;
  #closed = false;

  constructor(settings: KafkaConnection, access: Access) {
    this.settings = settings;
    if (settings.bootstrapServers.length === 0)
      throw new ConfigError('bootstrap.servers is empty: name a Kafka broker.');
    this.#bootstrap = settings.bootstrapServers.map(parseAddress);
    this.#access = access;
  }

  patience(what: string, at: Where): Patience {
    return new Patience(what, at, this.settings.retryForMs);
  }

  async send<A>(node: number, request: KafkaRequest<A>, lane: Lane = 'main'): Promise<A> {
    try {
      return await this.#connectionTo(this.#addressOf(node), lane).send(request);
    } catch (thrown) {
      if (thrown instanceof ConnectionLost) this.forget();
      throw thrown;
    }
  }

  features(node: number): Promise<BrokerFeatures> {
    return this.#connectionTo(this.#addressOf(node), 'main').features();
  }

  /** Asks whichever broker answers, and learns from what it says. */
  async metadata(names: readonly string[] | null): Promise<MetadataAnswer> {
    const answer = await this.#sendToAny(metadata(names));
    if (answer.nodes.length > 0) this.#nodes.clear();
    for (const { id, host, port } of answer.nodes) this.#nodes.set(id, { host, port });
    for (const { name, errorCode, leaders, id } of answer.topics) {
      if (errorCode === 0) this.#leaders.set(name, leaders);
      else this.#leaders.delete(name);
      if (errorCode === 0) this.#topicIds.set(name, id);
    }
    return answer;
  }

  /** Undefined: not known, or there is none at the moment. */
  knownLeader({ topic, partition }: TopicPartition): number | undefined {
    const leader = this.#leaders.get(topic)?.[partition];
    return leader === undefined || leader < 0 || !this.#nodes.has(leader) ? undefined : leader;
  }

  /** Of a topic whose leaders are known. Null: it has none. */
  topicId(topic: string): string | null {
    const id = this.#topicIds.get(topic) ?? NO_ID;
    return id === NO_ID ? null : id;
  }

  /** Looks the leaders up that are not known; throws BrokerRefusal where there is none. */
  async findLeaders(partitions: readonly TopicPartition[]): Promise<void> {
    const unknown = partitions.filter((p) => this.knownLeader(p) === undefined);
    if (unknown.length === 0) return;
    const answer = await this.metadata([...new Set(unknown.map(({ topic }) => topic))]);
    for (const p of unknown) {
      if (this.knownLeader(p) !== undefined) continue;
      const topic = answer.topics.find(({ name }) => name === p.topic);
      if (topic !== undefined && topic.errorCode !== 0) throw new BrokerRefusal(topic.errorCode, `topic ${p.topic}`);
      if (topic === undefined || p.partition >= topic.leaders.length)
        throw new BrokerRefusal(
          UNKNOWN_TOPIC_OR_PARTITION,
          `topic ${p.topic} has ${topic?.leaders.length ?? 0} partitions, and no ${p.partition}`,
        );
      throw new BrokerRefusal(LEADER_NOT_AVAILABLE, `${p.topic}-${p.partition}`);
    }
  }

  /** Runs `attempt` with the coordinator's node until it answers. */
  async withCoordinator<A>(
    kind: CoordinatorKind,
    id: string,
    patience: Patience,
    attempt: (node: number) => Promise<A>,
  ): Promise<A> {
    return retrying(patience, async () => {
      const key = `${kind} ${id}`;
      const node = this.#coordinators.get(key) ?? (await this.#findCoordinator(kind, id, key));
      try {
        return await attempt(node);
      } catch (thrown) {
        this.#coordinators.delete(key);
        throw thrown;
      }
    });
  }

  /** A broker that changes topics: the controller, or one that passes it on to the controller. */
  async withController<A>(patience: Patience, attempt: (node: number) => Promise<A>): Promise<A> {
    return retrying(patience, async () => attempt((await this.metadata([])).controller));
  }

  /** Leaders and coordinators are looked up anew. */
  forget(): void {
    this.#leaders.clear();
    this.#coordinators.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const open = [...this.#connections.values()];
    this.#connections.clear();
    await Promise.all(open.map((connection) => connection.close()));
  }

  async #findCoordinator(kind: CoordinatorKind, id: string, key: string): Promise<number> {
    const { errorCode, errorMessage, node } = await this.#sendToAny(findCoordinator(kind, id));
    if (errorCode !== 0) throw new BrokerRefusal(errorCode, errorMessage);
    this.#nodes.set(node.id, { host: node.host, port: node.port });
    this.#coordinators.set(key, node.id);
    return node.id;
  }

  /** The one that answered last, brokers that are known, then the bootstrap servers; the first that answers. */
  async #sendToAny<A>(request: KafkaRequest<A>): Promise<A> {
    let lost: unknown;
    const last = this.#answering === null ? [] : [this.#answering];
    for (const address of this.#distinct([...last, ...this.#nodes.values(), ...this.#bootstrap])) {
      this.#answering = address;
      try {
        return await this.#connectionTo(address, 'main').send(request);
      } catch (thrown) {
        if (!(thrown instanceof ConnectionLost)) throw thrown;
        lost = thrown;
        this.#answering = null;
      }
    }
    throw lost;
  }

  #distinct(addresses: readonly Address[]): readonly Address[] {
    return [...new Map(addresses.map((a) => [`${a.host}:${a.port}`, a])).values()];
  }

  #addressOf(node: number): Address {
    const address = this.#nodes.get(node);
    if (address === undefined) throw new ConnectionLost(`Kafka broker ${node} is not known any more`, false);
    return address;
  }

  #connectionTo(address: Address, lane: Lane): BrokerConnection {
    if (this.#closed) throw new RetryableError('The Kafka client is closed.', { ...address });
    const key = `${lane} ${address.host}:${address.port}`;
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      connection = new BrokerConnection(address, this.#access);
      this.#connections.set(key, connection);
    }
    return connection;
  }
}
