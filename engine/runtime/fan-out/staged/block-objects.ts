/**
 * Shuffle blocks on their way through the BlobStore: one object per sender and receiving stage, its blocks back to back, receiver by
 * receiver; so a receiver reads one range of it. The blocks of a sender that are few bytes in all travel in its ack.
 */
import type { ObjectRef } from '../../../checkpoint/records.ts';
import { INLINE_BYTES, type ObjectIo } from '../../object-io.ts';
import type { Block } from '../subtask-peer.ts';

export interface SentBlocks {
  /** The receiving stage. */
  readonly stage: string;
  readonly object: ObjectRef;
  /** Ends of the object's blocks, and whose they are: a receiver's blocks stand together, in order. */
  readonly blocks: readonly (readonly [receiver: number, end: number])[];
}

/** Blocks of one receiver in one object: each reaches from where the one before it ends. */
export interface PartOfObject {
  /** Its number in the input's list. */
  readonly object: number;
  readonly from: number;
  readonly ends: readonly number[];
}

export type BlocksOfReceiver = readonly PartOfObject[];

/** Requests for objects at a time. */
const PARALLEL_READS = 16;

export async function sendBlocks(blocks: readonly Block[], io: ObjectIo): Promise<SentBlocks[]> {
  const inline = blocks.reduce((sum, { bytes }) => sum + bytes.length, 0) <= INLINE_BYTES;
  const sent: SentBlocks[] = [];
  for (const stage of new Set(blocks.map((block) => block.stage))) {
    const own = blocks.filter((block) => block.stage === stage).sort((a, b) => a.receiver - b.receiver);
    let end = 0;
    const index = own.map(({ receiver, bytes }): [number, number] => [receiver, (end += bytes.length)]);
    const chunks = own.map(({ bytes }) => bytes);
    sent.push({ stage, object: await io.write(`rows-${stage}`, chunks, inline), blocks: index });
  }
  return sent;
}

/** What there is for each receiver of a stage, sender by sender. */
export function gatherBlocks(
  stage: string,
  receivers: number,
  senders: readonly (readonly SentBlocks[])[],
): { readonly objects: readonly ObjectRef[]; readonly receivers: readonly BlocksOfReceiver[] } {
  const objects: ObjectRef[] = [];
  const parts: PartOfObject[][] = Array.from({ length: receivers }, () => []);
  for (const { object, blocks } of senders.flat().filter((sent) => sent.stage === stage)) {
    const at = objects.push(object) - 1;
    let from = 0;
    for (let i = 0; i < blocks.length;) {
      const [receiver] = blocks[i]!;
      const ends: number[] = [];
      for (; i < blocks.length && blocks[i]![0] === receiver; i++) ends.push(blocks[i]![1]);
      parts[receiver]!.push({ object: at, from, ends });
      from = ends.at(-1)!;
    }
  }
  return { objects, receivers: parts };
}

export async function readBlocks(
  objects: readonly ObjectRef[],
  parts: BlocksOfReceiver,
  io: ObjectIo,
): Promise<Uint8Array[]> {
  const read: Uint8Array[][] = [];
  for (let i = 0; i < parts.length; i += PARALLEL_READS) {
    const some = parts.slice(i, i + PARALLEL_READS);
    read.push(
      ...(await Promise.all(
        some.map(async ({ object, from, ends }) =>
          cut(await io.readRange(objects[object]!, from, ends.at(-1)!), from, ends),
        ),
      )),
    );
  }
  return read.flat();
}

function cut(bytes: Uint8Array, from: number, ends: readonly number[]): Uint8Array[] {
  return ends.map((end, i) => bytes.subarray((ends[i - 1] ?? from) - from, end - from));
}
