/**
 * A state segment: the entries that one attempt changed (log), or all entries of a key-group range (snapshot), of one stage.
 *
 *   'MRSG' | format 1 | codec (0 none, 1 zstd) | 2 zero bytes | crc32 of those 4 bytes and of the body | length of body | body
 *   body: length of index | index | blocks
 *
 * The index names each key group's block by offset and length, so that a reader takes the range it needs. A block is one
 * msgpack value of columns: keys, name numbers, sub keys, values, and a flag per entry (1 = removed). Integers little-endian.
 * Sub keys and values that msgpack would change stand apart, as structured clones; a segment that has some says so in its serializer.
 * A wrong magic, length or checksum is a CorruptionError: corrupt state is reported, never used.
 */
import { crc32, zstdCompressSync, zstdDecompressSync, constants } from 'node:zlib';
import { ConfigError, CorruptionError } from '../model/errors.ts';
import { clone, pack, survivesPacking, unclone, unpack } from './serializer.ts';
import type { StateReader, StateWriter } from './state-entries.ts';

const MAGIC = 0x4753524d; // 'MRSG'
const FORMAT = 1;
const HEADER = 16;
/** 53 µs for 300 bytes: not worth it below a few KB (reference/node). */
const COMPRESS_FROM_BYTES = 4096;

type Block = [
  keys: unknown[],
  names: number[],
  subs: unknown[],
  values: unknown[],
  removed: number[],
  /** In the place of value i (number 2i) or of sub key i (number 2i + 1). */
  clones?: [numbers: number[], bytes: Uint8Array[]],
];
/** How values are written. A reader knows all released ones, and refuses what it does not know before anything is used. */
const SERIALIZER = 'msgpackr/1';
const WITH_CLONES = 'msgpackr/1+clones';
type Index = {
  serializer: string;
  maxParallelism: number;
  names: string[];
  groups: number[];
  offsets: number[];
  lengths: number[];
};

export class SegmentWriter implements StateWriter {
  private readonly blocks: (Block | undefined)[] = [];
  private readonly names = new Map<string, number>();
  private readonly maxParallelism: number;
  private serializer = SERIALIZER;
  entries = 0;
  /** Of all blocks, before compression; known after `finish`. */
  packedBytes = 0;

  /** `maxParallelism`: the number of key groups that the entries' groups were computed with; 0: it does not matter (tests). */
  constructor(maxParallelism = 0) {
    this.maxParallelism = maxParallelism;
  }

  put(keyGroup: number, key: unknown, name: string, sub: unknown, value: unknown): void {
    this.add(keyGroup, key, name, sub, value, 0);
  }

  remove(keyGroup: number, key: unknown, name: string, sub: unknown): void {
    this.add(keyGroup, key, name, sub, null, 1);
  }

  private add(keyGroup: number, key: unknown, name: string, sub: unknown, value: unknown, removed: number): void {
    let block = this.blocks[keyGroup];
    if (block === undefined) this.blocks[keyGroup] = block = [[], [], [], [], []];
    let number = this.names.get(name);
    if (number === undefined) this.names.set(name, (number = this.names.size));
    block[0].push(key);
    block[1].push(number);
    const i = block[4].length;
    block[2].push(survivesPacking(sub) ? sub : this.cloned(block, 2 * i + 1, sub));
    block[3].push(survivesPacking(value) ? value : this.cloned(block, 2 * i, value));
    block[4].push(removed);
    this.entries++;
  }

  private cloned(block: Block, number: number, value: unknown): null {
    const [numbers, bytes] = (block[5] ??= [[], []]);
    numbers.push(number);
    bytes.push(clone(value));
    this.serializer = WITH_CLONES;
    return null;
  }

  /** The segment's bytes; null when nothing was written. */
  finish(): Uint8Array | null {
    if (this.entries === 0) return null;
    const index: Index = {
      serializer: this.serializer,
      maxParallelism: this.maxParallelism,
      names: [...this.names.keys()],
      groups: [],
      offsets: [],
      lengths: [],
    };
    const parts: Uint8Array[] = [];
    let offset = 0;
    this.blocks.forEach((block, keyGroup) => {
      if (block === undefined) return;
      const bytes = Uint8Array.prototype.slice.call(pack(block));
      index.groups.push(keyGroup);
      index.offsets.push(offset);
      index.lengths.push(bytes.length);
      parts.push(bytes);
      offset += bytes.length;
    });
    this.packedBytes = offset;
    return frame(Uint8Array.prototype.slice.call(pack(index)), parts, offset);
  }
}

