/** Keys for places: what stands for a partition or for state that has no key, as keys are all that state knows. */
import { keyHash } from './key-bytes.ts';

/** The smallest non-negative integer whose key group is `group`. */
export function keyInGroup(group: number, maxParallelism: number): number {
  let key = 0;
  while (keyHash(key) % maxParallelism !== group) key++;
  return key;
}

/** The keys that stand for the partitions of an operator, spread over the key groups. */
export function partitionKeys(partitions: number, maxParallelism: number): number[] {
  const inGroup = new Map<number, number>();
  for (let key = 0; inGroup.size < maxParallelism; key++) {
    const group = keyHash(key) % maxParallelism;
    if (!inGroup.has(group)) inGroup.set(group, key);
  }
  return Array.from({ length: partitions }, (_, p) => inGroup.get(Math.floor((p * maxParallelism) / partitions))!);
}

/** Names of entries that belong to every subtask: they stand in key group 0, and each subtask restores them. */
export const BROADCAST_PREFIX = 'broadcast:';
