/**
 * The order in which windows that merge give up their contents: that of Flink, which iterates over a java.util.HashSet of them. Nothing
 * depends on it but the order of elements in a merged list, and of arguments to `merge`; Flink's users know this one.
 */
import { TimeWindow, type Window } from '../windows/time-window.ts';

export function inMergeOrder(windows: readonly Window[]): readonly Window[] {
  if (windows.length <= 2 || !windows.every((window) => window instanceof TimeWindow)) return windows;
  const buckets = bucketCount(windows.length);
  return windows
    .map((window) => ({ window, bucket: spread(hashCode(window)) & (buckets - 1) }))
    .sort((a, b) => a.bucket - b.bucket)
    .map(({ window }) => window);
}

/** Of a HashSet to which so many were added: it doubles at three quarters. */
function bucketCount(size: number): number {
  let count = 16;
  while (size > count * 0.75) count *= 2;
  return count;
}

/** TimeWindow.hashCode: MathUtils.longToIntWithBitMixing(start + end). */
function hashCode(window: TimeWindow): number {
  let x = BigInt.asIntN(64, BigInt(window.start) + BigInt(window.end));
  x = BigInt.asIntN(64, (x ^ (BigInt.asUintN(64, x) >> 30n)) * -0x40a7b892e31b1a47n);
  x = BigInt.asIntN(64, (x ^ (BigInt.asUintN(64, x) >> 27n)) * -0x6b2fb644ecceee15n);
  x ^= BigInt.asUintN(64, x) >> 31n;
  return Number(BigInt.asIntN(32, x));
}

/** java.util.HashMap.hash */
function spread(hash: number): number {
  return hash ^ (hash >>> 16);
}
