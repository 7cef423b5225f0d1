/** A request of Kafka's protocol in one fixed, flexible version: every broker from 2.8 on has those that we use. */
import type { Envelope } from '../transport.ts';
import type { WireReader } from '../wire-reader.ts';
import type { WireWriter } from '../wire-writer.ts';
import { BrokerRefusal, OPERATION_NOT_ATTEMPTED } from '../../broker-errors.ts';

export interface KafkaRequest<A> extends Envelope {
  write(w: WireWriter): void;
  read(r: WireReader): A;
}

export interface PartitionError {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
}

/** `topic => name [partition => index, …]`: what `read` makes of each partition, flattened. */
export function readPartitions<A>(
  r: WireReader,
  read: (topic: string, partition: number) => A,
  readTopic = (): string => r.readString(),
): A[] {
  const all: A[] = [];
  r.readArray(() => {
    const topic = readTopic();
    r.readArray(() => {
      all.push(read(topic, r.readInt32()));
    });
  });
  return all;
}

/** `topic => name [partition]` with what `write` says of each partition behind its index. */
export function writePartitions<I extends { readonly topic: string; readonly partition: number }>(
  w: WireWriter,
  items: readonly I[],
  write: (item: I) => void,
  writeTopic: (topic: string) => void = (topic) => void w.appendString(topic),
): void {
  w.appendArray([...Map.groupBy(items, ({ topic }) => topic)], (_, [topic, partitions]) => {
    writeTopic(topic);
    w.appendArray(partitions, (__, item) => {
      w.appendInt32(item.partition);
      write(item);
    });
  });
}

/** `topic => name [partition]`, no more than the indexes. */
export function writePartitionIndexes(
  w: WireWriter,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): void {
  w.appendArray([...Map.groupBy(partitions, ({ topic }) => topic)], (_, [topic, members]) => {
    w.appendString(topic).appendArray(members, (__, { partition }) => w.appendInt32(partition), false);
  });
}

export function partitionId(topic: string, partition: number): string {
  return `${topic}-${partition}`;
}

/** The one that is the reason: partitions refused for the sake of others come last. */
export function throwFirstError(answers: readonly PartitionError[]): void {
  const refusals = answers.filter(({ errorCode }) => errorCode !== 0);
  const refused = refusals.find(({ errorCode }) => errorCode !== OPERATION_NOT_ATTEMPTED) ?? refusals[0];
  if (refused !== undefined) throw new BrokerRefusal(refused.errorCode, partitionId(refused.topic, refused.partition));
}
