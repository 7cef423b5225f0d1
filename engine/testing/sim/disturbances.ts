/** What else may happen to a job: a sweep by whoever has once read the head, and a second invocation of an attempt. */
import { ackKeyOf } from '../../checkpoint/effects.ts';
import type { Plan } from '../../checkpoint/records.ts';
import { attemptId } from '../../model/ids.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import { readHead } from '../../runtime/job-records.ts';
import { packRecord, unpackRecord } from '../../runtime/packed-record.ts';
import { sweep } from '../../runtime/sweep.ts';
import { storesOf, type JobInWorld } from './job-in-world.ts';
import type { Mutant } from './mutant.ts';
import { SimClock } from './sim-clock.ts';
import { SimProcess } from './sim-process.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { World } from './world.ts';

/** Sweeps by a head that may be old when the sweep begins, and older when it ends. */
export async function looseSweep(world: World, name: string, mutant: Mutant | null): Promise<void> {
  const process = new SimProcess(world, name);
  const store = new SimStateStore(process);
  const blobs = new SimBlobStore(process);
  try {
    const found = await readHead(mutant?.store?.(store, process) ?? store, world.job);
    if (found === null) return;
    if (world.d.chance(`${name}.waits`, 0.5)) await process.sleep(world.longMs(name));
    await sweep(store, blobs, mutant?.sweeps?.(found.head) ?? found.head, () => {});
  } catch (error) {
    // What the old head refers to may be gone: the next sweep knows better.
    world.trace?.(`${name} gave up: ${String(error)}`);
  }
}

/** E4: the same plan is run a second time, by another attempt, and its ack may be the first. */
export async function duplicateAttempt(job: JobInWorld, name: string): Promise<void> {
  const { world, graph, spec, mutant } = job;
  const head = world.headRecord;
  if (head?.phase.kind !== 'running') return;
  const key = head.phase.plan;
  const bytes = world.items.get(key);
  if (bytes === undefined) return;
  const plan = unpackRecord<Plan>(bytes, key);
  const process = new SimProcess(world, name);
  const { store, blobs } = storesOf(process, mutant);
  const clock = new SimClock(process);
  const fused = new FusedRunner({ job: world.job, graph, clock, blobs, log: null, subtasks: spec.subtasks });
  const runner = mutant?.runner?.({ process, restore: false, store, blobs, runner: fused }) ?? fused;
  const { intervalMs, timeoutMs } = job.settings;
  const budget = {
    intervalMs,
    timeoutMs,
    maxRows: world.d.pick(`${name}.rows`, [1, 5, 1000]),
    signal: new AbortController().signal,
  };
  try {
    await runner.discover(new Map());
    const { ack, idle } = await runner.run(plan, attemptId(name), budget);
    if (!idle || ack.ended) await store.createItem(world.job, ackKeyOf(plan), packRecord(ack));
  } catch (error) {
    world.trace?.(`${name} gave up: ${String(error)}`);
  }
}
