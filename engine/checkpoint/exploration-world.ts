/**
 * A tiny world for exploring the real `step` function (exploration.test.ts): head, items, objects, one sink slot with its marker, and
 * up to three coordinators that may be paused for ever at any effect. A crash is a coordinator that never moves again; a
 * zombie is one that moves late. Test code: only exploration tests import it.
 *
 * Guards can be removed by name; each removal must break a law (exploration-laws.ts) or progress.
 */
import { epoch, generation, wallTimeMs, attemptId, type AttemptId } from '../model/ids.ts';
import { ackKeyOf, effectOf, type Effect } from './effects.ts';
import type { Event } from './events.ts';
import { garbage } from './garbage.ts';
import { attemptObjectName } from './object-names.ts';
import type { Ack, FoldRecord, Head, Manifest, Plan } from './records.ts';
import { compareMarkers } from './run-ids.ts';
import { begin, type Machine, type Session } from './states.ts';
import { step } from './step.ts';

export const GUARDS = [
  'casIsConditional',
  'unknownReadsTheHead',
  'lostIsNotWon',
  'settlingComparesTheHead',
  'firstAckWins',
  'republishAfterCrash',
  'failedPublishIsUnknown',
  'markerInTheTarget',
  'stampBeforePlan',
  'restorePublishesFirst',
  'sweepKeepsReferenced',
  'sweepWaitsForDecision',
  'baseFromTheHead',
  'ackCarriesGeneration',
  'namesCarryTheAttempt',
  'stampIsMonotone',
] as const;
export type Guard = (typeof GUARDS)[number];

/** Records of the only split: two, so two epochs at most. */
export const INPUT_END = 2;
const SPLIT = 's';

interface Written {
  readonly attempt: string;
  readonly from: number;
  readonly to: number;
}
interface Published extends Written {
  readonly run: string;
  readonly epoch: number;
  /** The run that had been stamped last when this was written. */
  readonly under: string;
}
type Item = Plan | Ack | Manifest | FoldRecord;

export interface World {
  readonly head: { readonly version: number; readonly head: Head } | null;
  readonly items: Readonly<Record<string, Item>>;
  readonly blobs: Readonly<Record<string, Written>>;
  readonly sink: {
    readonly marker: { readonly run: string; readonly epoch: number } | null;
    readonly log: readonly Published[];
  };
  readonly coordinators: readonly Machine[];
  /** Manifests in the order in which they were committed; remembered here, because sweeps delete old ones. */
  readonly commits: readonly Manifest[];
  /** What may still go wrong. */
  readonly left: {
    readonly starts: number;
    readonly unknown: number;
    readonly failures: number;
    readonly duplicates: number;
    readonly sweeps: number;
    readonly restores: number;
  };
  /** A law was broken while acting. */
  readonly broken: string | null;
}

export interface Action {
  readonly name: string;
  readonly next: World;
}

export function emptyWorld(left: World['left']): World {
  return {
    head: null,
    items: {},
    blobs: {},
    sink: { marker: null, log: [] },
    coordinators: [],
    commits: [],
    left,
    broken: null,
  };
}

const newSession = (index: number, start: Session['start']): Session => ({
  job: 'j',
  owner: `owner${index}`,
  id: `c${index}`,
  ttlMs: 1,
  graphHash: 'h',
  start,
  poison: 'fail',
  onCancel: 'retain',
  minPauseMs: 0,
});

export function start(w: World, kind: Session['start']): World {
  return { ...w, coordinators: [...w.coordinators, begin(newSession(w.coordinators.length, kind))] };
}

