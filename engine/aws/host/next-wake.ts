/** When a job with nothing to read has something to do: its next tick, or earlier its first timer or a split's idleness. */
import type { Manifest } from '../../checkpoint/records.ts';
import { idlenessOf } from '../../runtime/idleness.ts';
import type { RunnerOptions } from '../../runtime/runner-options.ts';

/** Milliseconds from `nowMs`. `manifest`: of the last committed epoch. */
export function nextWakeMs(
  graph: RunnerOptions['graph'],
  manifest: Manifest | null,
  nowMs: number,
  tickMs: number,
): number {
  if (manifest === null) return tickMs;
  let atMs = Math.min(nowMs + tickMs, manifest.nextTimers.processingTime ?? Infinity);
  for (const node of graph.nodes) {
    const idlenessMs = node.operator.kind === 'source' ? idlenessOf(node) : null;
    if (idlenessMs === null) continue;
    for (const { id, state } of manifest.ranges) {
      if (!id.startsWith(`${node.uid}/`) || state.ended || state.idleSince === null) continue;
      const idleAtMs = state.idleSince + idlenessMs;
      if (idleAtMs > manifest.clock) atMs = Math.min(atMs, idleAtMs);
    }
  }
  return Math.max(0, atMs - nowMs);
}
