/** The laws that every move of the head must keep (ARCHITECTURE section 2), checked at the instant of the move. */
import { ackKeyOf } from '../../checkpoint/effects.ts';
import type { Ack, FoldRecord, Head, Manifest, ObjectRef, Plan } from '../../checkpoint/records.ts';
import { unpackRecord } from '../../runtime/packed-record.ts';
import type { ScriptSource } from './script.ts';
import type { SinkKind, SlotTarget, Visible } from './sink-target.ts';

/** What nobody may delete now. */
export interface HeldThings {
  readonly items: ReadonlySet<string>;
  readonly blobs: ReadonlySet<string>;
}

/** What the laws look at. */
export interface WorldToJudge {
  readonly items: ReadonlyMap<string, Uint8Array>;
  readonly blobs: ReadonlyMap<string, Uint8Array>;
  readonly commits: Manifest[];
  readonly plans: Plan[];
  readonly visible: ReadonlyMap<string, Visible>;
  readonly script: readonly ScriptSource[];
  readonly sinkKinds: ReadonlyMap<string, SinkKind>;
  readonly markersExpire: boolean;
  target(sink: string, slot: number): SlotTarget;
  fail(law: string): void;
}

export function checkHeadMove(world: WorldToJudge, before: Head | null, after: Head): void {
  if (before !== null) {
    if (after.generation < before.generation) world.fail('E4: the generation went back');
    if (after.epoch < before.epoch) world.fail('an epoch number can be used twice: the head went back');
    if (after.clock < before.clock) world.fail("E1: the plans' clock went back");
    if (after.run !== before.run && after.phase.kind !== 'restoring')
      world.fail('section 6: a run began without stamping its sinks');
    if (before.phase.kind === 'restoring' && after.phase.kind !== 'restoring' && after.phase.kind !== 'cancelled')
      checkStamped(world, after);
    if (before.phase.kind === 'committed' && after.phase.kind !== 'committed') checkPublished(world, before);
    if (after.epoch !== before.epoch && after.phase.kind !== 'committed')
      world.fail('E3: an epoch changed without a commit');
    if (after.phase.kind === 'committed' && after.epoch !== before.epoch) checkCommit(world, before, after);
    if (after.phase.kind === 'running' && before.generation !== after.generation && before.phase.kind === 'restoring')
      world.fail('section 6: planned before its slots were stamped');
  }
  if (after.phase.kind === 'running') checkPlan(world, before, after);
  checkReachable(world, after);
}

function itemOf<R extends Plan | Manifest | FoldRecord | Ack>(world: WorldToJudge, key: string): R | null {
  const bytes = world.items.get(key);
  return bytes === undefined ? null : unpackRecord<R>(bytes, key);
}

function checkCommit(world: WorldToJudge, before: Head, after: Head): void {
  const manifest = after.manifest === null ? null : itemOf<Manifest>(world, after.manifest);
  if (manifest === null) {
    world.fail('E3: committed without a manifest');
    return;
  }
  const last = world.commits.at(-1);
  if (before.phase.kind !== 'running') world.fail(`E3: a commit from phase ${before.phase.kind}`);
  if (manifest.epoch !== before.epoch + 1)
    world.fail(`E3: epoch ${manifest.epoch} was committed on epoch ${before.epoch}`);
  if (manifest.generation !== before.generation)
    world.fail(`E3: generation ${manifest.generation} committed under generation ${before.generation}`);
  if (manifest.run !== after.run) world.fail('E3: a manifest of another run was committed');
  if (manifest.base !== before.manifest) world.fail('E3: the manifest does not build on the last one');
  if (last !== undefined && manifest.clock < last.clock) world.fail("E1: the epochs' clock went back");
  const from = new Map((last?.ranges ?? []).map((range) => [range.id, range.to]));
  for (const range of manifest.ranges) {
    const start = from.get(range.id) ?? startOf(world, range.id);
    if (range.from !== start)
      world.fail(`committed lineage has a gap or an overlap: ${range.id} from ${range.from}, was at ${start}`);
    from.delete(range.id);
  }
  if (from.size > 0) world.fail(`committed lineage lost splits ${[...from.keys()].join()}`);
  const plan = world.plans.at(-1);
  const ahead =
    plan?.splits.every((split) => split.to !== null) === true && plan.splits.some((split) => split.to !== split.from);
  if (plan !== undefined && ahead && plan.generation === manifest.generation)
    for (const split of plan.splits)
      if (manifest.ranges.find((range) => range.id === split.id)?.to !== split.to)
        world.fail(`E1: split ${split.id} was planned up to ${split.to}, and committed otherwise`);
  const ack = itemOf<Ack>(world, ackKeyOf({ epoch: manifest.epoch, generation: manifest.generation } as Plan));
  if (ack === null) world.fail('E2: committed without an ack');
  else if (
    JSON.stringify(ack.segments.map((s) => s.object)) !==
    JSON.stringify(manifest.state.log.slice(-ack.segments.length || manifest.state.log.length).map((s) => s.object))
  )
    world.fail('E2: an attempt was committed whose ack did not win');
  world.commits.push(manifest);
}