/** Everything that can happen next. */
export function actions(w: World, off: ReadonlySet<Guard>): Action[] {
  const out: Action[] = [];
  const { left } = w;
  if (left.starts > 0) {
    const begun = { ...w, left: { ...left, starts: left.starts - 1 } };
    out.push({ name: `start(c${w.coordinators.length})`, next: start(begun, 'continue') });
    if (left.restores > 0 && w.head !== null)
      out.push({
        name: `restore(c${w.coordinators.length})`,
        next: start({ ...begun, left: { ...begun.left, restores: 0 } }, 'restore'),
      });
  }
  w.coordinators.forEach((machine, i) => {
    const effect = effectOf(machine);
    if (effect === null) return;
    for (const answer of perform(w, machine, effect, off))
      out.push({ name: `c${i}:${answer.name}`, next: deliver(answer.world, i, answer.event) });
    if (left.sweeps > 0 && 'held' in machine.state)
      out.push({ name: `c${i}:sweep`, next: sweep(w, machine.state.held.head, off) });
  });
  if (left.duplicates > 0) {
    for (const item of Object.values(w.items)) {
      if (!isPlan(item) || ackName(item, off) in w.items) continue;
      const ran = attempt({ ...w, left: { ...left, duplicates: 0 } }, item, 'dup', INPUT_END, off);
      out.push({
        name: `duplicate(g${item.generation})`,
        next: { ...ran.world, items: { ...ran.world.items, [ackName(item, off)]: ran.ack } },
      });
    }
  }
  return out;
}

export function deliver(w: World, index: number, event: Event): World {
  const machine = w.coordinators[index]!;
  return { ...w, coordinators: w.coordinators.with(index, step(machine, event).machine) };
}

interface Answer {
  readonly name: string;
  readonly world: World;
  readonly event: Event;
}

/** Each way in which an effect can turn out. */
export function perform(w: World, machine: Machine, effect: Effect, off: ReadonlySet<Guard>): Answer[] {
  const { left } = w;
  const failed = (ranges: Written | null): Event => ({
    kind: 'failed',
    reason: 'x',
    retryable: true,
    poison: null,
    ranges: ranges === null ? null : [{ id: SPLIT, from: ranges.from, to: ranges.to, state: splitState(ranges.to) }],
  });
  const fewer = (what: 'unknown' | 'failures'): World => ({ ...w, left: { ...left, [what]: left[what] - 1 } });
  switch (effect.kind) {
    case 'read-head': {
      let found = w.head;
      const { state } = machine;
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
            nowMs: wallTimeMs(1),
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
      const plan = head.phase.kind === 'running' ? (w.items[head.phase.plan] as Plan | undefined) : null;
      if (plan === undefined) return [missing(w, machine, 'its plan')];
      return [{ name: 'load', world: w, event: { kind: 'loaded', base: { manifest, folded: null }, plan } }];
    }
    case 'prepare':
      return [
        {
          name: 'prepare',
          world: w,
          event: { kind: 'prepared', offers: [{ id: SPLIT, startPosition: 0 }], subtasks: {}, nowMs: wallTimeMs(1) },
        },
      ];
    case 'write-item': {
      const plan = effect.what === 'ack' && 'work' in machine.state ? machine.state.work.plan : null;
      const key = plan === null ? effect.key : ackName(plan, off);
      const exists = key in w.items;
      const outcome = exists && !off.has('firstAckWins') ? 'exists' : 'created';
      const world = exists ? w : { ...w, items: { ...w.items, [key]: effect.record } };
      return [{ name: `write(${key})${exists ? ' exists' : ''}`, world, event: { kind: 'item-written', outcome } }];
    }
    case 'read-ack': {
      const ack =
        'work' in machine.state ? (w.items[ackName(machine.state.work.plan, off)] as Ack | undefined) : undefined;
      if (ack === undefined) return [missing(w, machine, 'its ack')];
      return [{ name: 'read-ack', world: w, event: { kind: 'ack-read', ack } }];
    }
    case 'run': {
      const { plan } = effect;
      if (plan.state.log.some((s) => !(blobOf(s.object) in w.blobs))) return [missing(w, machine, 'a state segment')];
      const split = plan.splits[0]!;
      const cuts =
        split.to !== null
          ? [split.to]
          : split.from >= INPUT_END
            ? [INPUT_END]
            : split.from + 1 === INPUT_END
              ? [INPUT_END]
              : [split.from + 1, INPUT_END];
      return cuts.flatMap((cut): Answer[] => {
        const ran = attempt(w, plan, machine.session.id, cut, off);
        const answers: Answer[] = [
          {
            name: `run(e${plan.epoch} g${plan.generation} ..${cut})`,
            world: ran.world,
            event: { kind: 'ran', ack: ran.ack, idle: false, nowMs: wallTimeMs(1) },
          },
        ];
        if (left.failures > 0) {
          const used = { ...ran.world, left: fewer('failures').left };
          answers.push(
            { name: `run fails at ${cut}`, world: used, event: failed({ attempt: '', from: split.from, to: cut }) },
            { name: 'run fails', world: used, event: failed(null) },
          );
        }
        return answers;
      });
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
        return [{ name: 'stamp fenced', world: w, event: { kind: 'fenced', by: there.run } }];
      const world = there !== null && compareMarkers(there, marker) >= 0 ? w : { ...w, sink: { ...w.sink, marker } };
      return [{ name: `stamp(${marker.run}@${marker.epoch})`, world, event: { kind: 'stamped' } }];
    }
    case 'decide':
      return [{ name: 'retry', world: w, event: { kind: 'retry', nowMs: wallTimeMs(1) } }];
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
    event: { kind: 'fenced', by: '?' },
  };
}

