/** How large a bounded input is, for the progress bar only: of a gzipped file it is an estimate. */
import { openSync, closeSync, fstatSync, readSync } from 'node:fs';
import { FileSource } from '../connectors/files/file-source.ts';
import { rangeOf } from '../connectors/files/file-splits.ts';
import { SystemClock } from '../embedded/system-clock.ts';
import type { JobGraph, JobNode } from '../graph/job-graph.ts';
import type { ReadRange } from '../checkpoint/records.ts';
import type { Source } from '../ports/source.ts';

/** End position by split, as manifests name splits. Null: there is no telling. */
export type InputSize = ReadonlyMap<string, number> | null;

export async function inputSize(graph: JobGraph): Promise<InputSize> {
  const ends = new Map<string, number>();
  for (const node of graph.nodes) {
    if (node.operator.kind !== 'source') continue;
    if (!node.operator.source.bounded) return null;
    try {
      await addEnds(ends, graph.job, node, node.operator.source);
    } catch {
      return null; // what is wrong with the input is reported when the job opens it
    }
  }
  return [...ends.values()].some(Number.isNaN) ? null : ends;
}

/** 0 to 1, or null where the size is not known. */
export function fractionRead(size: InputSize, ranges: readonly ReadRange[]): number | null {
  if (size === null) return null;
  let total = 0;
  for (const end of size.values()) total += end;
  const read = ranges.reduce((sum, range) => {
    const end = size.get(range.id) ?? 0;
    return sum + (range.state.ended ? end : Math.min(range.to, end));
  }, 0);
  return total === 0 ? null : read / total;
}

async function addEnds(ends: Map<string, number>, job: string, node: JobNode, source: Source<unknown>): Promise<void> {
  const context = { job, operator: node.uid, clock: new SystemClock(), log: null, blobs: null };
  for (const split of await source.discover(context)) {
    const reader = await source.open(split, split.startPosition, context);
    try {
      ends.set(
        `${node.uid}/${split.id}`,
        reader.endPosition() ?? (source instanceof FileSource ? unpackedBytes(rangeOf(split.id).path) : NaN),
      );
    } finally {
      await reader.close();
    }
  }
}

const SMALLEST_GZIP_BYTES = 18;

/** The last four bytes of a gzipped file: its unpacked size modulo 2^32, exact for one member below 4 GiB (RFC 1952). */
export function unpackedBytes(path: string): number {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    if (size < SMALLEST_GZIP_BYTES) return NaN;
    const trailer = Buffer.alloc(4);
    readSync(file, trailer, 0, 4, size - 4);
    const unpacked = trailer.readUInt32LE();
    // Smaller than packed: several members, or more than 4 GiB.
    return unpacked < size ? NaN : unpacked;
  } finally {
    closeSync(file);
  }
}
