/** Folds the log of a job whose state is in the state table, or may come to be there; where all state is in memory, snapshots as ever. */
import type { BaseRef, Plan, TableRef } from '../../checkpoint/records.ts';
import type { BlobStore } from '../../ports/blob-store.ts';
import { ObjectIo } from '../object-io.ts';
import { foldedEpoch, foldState, stagesOf } from '../state-io.ts';
import { foldStage, isFoldable } from './fold-table.ts';
import { namespaceOf } from '../../checkpoint/adopt-fold.ts';
import type { TableBackend } from './table-backend.ts';

export interface FoldOptions {
  readonly job: string;
  readonly blobs: BlobStore;
  /** Null: there is none. */
  readonly table: TableBackend | null;
  readonly maxParallelism: number;
  /** Called between slices of work. */
  breathe(): Promise<void>;
}

/** The new base, everything that it refers to written. `run` and `tag` name what it writes. */
export async function foldJob(
  { job, blobs, table, maxParallelism, ...options }: FoldOptions,
  { base, log }: Plan['state'],
  run: string,
  tag: string,
): Promise<BaseRef> {
  const breathe = (): Promise<void> => options.breathe();
  const epoch = foldedEpoch(base, log);
  const stages = stagesOf(base, log);
  // Only what such a stage has written says when keys are due: so stages that keep all in memory are none of them.
  const operators =
    table?.isUsed !== true ? [] : [...stages].filter((uid) => isFoldable(uid, base, log) && mayBeThere(uid, base, log));
  const others = new Set([...stages].filter((uid) => !operators.includes(uid)));
  const folded = await foldState(
    blobs,
    job,
    base,
    log,
    run,
    tag,
    maxParallelism,
    breathe,
    table?.table ?? null,
    others,
  );
  if (table === null || operators.length === 0) return folded;
  // Of its own where the state comes from elsewhere: what an earlier one holds of the keys says nothing of what came between.
  const namespace = base?.table?.namespace ?? namespaceOf(run, epoch);
  const due: Record<string, TableRef['due'][string]> = {};
  for (const operator of operators) {
    const place = { job, namespace, operator };
    const io = new ObjectIo(blobs, null);
    const dues =
      log.some((part) => part.stage === operator) || base?.table?.operators.includes(operator) !== true
        ? await foldStage({ table: table.table, place, io, base, log, epoch, maxParallelism, breathe })
        : (base.table.due[operator] ?? []);
    if (dues.length > 0) due[operator] = dues;
  }
  return { ...folded, epoch, table: { namespace, operators, due } };
}

function mayBeThere(uid: string, base: BaseRef | null, log: Plan['state']['log']): boolean {
  return base?.table?.operators.includes(uid) === true || log.some((part) => part.stage === uid);
}
