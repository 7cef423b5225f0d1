/**
 * A tiny world for exploring the real `step` function (exploration.test.ts): head, items, objects, one sink slot with its marker, and
 * a few coordinators that may be paused for ever at any effect. A crash is a coordinator that never moves again; a zombie is one that
 * moves late; a session may have several drivers; somebody may fold outside. Test code: only exploration tests import it.
 *
 * Guards can be removed by name; each removal must break a law (exploration-laws.ts) or progress.
 */
import { generation } from '../model/ids.ts';
import { stateOf } from './build-plan.ts';
import { effectOf } from './effects.ts';
import type { Event } from './events.ts';
import { ackName, attempt, perform } from './exploration-world.ts';
import { beginFold, foldOn } from './exploration-folder.ts';
import { isPlan, type Guard, type World } from './exploration-state.ts';
import { garbage } from './garbage.ts';
import { FOLD_PREFIX } from './item-keys.ts';
import { parseObjectName } from './object-names.ts';
import type { FoldRecord, Head, Manifest, Plan } from './records.ts';
import { begin, type Machine, type Session, type StateKind } from './states.ts';
import { step } from './step.ts';
import { suspensionOf } from './suspension.ts';

export interface Action {
  readonly name: string;
  readonly next: World;
}

const newSession = (w: World, index: number, start: Session['start']): Session => ({
  job: 'j',
  owner: `owner${index}`,
  id: `c${index}`,
  incarnation: 'i',
  ttlMs: 1,
  graphHash: 'h',
  start,
  poison: 'fail',
  onCancel: 'retain',
  minPauseMs: 0,
  ...(w.left.folds > 0 || w.folders.length > 0 ? { fold: { due: 0, overdue: 99, where: 'outside' } } : {}),
});

export function start(w: World, kind: Session['start']): World {
  return { ...w, coordinators: [...w.coordinators, begin(newSession(w, w.coordinators.length, kind))] };
}

/** Where a coordinator may return before the session's end; whether it has, or still runs, nobody knows. */
const SUSPENDED: ReadonlySet<StateKind> = new Set(['loading', 'running', 'publishing', 'preparing', 'deciding']);

/** One more driver of a session. */
function resume(w: World, machine: Machine, off: ReadonlySet<Guard>): World {
  const n = w.coordinators.length;
  const suspension = suspensionOf(machine);
  const incarnation = off.has('writersCarryTheIncarnation') ? machine.session.incarnation : `i${n}`;
  const start = off.has('restoresOnce') ? machine.session.start : suspension.start;
  const session = { ...machine.session, owner: `again${n}`, incarnation, start };
  return {
    ...w,
    left: { ...w.left, resumes: w.left.resumes - 1 },
    coordinators: [...w.coordinators, begin(session, suspension)],
  };
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
    if (left.resumes > 0 && SUSPENDED.has(machine.state.kind))
      out.push({ name: `resume(${machine.session.id})`, next: resume(w, machine, off) });
    for (const answer of perform(w, machine, effect, off))
      out.push({ name: `c${i}:${answer.name}`, next: deliver(answer.world, i, answer.event, off) });
    if (left.sweeps > 0 && 'held' in machine.state)
      out.push({ name: `c${i}:sweep`, next: sweep(w, machine.state.held.head, off) });
  });
  if (left.duplicates > 0) {
    for (const item of Object.values(w.items)) {
      if (!isPlan(item) || ackName(item, off) in w.items) continue;
      const ran = attempt({ ...w, left: { ...left, duplicates: 0 } }, item, 'dup', w.end, off);
      out.push({
        name: `duplicate(g${item.generation})`,
        next: { ...ran.world, items: { ...ran.world.items, [ackName(item, off)]: ran.ack } },
      });
    }
  }
  if (left.folds > 0) {
    const begun = beginFold({ ...w, left: { ...left, folds: left.folds - 1 } });
    if (begun !== null) out.push({ name: 'folder begins', next: begun });
  }
  w.folders.forEach((folder, i) => {
    if (folder.at === 'done') return;
    out.push({ name: `folder${i}:${folder.at}`, next: foldOn(w, i, off) });
  });
  return out;
}

export function deliver(w: World, index: number, event: Event, off: ReadonlySet<Guard>): World {
  const machine = w.coordinators[index]!;
  const next = step(machine, event).machine;
  return { ...w, coordinators: w.coordinators.with(index, careless(w, machine, next, off)) };
}

/** Guards within the machine, removed from what it has decided. */
function careless(w: World, before: Machine, next: Machine, off: ReadonlySet<Guard>): Machine {
  const { state } = next;
  if (off.has('restoresOnce') && before.state.kind === 'loading' && state.kind === 'publishing')
    return next.session.start === 'restore' ? { ...next, state: { ...state, next: 'restore' } } : next;
  if (off.has('foldStandsForLog') && before.state.kind === 'preparing' && state.kind === 'planning') {
    const key = Object.keys(w.items).find((name) => name.startsWith(FOLD_PREFIX));
    const oldest = key === undefined ? undefined : (w.items[key] as FoldRecord);
    if (oldest === undefined || oldest.run !== state.held.head.run || oldest.epoch > state.held.head.epoch) return next;
    const plan = { ...state.work.plan, state: stateOf({ ...state.work.base, folded: oldest }) };
    return { ...next, state: { ...state, work: { ...state.work, plan } } };
  }
  return next;
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
  // By generation, as if whoever folds held the head.
  const folds = off.has('sweepKeepsAdoptable')
    ? Object.keys(w.blobs).filter(
        (name) => (foldGeneration(name) ?? Infinity) < head.generation && head.folded === null,
      )
    : [];
  const without = <T>(all: Readonly<Record<string, T>>, names: readonly string[]) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));
  return { ...w, items: without(w.items, dead.items), blobs: without(w.blobs, [...dead.blobs, ...folds]) };
}

function foldGeneration(blob: string): number | null {
  const name = parseObjectName('j', blob);
  return name?.kind === 'fold' ? name.generation : null;
}
