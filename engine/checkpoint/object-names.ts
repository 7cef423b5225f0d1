/**
 * Names of the objects that attempts and folds write (E2): run, epoch, generation, stage, subtask and attempt are all in the
 * name, so two attempts never write the same object, and a sweep can tell from the name alone whether its writer is decided.
 */
import { invariant } from '../model/errors.ts';
import type { AttemptId, Epoch, Generation, RunId } from '../model/ids.ts';
import { epochGeneration } from './item-keys.ts';

export interface AttemptOf {
  readonly job: string;
  readonly run: RunId;
  readonly epoch: Epoch;
  readonly generation: Generation;
  readonly stage: string;
  readonly subtask: number;
  readonly attempt: AttemptId;
}

const WORD = /^[A-Za-z0-9._=-]+$/;
function word(text: string): string {
  invariant(WORD.test(text), `"${text}" is a word of [A-Za-z0-9._=-]`);
  return text;
}

/** Everything below this belongs to the job's state, and may be swept by it. */
export const jobObjectPrefix = (job: string): string => `jobs/${word(job)}/`;

/** Name of an object that an attempt writes; `what` tells its objects apart, e.g. "state" or "out-orders-3". */
export function attemptObjectName(of: AttemptOf, what: string): string {
  const place = `${word(of.run)}/${epochGeneration(of.epoch, of.generation)}`;
  return `${jobObjectPrefix(of.job)}${place}/${word(of.stage)}-${of.subtask}-${word(of.attempt)}/${word(what)}`;
}

/** Name of an object of a folded base; `tag` is the one that the coordinator hands to `EpochRunner.fold`. */
export function foldObjectName(job: string, run: string, tag: string, what: string): string {
  return `${jobObjectPrefix(job)}${word(run)}/fold-${word(tag)}/${word(what)}`;
}

export interface ObjectName {
  readonly kind: 'attempt' | 'fold';
  readonly run: string;
  readonly epoch: number;
  readonly generation: number;
}

const OBJECT = /^([A-Za-z0-9._=-]+)\/(fold-)?(\d{12})-(\d{12})[-/].+$/;

/** What a name says; null for a name that is not one of ours (such objects are never swept). */
export function parseObjectName(job: string, name: string): ObjectName | null {
  const prefix = jobObjectPrefix(job);
  if (!name.startsWith(prefix)) return null;
  const match = OBJECT.exec(name.slice(prefix.length));
  if (match === null) return null;
  return {
    kind: match[2] === undefined ? 'attempt' : 'fold',
    run: match[1]!,
    epoch: Number(match[3]),
    generation: Number(match[4]),
  };
}
