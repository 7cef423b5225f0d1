/** Requests that no `KafkaClient` sends: a zombie's, under a producer id and epoch of before. Through @platformatic/kafka's own encoders. */
import {
  addPartitionsToTxnV3,
  Connection,
  deleteRecordsV2,
  describeTransactionsV0,
  endTxnV3,
  type GenericError,
  produceV9,
} from '@platformatic/kafka';

export interface Identity {
  readonly transactionalId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** One broker that is everything: leader and coordinator. */
export class RawRequests {
  readonly #connection = new Connection('zombie');

  static async to(address: string): Promise<RawRequests> {
    const raw = new RawRequests();
    const [host, port] = address.split(':');
    await raw.#connection.connect(host!, Number(port));
    return raw;
  }

  async identity(transactionalId: string): Promise<Identity & { readonly state: string }> {
    const { transactionStates } = await describeTransactionsV0.api.async(this.#connection, [transactionalId]);
    const { producerId, producerEpoch, transactionState } = transactionStates[0]!;
    return { transactionalId, producerId, producerEpoch, state: transactionState };
  }

  /** The name of the error, or `ok`. */
  addPartition({ transactionalId, producerId, producerEpoch }: Identity, topic: string): Promise<string> {
    return outcome(() =>
      addPartitionsToTxnV3.api.async(this.#connection, [
        { transactionalId, producerId, producerEpoch, verifyOnly: false, topics: [{ name: topic, partitions: [0] }] },
      ]),
    );
  }

  produce(
    { transactionalId, producerId, producerEpoch }: Identity,
    topic: string,
    value: string,
    sequence: number,
  ): Promise<string> {
    const records = [{ topic, partition: 0, value: Buffer.from(value), timestamp: BigInt(Date.now()) }];
    const sequences = { getWithDefault: () => sequence };
    return outcome(() =>
      produceV9.api.async(this.#connection, -1, 5_000, records, {
        transactionalId,
        producerId,
        producerEpoch,
        sequences,
      } as unknown as Parameters<typeof produceV9.createRequest>[3]),
    );
  }

  end({ transactionalId, producerId, producerEpoch }: Identity, commit: boolean): Promise<string> {
    return outcome(() => endTxnV3.api.async(this.#connection, transactionalId, producerId, producerEpoch, commit));
  }

  /** As retention does it, of partition 0. */
  async deleteRecords(topic: string, before: number): Promise<void> {
    const partitions = [{ partitionIndex: 0, offset: BigInt(before) }];
    await deleteRecordsV2.api.async(this.#connection, [{ name: topic, partitions }], 5_000);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

/** Markers that are still being written are waited for. */
async function outcome(answer: () => Promise<unknown>): Promise<string> {
  try {
    await answer();
    return 'ok';
  } catch (thrown) {
    const { errors } = thrown as { errors?: readonly GenericError[] };
    const name = String(errors?.[0]?.['apiId'] ?? thrown);
    return name === 'CONCURRENT_TRANSACTIONS' ? outcome(answer) : name;
  }
}
