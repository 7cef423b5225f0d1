/** How far each split's end is ahead of what the job has committed: asked of the sources, in the unit of their positions. */
import { existsSync } from 'node:fs';
import { openDiskLog } from '../embedded/disk-log.ts';
import { SystemClock } from '../embedded/system-clock.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import type { Log } from '../ports/log.ts';
import type { JobState } from '../runtime/job-state-reader.ts';
import { logFolder } from './stored-state.ts';

/** By split; null: its source cannot tell (a gzipped file, an endless generator). */
export type Backlog = ReadonlyMap<string, number | null>;

/** `stateDir`: null, where the job is not on this machine. */
export async function readBacklog(graph: JobGraph, state: JobState, stateDir: string | null): Promise<Backlog> {
  const folder = stateDir === null ? null : logFolder(stateDir);
  const log = folder !== null && existsSync(folder) ? await openDiskLog(folder) : null;
  try {
    const entries = await Promise.all(
      state.splits.map(async (split) => [split.id, split.ended ? 0 : await ahead(graph, split, log)] as const),
    );
    return new Map(entries);
  } finally {
    await log?.close();
  }
}

async function ahead(graph: JobGraph, split: JobState['splits'][number], log: Log | null): Promise<number | null> {
  const node = graph.nodes.find(({ uid, operator }) => operator.kind === 'source' && split.id.startsWith(`${uid}/`));
  if (node?.operator.kind !== 'source') return null;
  const context = { job: graph.job, operator: node.uid, clock: new SystemClock(), log, blobs: null };
  const id = split.id.slice(node.uid.length + 1);
  const reader = await node.operator.source.open({ id, startPosition: split.position }, split.position, context);
  try {
    const end = reader.endPosition();
    return end === null ? null : Math.max(0, end - split.position);
  } finally {
    await reader.close();
  }
}
