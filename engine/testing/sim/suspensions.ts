/**
 * Coordinators that do not stay (as on AWS): before an attempt, a publication, a plan or a delay they may return, and the session goes on in
 * another process, with what was done meanwhile elsewhere or not. Answers may be lost: then the same invocation comes once more, with
 * what it was given the first time, whatever has happened since.
 */
import type { Event } from '../../checkpoint/events.ts';
import type { Ack, Manifest, Plan } from '../../checkpoint/records.ts';
import { attemptId } from '../../model/ids.ts';
import type { Carry, Outside } from '../../runtime/drive-job.ts';
import { foldOutside } from '../../runtime/fold-outside.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import { readHead, readReachable } from '../../runtime/job-records.ts';
import { unpackRecord } from '../../runtime/packed-record.ts';
import { storesOf, type JobInWorld } from './job-in-world.ts';
import { SimClock } from './sim-clock.ts';
import { SimProcess } from './sim-process.ts';

/** What was done for a suspended session, and for what: an answer that comes late is for another plan, or another epoch. */
export type Done =
  | { readonly kind: 'run'; readonly plan: string; readonly ack: Ack; readonly idle: boolean }
  | { readonly kind: 'published'; readonly manifest: string };

/** Where a coordinator returns. */
const PLACES = new Set(['run', 'publish', 'prepare', 'decide']);

/** `done`: told where it is asked for. */
export function outsideOf({ world, settings, mutant }: JobInWorld, name: string, done: Done | null): Outside {
  let asked = 0;
  const believes = mutant?.believesDone === true;
  return {
    async perform(effect): Promise<Event | 'suspend' | null> {
      if (!PLACES.has(effect.kind)) return null;
      if (effect.kind === 'run' && done?.kind === 'run' && (believes || (done.plan === effect.key && !effect.extended)))
        return { kind: 'ran', ack: done.ack, idle: done.idle, nowMs: effect.plan.clock };
      if (
        effect.kind === 'publish' &&
        done?.kind === 'published' &&
        (believes || done.manifest === nameOf(effect.manifest))
      )
        return { kind: 'published' };
      const at = `${name}.asked${asked++}`;
      if (effect.kind === 'run' && settings.fold?.where === 'outside' && world.d.chance(`${at}.declines`, 0.05))
        return { kind: 'declined', reason: 'it is to run otherwise' };
      return world.d.chance(at, 0.35) ? 'suspend' : null;
    },
  };
}

const nameOf = ({ run, epoch, generation }: Manifest): string => `${run} ${epoch} ${generation}`;

/** What others do while nobody coordinates: run the plan that the head has, or publish what it has committed. Null: they failed. */
export async function doneElsewhere(job: JobInWorld, name: string, carry: Carry): Promise<Done | null> {
  const { world, graph, spec, mutant, settings } = job;
  if (world.d.chance(`${name}.nobody`, 0.4)) return null;
  const process = new SimProcess(world, name);
  const crashed = new Promise<null>((resolve) => {
    process.onCrash = () => resolve(null);
  });
  const { store, blobs } = storesOf(process, mutant);
  const clock = new SimClock(process);
  const fused = new FusedRunner({ job: world.job, graph, clock, blobs, log: null, subtasks: spec.subtasks });
  const runner = mutant?.runner?.({ process, restore: false, store, blobs, runner: fused }) ?? fused;
  const work = async (): Promise<Done | null> => {
    const found = await readHead(store, world.job);
    if (found === null) return null;
    if (found.head.phase.kind === 'committed') {
      const { manifest } = (await readReachable(store, found.head)).base;
      if (manifest === null) return null;
      await runner.publish(manifest);
      return { kind: 'published', manifest: nameOf(manifest) };
    }
    if (carry.plan === null || carry.retry !== null) return null;
    const bytes = await store.readItem(world.job, carry.plan);
    if (bytes === null) return null;
    await runner.discover(new Map());
    const { intervalMs, timeoutMs, maxRows } = settings;
    const budget = { intervalMs, timeoutMs, maxRows, signal: new AbortController().signal };
    const ran = await runner.run(unpackRecord<Plan>(bytes, carry.plan), attemptId(name), budget);
    return { kind: 'run', plan: carry.plan, ...ran };
  };
  const failed = (error: unknown): null => {
    world.trace?.(`${name} gave up: ${String(error)}`);
    return null;
  };
  return await Promise.race([work().catch(failed), crashed]);
}

/** Somebody folds, as often as asked, at any speed. */
export async function foldElsewhere({ world, settings, mutant }: JobInWorld, name: string): Promise<void> {
  const process = new SimProcess(world, name);
  const { store, blobs } = storesOf(process, mutant);
  const { maxParallelism } = world;
  const slow = world.d.chance(`${name}.slow`, 0.3);
  const breathe = (): Promise<void> => (slow ? process.sleep(world.longMs(`${name}.slice`) / 10) : Promise.resolve());
  const limits = settings.fold === undefined ? {} : { limits: settings.fold };
  try {
    const folded = await foldOutside({ job: world.job, store, blobs, maxParallelism, word: name, breathe, ...limits });
    world.trace?.(`${name}: ${folded.kind}`);
  } catch (error) {
    world.trace?.(`${name} gave up: ${String(error)}`);
  }
}
