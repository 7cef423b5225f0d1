/** A suspended coordinator as it comes back, checked field by field. */
import { NO_FAILURES, type RestartHistory } from '../../checkpoint/restart-strategy.ts';
import type { SkippedRecord } from '../../checkpoint/records.ts';
import { NO_HISTORY, type EpochHistory, type RangeRead, type Suspension } from '../../checkpoint/states.ts';
import type { Carry as Drive } from '../../runtime/drive-job.ts';
import { isCount, isFlag, isObject, isText } from './carry-checks.ts';

/** Undefined: broken. */
export function parseDrive(value: unknown): Drive | undefined {
  if (!isObject(value)) return undefined;
  const { session, start, plan, sweptAt, published = null } = value;
  const history = parseHistory(value['history']);
  const retry = value['retry'] === null ? null : parseRetry(value['retry']);
  const memory = parseMemory(value['memory']);
  if (history === undefined || retry === undefined || memory === undefined) return undefined;
  if (!isText(session) || !(start === 'continue' || start === 'restore')) return undefined;
  if (!(plan === null || isText(plan)) || !(published === null || isText(published)) || !isCount(sweptAt))
    return undefined;
  return { session, start, plan, history, retry, published, memory, sweptAt };
}

function parseHistory(value: unknown): EpochHistory | undefined {
  if (!isObject(value)) return undefined;
  const { attempts, failures, replans } = value;
  return isCount(attempts) && isCount(failures) && isCount(replans) ? { attempts, failures, replans } : undefined;
}

function parseRetry(value: unknown): Suspension['retry'] | undefined {
  if (!isObject(value)) return undefined;
  const { ranges, skip, reason } = value;
  if (!(ranges === null || (Array.isArray(ranges) && ranges.every(isRange)))) return undefined;
  if (!Array.isArray(skip) || !skip.every(isSkip)) return undefined;
  return reason === null || typeof reason === 'string' ? { ranges, skip, reason } : undefined;
}

function isRange(value: unknown): value is RangeRead {
  if (!isObject(value)) return false;
  return isText(value['id']) && isCount(value['to']) && isFlag(value['ends']) && isFlag(value['paused']);
}

function isSkip(value: unknown): value is SkippedRecord {
  if (!isObject(value)) return false;
  const { split, position, operator, error } = value;
  return isText(split) && isCount(position) && typeof operator === 'string' && typeof error === 'string';
}

function parseMemory(value: unknown): Drive['memory'] | undefined {
  if (!isObject(value)) return undefined;
  const { endingSinceMs, resumesAfterPublish } = value;
  const [restarts, waits, longWaits] = ['restarts', 'waits', 'longWaits'].map((name) => parseRestarts(value[name]));
  if (restarts === undefined || waits === undefined || longWaits === undefined) return undefined;
  if (!(endingSinceMs === null || isCount(endingSinceMs)) || !isFlag(resumesAfterPublish)) return undefined;
  return { restarts, waits, longWaits, endingSinceMs, resumesAfterPublish };
}

function parseRestarts(value: unknown): RestartHistory | undefined {
  if (!isObject(value)) return undefined;
  const { failures, lastFailureMs, backoffMs, recentMs } = value;
  if (!isCount(failures) || !isCount(backoffMs) || !Array.isArray(recentMs) || !recentMs.every(isCount))
    return undefined;
  if (!(lastFailureMs === null || isCount(lastFailureMs))) return undefined;
  return { failures, lastFailureMs, backoffMs, recentMs };
}

/** Of which nothing is known but what the head says. */
export function sessionAlone(session: string, epoch: number): Drive {
  const memory = {
    restarts: NO_FAILURES,
    waits: NO_FAILURES,
    longWaits: NO_FAILURES,
    endingSinceMs: null,
    resumesAfterPublish: true,
  };
  return {
    session,
    start: 'continue',
    plan: null,
    history: NO_HISTORY,
    retry: null,
    published: null,
    memory,
    sweptAt: epoch,
  };
}
