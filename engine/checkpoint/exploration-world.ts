/** How the effects of a coordinator turn out in the explored world (exploration-actions.ts). Test code. */
import { attemptId, epoch, generation, wallTimeMs, type AttemptId, type WallTimeMs } from '../model/ids.ts';
import { ackKeyOf, type Effect } from './effects.ts';
import type { Event } from './events.ts';
import { offeredFold } from './exploration-folder.ts';
import {
  blobOf,
  isWritten,
  segmentsOf,
  SPLIT,
  type Guard,
  type Published,
  type World,
  type Written,
} from './exploration-state.ts';
import { attemptObjectName } from './object-names.ts';
import type { Ack, Head, Manifest, Plan } from './records.ts';
import { beganRun, compareMarkers } from './run-ids.ts';
import { writerOf, type Machine } from './states.ts';

/** The drivers of a session have clocks of their own. */
const clockOf = ({ session }: Machine): WallTimeMs =>
  wallTimeMs(1 + Number(/^again(\d+)$/.exec(session.owner)?.[1] ?? 0));

export interface Answer {
  readonly name: string;
  readonly world: World;
  readonly event: Event;
}

/** Each way in which an effect can turn out. */
export function perform(w: World, machine: Machine, effect: Effect, off: ReadonlySet<Guard>): Answer[] {
  const { left } = w;
  const failed = (ranges: { readonly from: number; readonly to: number } | null): Event => ({
    kind: 'failed',
    reason: 'x',
    retryable: true,
    poison: null,
    ranges:
      ranges === null ? null : [{ id: SPLIT, from: ranges.from, to: ranges.to, state: splitState(ranges.to, w.end) }],
  });
  const fewer = (what: 'unknown' | 'failures' | 'idles'): World => ({
    ...w,
    left: { ...left, [what]: left[what] - 1 },
  });
  switch (effect.kind) {
    case 'read-head': {
      let found = w.head;
      const { state } = machine;
      if (off.has('resumeAsksTheLease') && state.kind === 'resuming' && found?.head.lease != null)
        found = { ...found, head: { ...found.head, lease: { ...found.head.lease, session: machine.session.id } } };
      if (
        off.has('settlingComparesTheHead') &&
        state.kind === 'settling' &&
        found !== null &&
        found.head.epoch >= state.target.epoch
      )
        found = { version: state.expected + 1, head: state.target };
      return [
        {
          name: 'read',
          world: w,
          event: {
            kind: 'head-read',
            found,
            owner: found?.head.lease == null ? 'none' : 'dead',
            monoMs: 0,
            nowMs: clockOf(machine),
          },
        },
      ];
    }
    case 'cas': {
      const won = (w.head?.version ?? 0) === effect.expected || off.has('casIsConditional');
      const after = won ? swap(w, effect.target) : w;
      const lost: Event = off.has('lostIsNotWon') ? { kind: 'cas-won' } : { kind: 'cas-lost' };
      const answers: Answer[] = [
        {
          name: `cas(${effect.target.phase.kind} e${effect.target.epoch} g${effect.target.generation})${won ? '' : ' lost'}`,
          world: after,
          event: won ? { kind: 'cas-won' } : lost,
        },
      ];
      if (left.unknown > 0 && won) {
        const unknown: Event = off.has('unknownReadsTheHead') ? { kind: 'cas-won' } : { kind: 'cas-unknown' };
        const used = fewer('unknown');
        answers.push(
          { name: 'cas landed, answer lost', world: swap(used, effect.target), event: unknown },
          { name: 'cas not landed, answer lost', world: used, event: unknown },
        );
      }
      return answers;
    }
    case 'load': {
      const { head } = effect;
      let manifest = head.manifest === null ? null : (w.items[head.manifest] as Manifest | undefined);
      if (manifest === undefined) return [missing(w, machine, 'its manifest')];
      if (off.has('baseFromTheHead') && manifest !== null && head.phase.kind !== 'committed')
        manifest = manifest.base === null ? null : ((w.items[manifest.base] as Manifest | undefined) ?? null);
      let plan = head.phase.kind === 'running' ? (w.items[head.phase.plan] as Plan | undefined) : null;
      if (plan === undefined) return [missing(w, machine, 'its plan')];
      if (off.has('planIsReadBack') && plan !== null && !effect.claimed) plan = { ...plan, clock: clockOf(machine) };
      return [{ name: 'load', world: w, event: { kind: 'loaded', base: { manifest, folded: null }, plan } }];
    }
    case 'prepare':
      return [
        {
          name: 'prepare',
          world: w,
          event: {
            kind: 'prepared',
            offers: [{ id: SPLIT, startPosition: 0 }],
            subtasks: {},
            folded: w.folders.length === 0 ? null : offeredFold(w, machine, off),
            nowMs: clockOf(machine),
          },
        },
      ];
    case 'write-item': {
      const plan = effect.what === 'ack' && 'work' in machine.state ? machine.state.work.plan : null;
      const key = plan === null ? effect.key : ackName(plan, off);
      const exists = key in w.items;
      const blind =
        (effect.what === 'manifest' && off.has('manifestIsReadBack')) ||
        (effect.what === 'ack' && off.has('firstAckWins'));
      const outcome = exists && !blind ? 'exists' : 'created';
      const { extended, ...ack } = effect.record as Ack;
      const record = extended === true && off.has('extendedAckIsMarked') ? ack : effect.record;
      const world = exists ? w : { ...w, items: { ...w.items, [key]: record } };
      return [{ name: `write(${key})${exists ? ' exists' : ''}`, world, event: { kind: 'item-written', outcome } }];
    }
    case 'read-ack': {
      const ack =
        'work' in machine.state ? (w.items[ackName(machine.state.work.plan, off)] as Ack | undefined) : undefined;
      if (ack === undefined) return [missing(w, machine, 'its ack')];
      return [{ name: 'read-ack', world: w, event: { kind: 'ack-read', ack } }];
    }
    case 'read-manifest': {
      const manifest = w.items[effect.key] as Manifest | undefined;
      if (manifest === undefined) return [missing(w, machine, 'its manifest')];
      return [{ name: 'read-manifest', world: w, event: { kind: 'manifest-read', manifest } }];
    }
    case 'wait-for-input': {
      const offers = [{ id: SPLIT, startPosition: 0 }];
      // Time has passed.
      const nowMs = wallTimeMs(clockOf(machine) + 100);
      return [{ name: 'woken', world: w, event: { kind: 'woken', offers, nowMs, lease: 'fresh' } }];
    }
    case 'run': {
      const { plan } = effect;
      if (segmentsOf(w, plan.state) === null) return [missing(w, machine, 'a state segment')];
      const split = plan.splits[0]!;
      const next = Math.min(w.end, split.from + 1);
      const cuts = split.to !== null ? [split.to] : next === w.end ? [next] : [next, w.end];
      const idle: Answer[] = [];
      if (left.idles > 0 && split.to === null && split.from < w.end) {
        const { ack } = attempt(w, plan, writerOf(machine.session), split.from, off);
        const event: Event = { kind: 'ran', ack, idle: true, nowMs: clockOf(machine) };
        idle.push({ name: 'run finds nothing', world: fewer('idles'), event });
      }
      return idle.concat(
        cuts.flatMap((cut): Answer[] => {
          const ran = attempt(w, plan, writerOf(machine.session), cut, off);
          const answers: Answer[] = [
            {
              name: `run(e${plan.epoch} g${plan.generation} ..${cut})`,
              world: ran.world,
              event: { kind: 'ran', ack: ran.ack, idle: false, nowMs: clockOf(machine) },
            },
          ];
          if (left.failures > 0) {
            const used = { ...ran.world, left: fewer('failures').left };
            answers.push(
              { name: `run fails at ${cut}`, world: used, event: failed({ from: split.from, to: cut }) },
              { name: 'run fails', world: used, event: failed(null) },
            );
          }
          return answers;
        }),
      );
    }
    case 'publish': {
      const skip =
        (off.has('restorePublishesFirst') && machine.state.kind === 'publishing' && machine.state.next === 'restore') ||
        (off.has('republishAfterCrash') && machine.state.kind === 'publishing' && machine.state.winner === null);
      if (skip) return [{ name: 'publish skipped', world: w, event: { kind: 'published' } }];
      const answers = [publish(w, machine, effect.manifest, off)];
      if (left.failures > 0) {
        const event: Event = off.has('failedPublishIsUnknown') ? { kind: 'published' } : failed(null);
        answers.push({ name: 'publish times out, not done', world: fewer('failures'), event });
        const done = publish(fewer('failures'), machine, effect.manifest, off);
        if (done.event.kind === 'published') answers.push({ ...done, name: 'publish times out, done', event });
      }
      return answers;
    }
    case 'stamp': {
      const marker = { run: effect.run, epoch: effect.epoch };
      if (off.has('stampBeforePlan')) return [{ name: 'stamp skipped', world: w, event: { kind: 'stamped' } }];
      const there = off.has('stampIsMonotone') ? null : w.sink.marker;
      if (there !== null && there.run !== marker.run && compareMarkers(there, marker) > 0)
        return [{ name: 'stamp fenced', world: w, event: { kind: 'fenced', by: there.run, session: null } }];
      const world = there !== null && compareMarkers(there, marker) >= 0 ? w : { ...w, sink: { ...w.sink, marker } };
      return [{ name: `stamp(${marker.run}@${marker.epoch})`, world, event: { kind: 'stamped' } }];
    }
    case 'decide':
      return [{ name: 'retry', world: w, event: { kind: 'retry', nowMs: clockOf(machine) } }];
    default:
      throw new Error(`the exploration does not know ${effect.kind}`);
  }
}

