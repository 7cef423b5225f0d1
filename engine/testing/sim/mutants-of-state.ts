/** Guards of restore and folding: timers, removals, order. They rewrite segments on their way, as a broken reader would see them. */
import { foldObjectName } from '../../checkpoint/object-names.ts';
import type { BaseRef, ObjectRef, Plan, SegmentRef } from '../../checkpoint/records.ts';
import type { EpochRunner } from '../../runtime/epoch-runner.ts';
import { ObjectIo, objectName } from '../../runtime/object-io.ts';
import { keyHash, keyText } from '../../state/key-bytes.ts';
import { readSegment, SegmentWriter } from '../../state/segment.ts';
import type { StateReader } from '../../state/state-entries.ts';
import { replaced, type Mutant, type Started } from './mutant.ts';

interface Broken {
  /** Entries of this kind are not seen. */
  readonly skips?: (name: string) => boolean;
  readonly ignoresRemovals?: boolean;
  readonly newestFirst?: boolean;
  readonly forgetsBase?: boolean;
}

/** A fold that does one thing wrong. */
async function foldBadly(
  started: Started,
  broken: Broken,
  base: BaseRef | null,
  log: readonly SegmentRef[],
  run: string,
  tag: string,
): Promise<BaseRef> {
  const { blobs, process } = started;
  const io = new ObjectIo(blobs, null);
  const own = [...(broken.forgetsBase === true ? [] : (base?.snapshots ?? [])), ...log];
  const parts = broken.newestFirst === true ? own.reverse() : own;
  const snapshots: { object: ObjectRef; stage: string; keyGroups: readonly [number, number] }[] = [];
  const groups = process.world.maxParallelism;
  for (const stage of new Set(parts.map((part) => part.stage))) {
    const live = new Map<string, [unknown, string, unknown, unknown]>();
    const address = (key: unknown, name: string, sub: unknown): string =>
      `${keyText(key)} ${name} ${sub === null ? '' : keyText(sub)}`;
    const reader: StateReader = {
      restore: (key, name, sub, value) => {
        if (broken.skips?.(name) !== true) live.set(address(key, name, sub), [key, name, sub, value]);
      },
      restoreRemoved: (key, name, sub) => {
        if (broken.ignoresRemovals !== true) live.delete(address(key, name, sub));
      },
    };
    for (const part of parts.filter((p) => p.stage === stage))
      readSegment(await io.read(part.object), 0, Infinity, objectName(part.object), reader);
    const writer = new SegmentWriter();
    for (const [key, name, sub, value] of live.values()) writer.put(keyHash(key) % groups, key, name, sub, value);
    const bytes = writer.finish();
    if (bytes === null) continue;
    const name = foldObjectName(process.world.job, run, tag, `${stage}-0`);
    await blobs.create(name, [bytes]);
    snapshots.push({ object: { blob: name, bytes: bytes.length }, stage, keyGroups: [0, groups] });
  }
  return { epoch: (log.at(-1)?.epoch ?? base?.epoch ?? 0) as BaseRef['epoch'], snapshots };
}

/** Restores without some entries; what is in memory already is not touched. */
export const withoutEntries = (started: Started, lost: (name: string) => boolean): EpochRunner =>
  replaced<EpochRunner>(started.runner, {
    run: async (plan, attempt, budget) => {
      const cache = started.runner as unknown as {
        tag: string | null;
        tagOf(state: Plan['state'], subtasks: Plan['subtasks']): string;
      };
      if (cache.tag === cache.tagOf(plan.state, plan.subtasks)) return await started.runner.run(plan, attempt, budget);
      const { process } = started;
      const parts = [...(plan.state.base?.snapshots ?? []), ...plan.state.log];
      const stripped: SegmentRef[] = [];
      for (const part of parts) {
        const object = strip(
          await new ObjectIo(started.blobs, null).read(part.object),
          process.world.maxParallelism,
          lost,
        );
        if (object !== null) stripped.push({ ...part, object, epoch: plan.epoch });
      }
      return await started.runner.run({ ...plan, state: { base: null, log: stripped } }, attempt, budget);
    },
  });

/** The segment without these entries, as an object that stands in the plan itself; null when nothing is left. */
function strip(bytes: Uint8Array, groups: number, lost: (name: string) => boolean): ObjectRef | null {
  const writer = new SegmentWriter();
  const group = (key: unknown): number => keyHash(key) % groups;
  readSegment(bytes, 0, Infinity, 'a segment', {
    restore: (key, name, sub, value) => {
      if (!lost(name)) writer.put(group(key), key, name, sub, value);
    },
    restoreRemoved: (key, name, sub) => {
      if (!lost(name)) writer.remove(group(key), key, name, sub);
    },
  });
  const left = writer.finish();
  return left === null ? null : { inline: Buffer.from(left).toString('base64'), bytes: left.length };
}

const folding =
  (broken: Broken) =>
  (started: Started): EpochRunner =>
    replaced<EpochRunner>(started.runner, {
      fold: (base, log, run, tag) => foldBadly(started, broken, base, log, run, tag),
    });

export const foldMutants: readonly Mutant[] = [
  {
    name: 'fold-without-tombstones',
    law: 'section 5',
    what: 'a fold keeps entries that were removed',
    runner: folding({ ignoresRemovals: true }),
  },
  {
    name: 'fold-older-wins',
    law: 'section 5',
    what: 'a fold lets older entries replace newer ones',
    runner: folding({ newestFirst: true }),
  },
  {
    name: 'fold-forgets-base',
    law: 'section 5',
    what: 'a fold takes the log only',
    runner: folding({ forgetsBase: true }),
  },
  {
    name: 'timers-lost-at-fold',
    law: 'section 5',
    what: 'timers are not in the folded base',
    runner: folding({ skips: (name) => name.startsWith('timers:') }),
  },
  {
    name: 'timers-lost-at-restore',
    law: 'section 5',
    what: 'a restore does not bring timers back',
    runner: (started) => withoutEntries(started, (name) => name.startsWith('timers:')),
  },
];