function swap(w: World, target: Head): World {
  const before = w.head?.head ?? null;
  const next = { ...w, head: { version: (w.head?.version ?? 0) + 1, head: target } };
  if (target.phase.kind !== 'committed' || target.manifest === null || target.manifest === before?.manifest)
    return next;
  if (before !== null && target.epoch <= before.epoch) return { ...next, broken: 'an epoch was committed twice' };
  const manifest = w.items[target.manifest];
  if (manifest === undefined) return { ...next, broken: 'the head refers to a deleted manifest' };
  return { ...next, commits: [...w.commits, manifest as Manifest] };
}

const splitState = (to: number) => ({ generators: {}, watermark: 0, idleSince: null, ended: to === INPUT_END });
export const blobOf = (object: Ack['segments'][number]['object']): string => ('blob' in object ? object.blob : '');
const isPlan = (item: Item): item is Plan => 'splits' in item;
const ackName = (plan: Plan, off: ReadonlySet<Guard>): string =>
  ackKeyOf(off.has('ackCarriesGeneration') ? { ...plan, generation: generation(1) } : plan);

/** One attempt: writes its two objects, create-if-absent, and offers an ack. */
function attempt(w: World, plan: Plan, by: string, cut: number, off: ReadonlySet<Guard>): { world: World; ack: Ack } {
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
  const written: Written = { attempt: `${by}-${cut}`, from, to };
  const state = attemptObjectName(of, 'state');
  const output = attemptObjectName(of, 'out');
  const ack: Ack = {
    format: 1,
    attempt: attemptId(written.attempt),
    ranges: [{ id: SPLIT, from, to, state: splitState(to) }],
    watermarks: {},
    segments: [{ object: { blob: state, bytes: 1 }, epoch: epoch(plan.epoch), stage: 'fused', keyGroups: [0, 128] }],
    staged: [{ sink: 'k', slot: 0, records: to - from, objects: [{ blob: output, bytes: 1 }] }],
    counts: {},
    nextTimers: { eventTime: null, processingTime: null },
    keys: {},
    ended: to === INPUT_END,
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
    return { name: 'publish: stops with a question', world: w, event: { kind: 'fenced', by: 'the marker' } };
  const blob = w.blobs[blobOf(manifest.staged[0]!.objects[0]!)];
  if (blob === undefined) return missing(w, machine, 'staged output');
  const entry: Published = { ...blob, ...mark, under: marker.run };
  return {
    name: `publish(e${mark.epoch})`,
    world: { ...w, sink: { marker: mark, log: [...log, entry] } },
    event: { kind: 'published' },
  };
}

function sweep(before: World, head: Head, off: ReadonlySet<Guard>): World {
  const w = { ...before, left: { ...before.left, sweeps: before.left.sweeps - 1 } };
  const manifest = head.manifest === null ? null : (w.items[head.manifest] as Manifest | undefined);
  const plan = head.phase.kind === 'running' ? (w.items[head.phase.plan] as Plan | undefined) : null;
  if (manifest === undefined || plan === undefined) return w;
  const seen = off.has('sweepWaitsForDecision') ? { ...head, generation: generation(head.generation + 99) } : head;
  const reachable = off.has('sweepKeepsReferenced')
    ? { head: { ...seen, manifest: null }, manifest: null, folded: null, plan: null }
    : { head: seen, manifest, folded: null, plan };
  const dead = garbage(reachable, Object.keys(w.items), Object.keys(w.blobs));
  const without = <T>(all: Readonly<Record<string, T>>, names: readonly string[]) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
  return { ...w, items: without(w.items, dead.items), blobs: without(w.blobs, dead.blobs) };
}
