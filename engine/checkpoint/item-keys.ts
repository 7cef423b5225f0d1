/**
 * Keys of the immutable items. Numbers are zero-padded so that lists come in protocol order. Plans and folds carry the
 * session, because two coordinators may both prepare generation g + 1 before one of them wins it; an ack and a manifest are
 * written only under a generation that the head has granted, to one session (E4).
 */
import type { Epoch, Generation } from '../model/ids.ts';

const DIGITS = 12;
const pad = (n: number): string => String(n).padStart(DIGITS, '0');

/** `<epoch>-<generation>`, as it stands in keys and object names. */
export const epochGeneration = (e: number, g: number): string => `${pad(e)}-${pad(g)}`;

export const planKey = (e: Epoch, g: Generation, session: string): string => `plan/${epochGeneration(e, g)}-${session}`;
export const ackKey = (e: Epoch, g: Generation, stage: string, subtask: number): string =>
  `ack/${epochGeneration(e, g)}/${stage}-${subtask}`;
export const manifestKey = (e: Epoch, g: Generation): string => `manifest/${epochGeneration(e, g)}`;
/** Tag of a fold: part of its record's key and of its objects' names. */
export const foldTag = (e: Epoch, g: Generation, session: string): string => `${epochGeneration(e, g)}-${session}`;
export const foldKey = (tag: string): string => `fold/${tag}`;

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