function frame(index: Uint8Array, parts: readonly Uint8Array[], length: number): Uint8Array {
  let body = new Uint8Array(4 + index.length + length);
  new DataView(body.buffer).setUint32(0, index.length, true);
  body.set(index, 4);
  let at = 4 + index.length;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  let codec = 0;
  if (body.length >= COMPRESS_FROM_BYTES) {
    body = zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    codec = 1;
  }
  const out = new Uint8Array(HEADER + body.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, MAGIC, true);
  out[4] = FORMAT;
  out[5] = codec;
  view.setUint32(8, checksum(out, body), true);
  view.setUint32(12, body.length, true);
  out.set(body, HEADER);
  return out;
}

/** Hands the entries of key groups [from, to) to `reader`, in the order written. `what` names the object in errors. */
export function readSegment(
  bytes: Uint8Array,
  from: number,
  to: number,
  what: string,
  reader: StateReader,
  maxParallelism = 0,
): void {
  const body = unframe(bytes, what);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const indexLength = view.getUint32(0, true);
  const index = unpack(body.subarray(4, 4 + indexLength)) as Index;
  if (index.serializer !== SERIALIZER && index.serializer !== WITH_CLONES) {
    throw new ConfigError(
      `${what} holds the states ${index.names.join(', ')}, written with serializer ${index.serializer}; this version reads ${SERIALIZER} and ${WITH_CLONES}. Nothing was changed: run the version that wrote it, or restore another checkpoint.`,
      { what },
    );
  }
  if (maxParallelism > 0 && index.maxParallelism > 0 && index.maxParallelism !== maxParallelism) {
    throw new ConfigError(
      `the job has state that was written with max parallelism ${index.maxParallelism}, and now has max parallelism ${maxParallelism}. It is fixed for the life of the state: call env.setMaxParallelism(${index.maxParallelism}), or start the job in a new state folder.`,
      { what },
    );
  }
  const blocksAt = 4 + indexLength;
  for (let g = 0; g < index.groups.length; g++) {
    const keyGroup = index.groups[g]!;
    if (keyGroup < from || keyGroup >= to) continue;
    const at = blocksAt + index.offsets[g]!;
    const [keys, names, subs, values, removed, clones] = unpack(body.subarray(at, at + index.lengths[g]!)) as Block;
    clones?.[0].forEach((number, i) => {
      (number % 2 === 0 ? values : subs)[number >> 1] = unclone(clones[1][i]!);
    });
    for (let i = 0; i < keys.length; i++) {
      const name = index.names[names[i]!]!;
      if (removed[i] === 1) reader.restoreRemoved(keys[i], name, subs[i]);
      else reader.restore(keys[i], name, subs[i], values[i]);
    }
  }
}

function unframe(bytes: Uint8Array, what: string): Uint8Array {
  const damaged = (why: string): CorruptionError =>
    new CorruptionError(
      `state segment ${what} is damaged (${why}). It was not used. Restore from another checkpoint.`,
      { what },
    );
  if (bytes.length < HEADER) throw damaged(`${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) throw damaged('not a state segment');
  if (bytes[4] !== FORMAT) throw damaged(`format ${bytes[4]}, this version reads format ${FORMAT}`);
  const body = bytes.subarray(HEADER);
  if (view.getUint32(12, true) !== body.length) throw damaged('cut short');
  if (view.getUint32(8, true) !== checksum(bytes, body)) throw damaged('checksum');
  return bytes[5] === 1 ? zstdDecompressSync(body) : body;
}

/** The codec is covered too: a body read with the wrong one is no data. */
function checksum(bytes: Uint8Array, body: Uint8Array): number {
  return crc32(body, crc32(bytes.subarray(4, 8)));
}