/** A reader that misses something re-reads the head: if it moved on, it is fenced; else the head dangles (E6). */
function missing(w: World, machine: Machine, what: string): Answer {
  const held = 'held' in machine.state ? machine.state.held.version : 0;
  const moved = w.head?.version !== held;
  return {
    name: `misses ${what}`,
    world: moved ? w : { ...w, broken: `the head refers to something deleted: ${what}` },
    event: { kind: 'fenced', by: '?', session: null },
  };
}

function swap(w: World, target: Head): World {
  const before = w.head?.head ?? null;
  const next = { ...w, head: { version: (w.head?.version ?? 0) + 1, head: target } };
  const session = before?.lease?.session;
  const goesOn = target.phase.kind === 'running' || target.phase.kind === 'committed';
  if (goesOn && session !== undefined && target.generation !== before?.generation && target.lease?.session !== session)
    if (before?.phase.kind !== target.phase.kind)
      return { ...next, broken: "E4: moved on under another session's lease" };
  if (
    before !== null &&
    session !== undefined &&
    target.run !== before.run &&
    beganRun(before.run, target.lease?.session ?? '')
  )
    return { ...next, broken: 'a session began two runs' };
  if (target.phase.kind !== 'committed' || target.manifest === null || target.manifest === before?.manifest)
    return next;
  if (before !== null && target.epoch <= before.epoch) return { ...next, broken: 'an epoch was committed twice' };
  const manifest = w.items[target.manifest];
  if (manifest === undefined) return { ...next, broken: 'the head refers to a deleted manifest' };
  return { ...next, commits: [...w.commits, manifest as Manifest] };
}

