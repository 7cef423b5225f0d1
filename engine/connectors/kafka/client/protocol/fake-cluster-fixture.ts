/** For tests: several brokers in memory behind `Access`, one topic, whose leaders move and whose nodes go down. Answers what the client asks of real ones. */
import { invariant } from '../../../../model/errors.ts';
import { BASE_SEQUENCE } from '../record-batch-format.ts';
import type { Access } from './broker-connection.ts';
import type { Address, Envelope, Transport } from './transport.ts';
import { WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

export const TOPIC = 'orders';
const TOPIC_ID = 'ab'.repeat(16);
const NOT_LEADER = 6;
const API_NAMES: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  3: 'Metadata',
  18: 'ApiVersions',
  22: 'InitProducerId',
};

export class FakeCluster {
  /** By partition. */
  readonly leaders: number[];
  /** By partition: batches as they came in, those with a known sequence once. */
  readonly logs: Uint8Array[][];
  /** `Produce@2` … */
  readonly requests: string[] = [];
  readonly down = new Set<number>();
  /** What happens with the next requests but ApiVersions, one each; `lose`: it is done, and its answer lost. */
  readonly fates: (() => 'answer' | 'lose')[] = [];
  /** The next fetches are held back by a quota for so long: they are answered without their partitions. */
  readonly throttlesMs: number[] = [];
  readonly #nodes: number;

  constructor(nodes: number, leaders: readonly number[]) {
    this.#nodes = nodes;
    this.leaders = [...leaders];
    this.logs = leaders.map(() => []);
  }

  /** A broker's port is its number. */
  get access(): Access {
    return { open: async (address) => this.#connect(address), tokens: null };
  }

  async #connect({ port }: Address): Promise<Transport> {
    if (this.down.has(port)) throw new Error('connect ECONNREFUSED');
    return {
      isOpen: () => !this.down.has(port),
      exchange: async (envelope, body) => this.#answer(port, envelope, body),
      close: async () => {},
    };
  }

  #answer(node: number, { key }: Envelope, body: Buffer): Buffer {
    const name = API_NAMES[key];
    invariant(name !== undefined, `the fake cluster knows the request ${key}`);
    const fate = name === 'ApiVersions' ? undefined : this.fates.shift()?.();
    if (this.down.has(node)) throw new Error('Connection closed');
    this.requests.push(`${name}@${node}`);
    const w = new WireWriter();
    if (name === 'ApiVersions') this.#versions(w);
    else if (name === 'Metadata') this.#metadata(w);
    else if (name === 'InitProducerId')
      w.appendInt32(0).appendInt16(0).appendInt64(7n).appendInt16(0).appendTaggedFields();
    else if (name === 'Fetch') this.#fetch(new WireReader(body), w);
    else this.#produce(node, new WireReader(body), w);
    if (fate === 'lose') throw new Error('Connection closed');
    return w.bytes;
  }

  #versions(w: WireWriter): void {
    w.appendInt16(0).appendArray(Object.keys(API_NAMES), (_, key) =>
      w.appendInt16(Number(key)).appendInt16(0).appendInt16(15),
    );
    w.appendInt32(0).appendTaggedFields();
  }

  #metadata(w: WireWriter): void {
    const nodes = Array.from({ length: this.#nodes }, (_, i) => i + 1);
    w.appendInt32(0).appendArray(nodes, (_, node) => {
      w.appendInt32(node).appendString('broker').appendInt32(node).appendString(null);
    });
    w.appendString('cluster').appendInt32(nodes.find((node) => !this.down.has(node))!);
    w.appendArray([TOPIC], (_, topic) => {
      w.appendInt16(0).appendString(topic).appendUuid(TOPIC_ID).appendBoolean(false);
      w.appendArray([...this.leaders.entries()], (__, [partition, leader]) => {
        w.appendInt16(0).appendInt32(partition).appendInt32(leader).appendInt32(0);
        for (let list = 0; list < 3; list++) w.appendArray([], () => {});
      });
      w.appendInt32(0);
    });
    w.appendInt32(0).appendTaggedFields();
  }

  #produce(node: number, r: WireReader, w: WireWriter): void {
    r.readNullableString();
    r.readInt16();
    r.readInt32();
    r.readArray(() => {
      const topic = r.readString();
      const outcomes = r.readArray(() => this.#append(node, r.readInt32(), r.readBytes()));
      w.appendArray([topic], () => {
        w.appendString(topic).appendArray(outcomes, (_, [partition, errorCode]) => {
          w.appendInt32(partition).appendInt16(errorCode).appendInt64(0n).appendInt64(-1n).appendInt64(0n);
          w.appendArray([], () => {}).appendString(null);
        });
      });
    });
    w.appendInt32(0).appendTaggedFields();
  }

  /** Of one partition, all there is. */
  #fetch(r: WireReader, w: WireWriter): void {
    const throttledMs = this.throttlesMs.shift() ?? 0;
    w.appendInt32(throttledMs).appendInt16(0).appendInt32(0);
    for (let i = 0; i < 4; i++) r.readInt32();
    r.readInt8();
    r.readInt32();
    r.readInt32();
    const [partition] = r.readArray(() => {
      r.readUuid();
      return r.readArray(() => {
        const index = r.readInt32();
        r.readInt32();
        r.readInt64();
        r.readInt32();
        r.readInt64();
        r.readInt32();
        return index;
      })[0]!;
    });
    const log = this.logs[partition!]!;
    const end = BigInt(log.length);
    w.appendArray(throttledMs > 0 ? [] : [TOPIC_ID], (_, id) => {
      w.appendUuid(id).appendArray([partition!], (__, index) => {
        w.appendInt32(index).appendInt16(0).appendInt64(end).appendInt64(end).appendInt64(0n);
        w.appendArray([], () => {})
          .appendInt32(-1)
          .appendBytes(Buffer.concat(log));
      });
    });
    w.appendTaggedFields();
  }

  #append(node: number, partition: number, bytes: Uint8Array): [number, number] {
    if (this.leaders[partition] !== node) return [partition, NOT_LEADER];
    const log = this.logs[partition]!;
    if (!log.some((before) => sequenceOf(before) === sequenceOf(bytes))) log.push(Uint8Array.from(bytes));
    return [partition, 0];
  }
}

export function sequenceOf(batch: Uint8Array): number {
  return new DataView(batch.buffer, batch.byteOffset).getInt32(BASE_SEQUENCE);
}