function startOf(world: WorldToJudge, splitId: string): number | undefined {
  for (const [i, source] of world.script.entries())
    for (const split of source.splits) if (splitId === `source-${i}/${split.id}`) return split.start;
  return undefined;
}

/** E5: leaving Committed says that every slot has its output. */
function checkPublished(world: WorldToJudge, before: Head): void {
  const manifest = world.commits.at(-1);
  if (manifest === undefined || manifest.epoch !== before.epoch) return;
  const there = new Set(
    [...world.visible.values()]
      .filter((v) => v.at.run === manifest.run && v.at.epoch === manifest.epoch)
      .map((v) => `${v.sink}/${v.slot}`),
  );
  for (const slot of manifest.staged)
    if (!there.has(`${slot.sink}/${slot.slot}`))
      world.fail(`E5: epoch ${manifest.epoch} is recorded as published, but is not in ${slot.sink}/${slot.slot}`);
}

function checkStamped(world: WorldToJudge, after: Head): void {
  for (const [sink, kind] of world.sinkKinds) {
    if (kind !== 'transactional' || world.markersExpire) continue;
    for (let slot = 0; slot < 8; slot++)
      if (world.target(sink, slot).marker?.run !== after.run)
        world.fail(`section 6: run ${after.run} goes on, but ${sink}/${slot} does not know it`);
  }
}

/** The plan's splits; open where the last plan's were: a retry runs the ranges that an open attempt turned out to have. */
function openAs(last: Plan, { splits }: Plan): Plan['splits'] {
  return splits.map((split, i) => {
    if (last.splits[i]?.to !== null) return split;
    const { ends: _ends, paused: _paused, ...open } = split;
    return { ...open, to: null };
  });
}

function checkPlan(world: WorldToJudge, before: Head | null, after: Head): void {
  if (after.phase.kind !== 'running') return;
  const plan = itemOf<Plan>(world, after.phase.plan);
  if (plan === null) {
    world.fail('E1: running without a plan');
    return;
  }
  if (before?.phase.kind === 'running' && before.phase.plan === after.phase.plan) return;
  if (plan.epoch !== after.epoch + 1 || plan.base !== after.manifest || plan.run !== after.run)
    world.fail('E1: the plan is for another epoch, base or run');
  if (plan.generation !== after.generation) world.fail('E1: the plan is of another generation than the head');
  const last = world.plans.at(-1);
  if (last !== undefined && before?.phase.kind === 'running') {
    if (
      plan.replan === null &&
      JSON.stringify([last.splits, last.clock, last.skip]) !==
        JSON.stringify([openAs(last, plan), plan.clock, plan.skip])
    )
      world.fail('E1: a retry runs other ranges, another clock or another skip list, and does not say so');
    if (plan.replan?.startsWith('record at') === true && plan.clock < last.clock)
      world.fail('E1: a retry without a record runs at an older clock');
  }
  world.plans.push(plan);
}

function blobsOf(objects: readonly ObjectRef[], into: Set<string>): void {
  for (const object of objects) if ('blob' in object) into.add(object.blob);
}

function checkReachable(world: WorldToJudge, head: Head): void {
  const { items, blobs } = reachableFrom(world, head);
  for (const key of items) if (!world.items.has(key)) world.fail(`the head refers to ${key}, which is not there`);
  for (const name of blobs) if (!world.blobs.has(name)) world.fail(`the head refers to ${name}, which is not there`);
}

/** Items and objects that the head needs: manifest, fold, plan, and what they name. */
export function reachableFrom(world: WorldToJudge, head: Head): HeldThings {
  const items = new Set<string>();
  const blobs = new Set<string>();
  const state = (of: Plan['state']): void => {
    blobsOf(
      (of.base?.snapshots ?? []).map((s) => s.object),
      blobs,
    );
    blobsOf(
      of.log.map((s) => s.object),
      blobs,
    );
  };
  if (head.manifest !== null) {
    items.add(head.manifest);
    const manifest = itemOf<Manifest>(world, head.manifest);
    if (manifest !== null) {
      if (head.folded === null) state(manifest.state);
      if (head.phase.kind === 'committed')
        blobsOf(
          manifest.staged.flatMap((s) => s.objects),
          blobs,
        );
    }
  }
  if (head.folded !== null) {
    items.add(head.folded);
    const fold = itemOf<FoldRecord>(world, head.folded);
    if (fold !== null) state({ base: fold.base, log: [] });
  }
  if (head.phase.kind === 'running') {
    items.add(head.phase.plan);
    const plan = itemOf<Plan>(world, head.phase.plan);
    if (plan !== null) state(plan.state);
  }
  return { items, blobs };
}