const splitState = (to: number, end: number) => ({ generators: {}, watermark: 0, idleSince: null, ended: to === end });
export const ackName = (plan: Plan, off: ReadonlySet<Guard>): string =>
  ackKeyOf(off.has('ackCarriesGeneration') ? { ...plan, generation: generation(1) } : plan);

/** One attempt: writes its two objects, create-if-absent, and offers an ack. */
export function attempt(
  w: World,
  plan: Plan,
  by: string,
  cut: number,
  off: ReadonlySet<Guard>,
): { world: World; ack: Ack } {
  const id: AttemptId = attemptId(off.has('namesCarryTheAttempt') ? 'a' : `${by}-${cut}`);
  const of = {
    job: 'j',
    run: plan.run,
    epoch: plan.epoch,
    generation: plan.generation,
    stage: 'fused',
    subtask: 0,
    attempt: id,
  };
  const from = plan.splits[0]!.from;
  const to = plan.splits[0]!.to ?? cut;
  const written: Written = { attempt: `${by}-${cut}`, from, to, clock: plan.clock };
  const state = attemptObjectName(of, 'state');
  const output = attemptObjectName(of, 'out');
  const ack: Ack = {
    format: 1,
    attempt: attemptId(written.attempt),
    ranges: [{ id: SPLIT, from, to, state: splitState(to, w.end) }],
    watermarks: {},
    segments: [{ object: { blob: state, bytes: 1 }, epoch: epoch(plan.epoch), stage: 'fused', keyGroups: [0, 128] }],
    staged: [{ sink: 'k', slot: 0, records: to - from, objects: [{ blob: output, bytes: 1 }] }],
    counts: {},
    nextTimers: { eventTime: null, processingTime: null },
    keys: {},
    ended: to === w.end,
  };
  return { world: { ...w, blobs: { [state]: written, [output]: written, ...w.blobs } }, ack };
}

/** One transaction: fenced, the marker compared, records and marker written together. */
function publish(w: World, machine: Machine, manifest: Manifest, off: ReadonlySet<Guard>): Answer {
  const mark = { run: manifest.run, epoch: manifest.epoch };
  const { marker, log } = w.sink;
  if (off.has('markerInTheTarget') ? false : marker !== null && compareMarkers(marker, mark) >= 0)
    return { name: 'publish: already', world: w, event: { kind: 'published' } };
  // Absent, or of another run: never guess. A run stamps before it plans, so this is not its own doing.
  if (marker === null || marker.run !== mark.run)
    return {
      name: 'publish: stops with a question',
      world: w,
      event: { kind: 'fenced', by: 'the marker', session: null },
    };
  const blob = w.blobs[blobOf(manifest.staged[0]!.objects[0]!)];
  if (!isWritten(blob)) return missing(w, machine, 'staged output');
  const entry: Published = { ...blob, ...mark, under: marker.run };
  return {
    name: `publish(e${mark.epoch})`,
    world: { ...w, sink: { marker: mark, log: [...log, entry] } },
    event: { kind: 'published' },
  };
}
