/** Kafka's protocol for `TcpProxy`: INT32 length, then a request (INT16 key, INT16 version, INT32 correlation id) or an answer (INT32 correlation id). */
import type { Address, Wire } from './tcp-proxy.ts';

const NAMES: Readonly<Record<number, string>> = {
  0: 'Produce',
  1: 'Fetch',
  2: 'ListOffsets',
  3: 'Metadata',
  9: 'OffsetFetch',
  10: 'FindCoordinator',
  22: 'InitProducerId',
  24: 'AddPartitionsToTxn',
  25: 'AddOffsetsToTxn',
  26: 'EndTxn',
  28: 'TxnOffsetCommit',
  60: 'DescribeCluster',
};
/** Their answers name brokers. */
const WITH_ADDRESSES: readonly string[] = ['Metadata', 'FindCoordinator', 'DescribeCluster'];
const LENGTH_BYTES = 4;

const messageLength = (bytes: Buffer): number =>
  bytes.length < LENGTH_BYTES ? 0 : LENGTH_BYTES + bytes.readInt32BE(0);

export const kafkaWire: Wire = {
  requestLength: messageLength,
  answerLength: messageLength,
  nameOf: (request) => NAMES[request.readInt16BE(4)] ?? `key ${request.readInt16BE(4)}`,
  idOf: (message, from) => message.readInt32BE(from === 'client' ? 8 : 4),
  redirect(answer, name, from, to) {
    if (!WITH_ADDRESSES.includes(name)) return answer;
    const [theirs, ours] = [hostAndPort(from), hostAndPort(to)];
    for (let at = answer.indexOf(theirs); at >= 0; at = answer.indexOf(theirs, at + 1)) ours.copy(answer, at);
    return answer;
  },
};

/** As answers hold it: the host, then the port as INT32. */
function hostAndPort({ host, port }: Address): Buffer {
  const bytes = Buffer.alloc(host.length + 4);
  bytes.write(host);
  bytes.writeInt32BE(port, host.length);
  return bytes;
}

/** Of an answer to EndTxn, whose header has tagged fields: correlation id, no tags, throttle time, error code. */
export const errorOfEndTxn = (answer: Buffer): number => answer.readInt16BE(LENGTH_BYTES + 4 + 1 + 4);
