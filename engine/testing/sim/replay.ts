/**
 * E7a, same plan, same answer: the committed epochs once more, in order, along their manifests' cuts, by a fresh runner to which
 * nothing happens. Output, counts, watermarks, timers and channel states must be the same, epoch by epoch.
 */
import type { Ack, Manifest, Plan, PlannedSplit, SegmentRef } from '../../checkpoint/records.ts';
import { attemptId } from '../../model/ids.ts';
import { FusedRunner } from '../../runtime/fused-runner.ts';
import { ObjectIo } from '../../runtime/object-io.ts';
import type { JobInWorld } from './job-in-world.ts';
import { DirectCaller } from './direct-caller.ts';
import { SimClock } from './sim-clock.ts';
import { stagedRows } from './sim-sink.ts';
import { SimBlobStore } from './sim-stores.ts';
import { World } from './world.ts';

export async function checkReplay(job: JobInWorld): Promise<void> {
  const { world, graph, spec } = job;
  const own = new World(0, { d: world.d, profile: world.profile, script: world.script, sinkKinds: world.sinkKinds });
  const caller = new DirectCaller(own);
  const blobs = new SimBlobStore(caller);
  // Packing changes nothing (E7a): half of the replays run on one subtask.
  const subtasks = world.d.chance('replay.packing', 0.5) ? 1 : spec.subtasks;
  const runner = new FusedRunner({ job: world.job, graph, clock: new SimClock(caller), blobs, log: null, subtasks });
  const cached = world.d.chance('replay.cached', 0.6);
  const io = new ObjectIo(blobs, null);
  await runner.discover(new Map());
  let before: Ack | null = null;
  const log: SegmentRef[] = [];
  for (const manifest of world.commits) {
    const plan = planAgain(manifest, before, log, runner.subtasks());
    const budget = {
      intervalMs: Infinity,
      timeoutMs: Infinity,
      maxRows: Infinity,
      signal: new AbortController().signal,
    };
    let ack: Ack;
    try {
      ({ ack } = await runner.run(plan, attemptId(`replay${manifest.epoch}`), budget));
    } catch (error) {
      world.fail(`E7a: the replay of epoch ${manifest.epoch} failed: ${String(error)}`);
      return;
    }
    log.push(...ack.segments);
    // Without this the state is read back from its segments before each epoch: that changes nothing, either.
    if (cached) runner.committed({ ...manifest, state: { base: null, log: [...log] } });
    await compare(job, manifest, ack, io);
    if (world.broken !== null) return;
    before = ack;
  }
}

function planAgain(
  manifest: Manifest,
  before: Ack | null,
  log: readonly SegmentRef[],
  subtasks: Plan['subtasks'],
): Plan {
  const states = new Map((before?.ranges ?? []).map((range) => [range.id, range.state]));
  return {
    format: 1,
    run: manifest.run,
    epoch: manifest.epoch,
    generation: manifest.generation,
    clock: manifest.clock,
    graphHash: manifest.graphHash,
    base: null,
    splits: manifest.ranges.map((range): PlannedSplit => {
      const state = states.get(range.id) ?? null;
      const ends = range.state.ended && state?.ended !== true ? { ends: true } : {};
      const paused = range.state.paused === true ? { paused: true } : {};
      return { id: range.id, from: range.from, to: range.to, ...ends, ...paused, state };
    }),
    skip: manifest.skipped,
    subtasks,
    state: { base: null, log: [...log] },
    watermarks: before?.watermarks ?? {},
    replan: null,
  };
}

async function compare(job: JobInWorld, manifest: Manifest, ack: Ack, io: ObjectIo): Promise<void> {
  const { world } = job;
  // Not `keys`: ids of keys without state are given back now and then only, so their number depends on restores.
  const differs = (what: string, live: unknown, replayed: unknown): void => {
    const a = JSON.stringify(live);
    const b = JSON.stringify(replayed);
    if (a !== b)
      world.fail(`E7a: epoch ${manifest.epoch}: ${what} differ: live ${a.slice(0, 600)}, replayed ${b.slice(0, 600)}`);
  };
  const { replans: _replans, skipped: _skipped, reissues: _reissues, ...counts } = manifest.counts;
  differs('counts', sorted(counts), sorted(ack.counts));
  differs('watermarks', sorted(manifest.watermarks), sorted(ack.watermarks));
  differs('timers', manifest.nextTimers, ack.nextTimers);
  differs('ranges', manifest.ranges, ack.ranges);
  if (world.headRecord?.phase.kind === 'committed' && manifest === world.commits.at(-1)) return;
  for (const sink of world.sinkKinds.keys()) {
    const live = [...world.visible.values()]
      .filter((v) => v.sink === sink && v.at.epoch === manifest.epoch && v.at.run === manifest.run)
      .flatMap((v) => v.inode.rows);
    const again: unknown[] = [];
    for (const slot of ack.staged) {
      if (slot.sink !== sink) continue;
      for (const object of slot.objects) again.push(...stagedRows(world.sinkKinds.get(sink)!, await io.read(object)));
    }
    differs(`rows of ${sink}`, multiset(live), multiset(again));
  }
}

export const multiset = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

const sorted = (record: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
