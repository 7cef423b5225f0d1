/** What must be true when all is over. */
import { FOLD_PREFIX } from '../../checkpoint/item-keys.ts';
import { RETAINED_MANIFESTS, sweep } from '../../runtime/sweep.ts';
import { readManifestChain } from '../../runtime/job-records.ts';
import { checkConservation } from './conservation.ts';
import type { JobInWorld } from './job-in-world.ts';
import { DirectCaller } from './direct-caller.ts';
import { checkOracle } from './oracle.ts';
import { checkReplay } from './replay.ts';
import { SimProcess } from './sim-process.ts';
import { SimBlobStore, SimStateStore } from './sim-stores.ts';
import type { World } from './world.ts';

export async function checkResults(job: JobInWorld, end: 'finished' | 'deleted' | 'question'): Promise<void> {
  const { world } = job;
  if (world.headRecord === null) return;
  await finalSweep(world);
  if (world.broken !== null) return;
  await checkStore(world);
  checkPositions(world, end === 'finished');
  checkCounts(world);
  if (world.broken === null) await checkConservation(job);
  if (world.broken === null) await checkReplay(job);
  if (world.broken === null && end === 'finished') checkOracle(job);
}

/** Objects that the publishers of two-phase sinks keep, and forget themselves. */
const LEDGERS = 'two-phase.';
/** Two, and one whose publisher died before it could forget. */
const MAX_KEPT_EPOCHS = 3;

/** T6: a slot's ledger does not grow with the epochs. (Where attempts were lost it grows for a time.) */
function checkLedgers(world: World): void {
  const kept = new Map<string, number>();
  for (const name of world.blobs.keys()) {
    if (!name.startsWith(LEDGERS) || !name.endsWith('/done')) continue;
    const place = name.slice(0, name.lastIndexOf('/'));
    if (world.blobs.has(`${place}/000002-claim`)) continue;
    const slot = place.split('/').slice(0, 3).join('/');
    kept.set(slot, (kept.get(slot) ?? 0) + 1);
  }
  for (const [slot, n] of kept) if (n > MAX_KEPT_EPOCHS) world.fail(`T6: ${slot} keeps ${n} epochs`);
}

async function checkStore(world: World): Promise<void> {
  const head = world.headRecord!;
  const chain = await readManifestChain(new SimStateStore(new DirectCaller(world)), head, RETAINED_MANIFESTS);
  const history = new Set(chain.map((entry) => entry.key));
  const { items, blobs } = world.held;
  for (const key of items) if (!world.items.has(key)) world.fail(`missing after all: ${key}`);
  for (const name of blobs) if (!world.blobs.has(name)) world.fail(`missing after all: ${name}`);
  // Whoever starts the job again may adopt it.
  const mayBeAdopted = (fold: boolean): boolean =>
    fold && head.phase.kind !== 'finished' && head.phase.kind !== 'cancelled';
  for (const key of world.items.keys())
    if (!items.has(key) && !history.has(key) && !mayBeAdopted(key.startsWith(FOLD_PREFIX)))
      world.fail(`E6: nobody refers to ${key}, and no sweep takes it`);
  for (const name of world.blobs.keys())
    if (!blobs.has(name) && !name.startsWith(LEDGERS) && !mayBeAdopted(name.includes('/fold-')))
      world.fail(`E6: nobody refers to ${name}, and no sweep takes it`);
  checkLedgers(world);
}

/** Every record was read, each once. That ranges chain was seen at each commit. */
function checkPositions(world: World, finished: boolean): void {
  if (!finished) return;
  const at = new Map((world.commits.at(-1)?.ranges ?? []).map((range) => [range.id, range]));
  world.script.forEach((source, i) => {
    for (const split of source.splits) {
      const range = at.get(`source-${i}/${split.id}`);
      if (range === undefined) world.fail(`the job finished without split ${split.id}`);
      else if (range.to !== split.end)
        world.fail(`the job finished with split ${split.id} read up to ${range.to} of ${split.end}`);
    }
  });
}

/** By the manifests: what the ranges cover was read, what was staged is in the sinks. */
function checkCounts(world: World): void {
  const published = world.headRecord!.phase.kind === 'committed' ? world.commits.slice(0, -1) : world.commits;
  for (const manifest of world.commits) {
    let covered = 0;
    for (const range of manifest.ranges) {
      const [uid, id] = range.id.split('/') as [string, string];
      const split = world.script[Number(uid.slice('source-'.length))]!.splits.find((s) => s.id === id)!;
      for (const record of split.records) if (record.position >= range.from && record.position < range.to) covered++;
    }
    const read = manifest.counts['recordsIn'] ?? 0;
    if (read !== covered) world.fail(`epoch ${manifest.epoch} counts ${read} records in, its ranges cover ${covered}`);
  }
  const totals = world.commits.at(-1)?.totals ?? {};
  const sums: Record<string, number> = {};
  for (const { counts } of world.commits)
    for (const [name, n] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + n;
  for (const name of new Set([...Object.keys(totals), ...Object.keys(sums)]))
    if (totals[name] !== sums[name]) world.fail(`totals say ${name} ${totals[name]}, the epochs ${sums[name]}`);
  for (const manifest of published) {
    for (const slot of manifest.staged) {
      const there = [...world.visible.values()].find(
        (v) =>
          v.sink === slot.sink && v.slot === slot.slot && v.at.run === manifest.run && v.at.epoch === manifest.epoch,
      );
      const rows = there?.inode.rows.length ?? null;
      if (rows !== slot.records)
        world.fail(
          `epoch ${manifest.epoch} staged ${slot.records} rows for ${slot.sink}/${slot.slot}, ${rows ?? 'none'} are there`,
        );
    }
  }
}

/** Everything has arrived, everybody has ended: a sweep by the final head must leave only what the head refers to. */
async function finalSweep(world: World): Promise<void> {
  const process = new SimProcess(world, 'final-sweep');
  const head = world.headRecord;
  if (head === null) return;
  const done = sweep(new SimStateStore(process), new SimBlobStore(process), head, () => {});
  await world.queue.run(() => false);
  await done;
}
