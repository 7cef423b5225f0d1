/**
 * kafkajs 2.2.4 shows records of aborted transactions: it takes the list of them that comes with a fetch as sorted by first offset, and brokers sort it by
 * last offset; and it enters at most one a record. Where two producers' transactions overlap in a partition, a read_committed consumer of its sees
 * what was never committed. Here its fetch finds the aborted records as Java's consumer does, and calls them control records: those it counts, and
 * does not show.
 */
import { createRequire } from 'node:module';

interface Message {
  readonly offset: string;
  readonly key: Buffer | null;
  isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}
interface Partition {
  readonly messages: readonly Message[];
  abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[] | null;
}
interface FetchAnswer {
  readonly responses: readonly { readonly partitions: readonly Partition[] }[];
}
interface BrokerClass {
  readonly prototype: { fetch: (this: unknown, request: unknown) => Promise<FetchAnswer> };
}

const ABORT = Buffer.from([0, 0, 0, 0]);
let mended = false;

/** Once a process. */
export function mendKafkajs(): void {
  if (mended) return;
  mended = true;
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/broker/index.js') as BrokerClass;
  const fetch = prototype.fetch;
  prototype.fetch = async function fetchCommitted(this: unknown, request: unknown): Promise<FetchAnswer> {
    const answer = await fetch.call(this, request);
    for (const { partitions } of answer.responses) for (const partition of partitions) passOverAborted(partition);
    return answer;
  };
}

function passOverAborted(partition: Partition): void {
  const begins = [...(partition.abortedTransactions ?? [])].toSorted(
    (a, b) => Number(a.firstOffset) - Number(b.firstOffset),
  );
  const aborting = new Set<string>();
  for (const message of partition.messages) {
    const { producerId, inTransaction } = message.batchContext;
    while (begins.length > 0 && Number(begins[0]!.firstOffset) <= Number(message.offset))
      aborting.add(begins.shift()!.producerId);
    if (message.isControlRecord) {
      if (message.key?.equals(ABORT) === true) aborting.delete(producerId);
    } else if (inTransaction && aborting.has(producerId)) message.isControlRecord = true;
  }
  partition.abortedTransactions = [];
}
