/**
 * Keys of the immutable items. Numbers are zero-padded so that lists come in protocol order. Plans and folds carry the session and
 * the incarnation of who writes them, because two coordinators, or two drivers of one session, may both prepare generation
 * g + 1 before one of them wins it; an ack and a manifest are written only under a generation that the head has granted, to one
 * session (E4), and the first one counts, whichever of its drivers wrote it.
 */
import { invariant } from '../model/errors.ts';
import type { Epoch, Generation } from '../model/ids.ts';

const DIGITS = 12;
const pad = (n: number): string => String(n).padStart(DIGITS, '0');

/** `<epoch>-<generation>`, as it stands in keys and object names. */
export const epochGeneration = (e: number, g: number): string => `${pad(e)}-${pad(g)}`;

export const planKey = (e: Epoch, g: Generation, writer: string): string => `plan/${epochGeneration(e, g)}-${writer}`;
export const ackKey = (e: Epoch, g: Generation, stage: string, subtask: number): string =>
  `ack/${epochGeneration(e, g)}/${stage}-${subtask}`;
export const manifestKey = (e: Epoch, g: Generation): string => `manifest/${epochGeneration(e, g)}`;
/** Tag of a fold: part of its record's key and of its objects' names. */
export const foldTag = (e: Epoch, g: Generation, writer: string): string => `${epochGeneration(e, g)}-${writer}`;
export const FOLD_PREFIX = 'fold/';
export const foldKey = (tag: string): string => `${FOLD_PREFIX}${tag}`;

const PLAN = /^plan\/(\d{12}-\d{12})-([^/]+)$/;
const EXTENDED = '=extended-';

/** Where the stages of a fanned-out epoch leave their acks and inputs: each plan item has its own place, below the acks. */
function stagesOf(plan: string): string {
  const match = PLAN.exec(plan);
  invariant(match !== null, `"${plan}" is the key of a plan`);
  return `ack/${match[1]!}/${match[2]!}`;
}

/** The ack of subtask `subtask` of a keyed stage; null: of the sources. `plan`: key of the plan item that it runs. */
export const stageAckKey = (plan: string, uid: string | null, subtask: number): string =>
  `${stagesOf(plan)}/${uid === null ? 'sources' : `stage-${uid}`}-${subtask}`;
/** What a keyed stage has to work on. */
export const stageInputKey = (plan: string, uid: string): string => `${stagesOf(plan)}/input-${uid}`;
/** The item of a plan that is not what stands under `plan`: one that was extended after an idle attempt. `attempt`: at it, a word. */
export const extendedPlanKey = (plan: string, attempt: string): string => `${plan}${EXTENDED}${attempt}`;
export const isExtendedPlan = (plan: string): boolean => plan.includes(EXTENDED);

/** A fused epoch has one stage and one subtask, hence one ack. */
export const FUSED_STAGE = 'fused';

export type ItemKind = 'plan' | 'ack' | 'manifest' | 'fold';
export interface ItemName {
  readonly kind: ItemKind;
  readonly epoch: number;
  readonly generation: number;
}

const ITEM = /^(plan|ack|manifest|fold)\/(\d{12})-(\d{12})(?:[-/].*)?$/;

/** What a key says; null for a key that is not the protocol's (such items are never swept). */
export function parseItemKey(key: string): ItemName | null {
  const match = ITEM.exec(key);
  if (match === null) return null;
  return { kind: match[1] as ItemKind, epoch: Number(match[2]), generation: Number(match[3]) };
}
