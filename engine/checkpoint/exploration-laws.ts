/** The laws that every world of the exploration must keep (test code, see exploration-world.ts). */
import { ackKeyOf, effectOf } from './effects.ts';
import { perform } from './exploration-world.ts';
import { blobOf, isWritten, segmentsOf, type Guard, type World } from './exploration-state.ts';
import { deliver, start } from './exploration-actions.ts';
import type { Plan } from './records.ts';

/** The law that a world breaks, or null. */
export function violation(w: World): string | null {
  if (w.broken !== null) return w.broken;
  let at = 0;
  const log: string[] = [];
  let last = 0;
  for (const m of w.commits) {
    const range = m.ranges[0]!;
    if (m.epoch <= last) return 'an epoch number was used twice';
    last = m.epoch;
    if (range.from !== at) return 'committed lineage has a gap or an overlap';
    at = range.to;
    const segment = blobOf(m.state.log.at(-1)!.object);
    log.push(segment);
    // What was folded may have been swept since; it was checked when it was new.
    if (m === w.commits.at(-1) && segmentsOf(w, m.state)?.join() !== log.join())
      return 'computed from a wrong base state';
    const first = w.items[ackKeyOf({ epoch: m.epoch, generation: m.generation } as Plan)];
    if (first !== undefined && 'attempt' in first && blobOf(first.segments[0]!.object) !== segment)
      return 'committed an attempt whose ack did not win';
    for (const blob of [segment, blobOf(m.staged[0]!.objects[0]!)]) {
      const content = w.blobs[blob];
      if (!isWritten(content)) continue;
      if (content.from !== range.from || content.to !== range.to)
        return 'state or output of another attempt was committed';
      if (content.clock !== m.clock) return 'E1: computed at another clock than the committed one';
    }
  }
  const seen = new Set<number>();
  for (const entry of w.sink.log) {
    if (!w.commits.some((m) => m.epoch === entry.epoch && m.run === entry.run && m.ranges[0]!.to === entry.to))
      return 'uncommitted output is visible';
    for (let record = entry.from; record < entry.to; record++) {
      if (seen.has(record)) return 'output twice';
      seen.add(record);
    }
    if (entry.under !== entry.run) return 'an old run wrote after a restore had stamped';
  }
  if (w.head === null) return null;
  const { head } = w.head;
  const decided = head.phase.kind === 'committed' ? w.commits.slice(0, -1) : w.commits;
  for (const m of decided) {
    for (let record = m.ranges[0]!.from; record < m.ranges[0]!.to; record++)
      if (!seen.has(record)) return 'recorded as published, but output is missing (loss)';
  }
  if (head.manifest !== null) {
    const m = w.items[head.manifest];
    if (m === undefined || !('staged' in m) || !('state' in m)) return 'the head refers to a deleted manifest';
    if (segmentsOf(w, m.state) === null) return 'the head refers to deleted state';
    if (
      head.phase.kind === 'committed' &&
      !seen.has(m.ranges[0]!.from) &&
      !(blobOf(m.staged[0]!.objects[0]!) in w.blobs)
    )
      return 'staged output was deleted before its publication';
  }
  if (head.phase.kind === 'running' && !(head.phase.plan in w.items)) return 'the head refers to a deleted plan';
  return drivers(w);
}

/** What a coordinator holds in memory is what the head that it holds leads to. */
function drivers(w: World): string | null {
  for (const { state } of w.coordinators) {
    if (!('held' in state) || state.held.version !== w.head?.version) continue;
    const { head } = state.held;
    if (state.kind === 'publishing' && w.items[head.manifest ?? ''] !== undefined)
      if (JSON.stringify(state.manifest) !== JSON.stringify(w.items[head.manifest ?? '']))
        return 'a driver builds on another manifest than the committed one';
    if ((state.kind === 'running' || state.kind === 'acking') && head.phase.kind === 'running' && !state.work.extended)
      if (JSON.stringify(state.work.plan) !== JSON.stringify(w.items[head.phase.plan]))
        return 'E1: a driver runs another plan than the one that the head has taken';
  }
  return null;
}

/** Faults stop, all others are dead, one fresh coordinator starts: what keeps it from bringing the job to its end? Null: nothing. */
export function stuck(world: World, off: ReadonlySet<Guard>): string | null {
  let w = start(
    {
      ...world,
      left: {
        ...world.left,
        starts: 0,
        unknown: 0,
        failures: 0,
        duplicates: 0,
        sweeps: 0,
        restores: 0,
        resumes: 0,
        idles: 0,
      },
    },
    'continue',
  );
  const index = w.coordinators.length - 1;
  for (let moves = 0; moves < 60; moves++) {
    const machine = w.coordinators[index]!;
    const effect = effectOf(machine);
    if (effect === null) {
      const output = w.sink.log.reduce((n, entry) => n + entry.to - entry.from, 0);
      const ended = machine.state.kind === 'ended' ? machine.state.ending.kind : 'not ended';
      return (
        violation(w) ??
        (['finished', 'already'].includes(ended) && output === w.end
          ? null
          : `no progress: ${ended}, ${output} records out`)
      );
    }
    const answer = perform(w, machine, effect, off)[0]!;
    w = deliver(answer.world, index, answer.event, off);
  }
  return 'no progress: it goes round in circles';
}
