/**
 * The head: its bytes, its beginning, and the moves it may make. `LegalMoves` is the table of ARCHITECTURE section 2; a move that
 * is not in it does not compile. Every move is one compare-and-set.
 */
import { ConfigError, invariant } from '../model/errors.ts';
import { epoch, generation, wallTimeMs, type Generation, type RunId, type WallTimeMs } from '../model/ids.ts';
import { MAX_HEAD_BYTES } from '../model/limits.ts';
import { decodeRecord, encodeRecord } from './codec.ts';
import type { Head, HeadPhase, Lease } from './records.ts';

type PhaseKind = HeadPhase['kind'];

/**
 * From each phase, where one compare-and-set may go. The same phase again: a claim, a renewal, a release or a fold.
 * `running` and `finished`, `cancelled`, `restoring` follow `committed` directly once every slot is published: publishing e and
 * planning e + 1 is then one write, and the plan's existence says that e is published (E5).
 */
export interface LegalMoves {
  restoring: 'restoring' | 'published' | 'cancelled';
  published: 'published' | 'running' | 'restoring' | 'cancelled';
  running: 'running' | 'committed' | 'published' | 'restoring' | 'cancelled';
  committed: 'committed' | 'published' | 'running' | 'restoring' | 'finished' | 'cancelled';
  finished: 'restoring';
  cancelled: 'restoring';
}

export type HeadIn<K extends PhaseKind> = K extends PhaseKind
  ? Head & { readonly phase: Extract<HeadPhase, { kind: K }> }
  : never;

/** Narrows a head by its phase. */
export function headIs<K extends PhaseKind>(head: Head, ...kinds: readonly K[]): head is HeadIn<K> {
  return (kinds as readonly PhaseKind[]).includes(head.phase.kind);
}

type Changes = Partial<Omit<Head, 'phase' | 'format' | 'job'>>;

/** The head after a legal move. Keys keep their order, so that equal heads have equal bytes. */
export function moveHead<F extends PhaseKind, T extends LegalMoves[F]>(
  head: HeadIn<F>,
  phase: Extract<HeadPhase, { kind: T }>,
  changes: Changes,
): Head {
  return changeHead({ ...head, phase }, changes);
}

/** Same phase, other fields: claim, renewal, release, fold. */
export function changeHead(head: Head, changes: Changes): Head {
  invariant((changes.generation ?? head.generation) >= head.generation, 'E4: the generation never goes back');
  invariant((changes.epoch ?? head.epoch) >= head.epoch, 'an epoch number is never used twice');
  // E1: an idle driver's renewals may have taken it further than the plan that another one of its session goes on with.
  const clock = wallTimeMs(Math.max(head.clock, changes.clock ?? head.clock));
  return { ...head, ...changes, clock };
}

/** The head of a job that has never run: its first run begins by stamping its sinks, as a restore does. */
export function firstHead(job: string, run: RunId, nowMs: WallTimeMs, lease: Lease): Head {
  return {
    format: 1,
    job,
    run,
    generation: generation(1),
    epoch: epoch(0),
    manifest: null,
    folded: null,
    clock: nowMs,
    phase: { kind: 'restoring' },
    lease,
  };
}

export const nextGeneration = (head: Head): Generation => generation(head.generation + 1);

export function encodeHead(head: Head): Uint8Array {
  const bytes = encodeRecord(head);
  if (bytes.length > MAX_HEAD_BYTES)
    throw new ConfigError(
      `The head of job "${head.job}" has ${bytes.length} bytes, the limit is ${MAX_HEAD_BYTES}. Use a shorter job name.`,
    );
  return bytes;
}

export function decodeHead(job: string, bytes: Uint8Array): Head {
  return decodeRecord<Head>(bytes, `the head of job "${job}"`);
}

/** Same record? Decides what an unknown outcome was (E3): the session in the lease makes a coordinator's heads its own. */
export function sameHead(a: Head, b: Head): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
