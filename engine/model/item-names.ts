/** Names of jobs, items and objects (ports/state-store.ts): '/'-separated words of [A-Za-z0-9._=-]. */
import { ConfigError } from './errors.ts';

const WORD = '(?!\\.+(?:/|$))[A-Za-z0-9._=-]+';
const KEY = new RegExp(`^${WORD}(?:/${WORD})*$`);
const JOB = new RegExp(`^${WORD}$`);

export function checkKey(key: string): void {
  if (!KEY.test(key))
    throw new ConfigError(`"${key}" is no name for an item: '/'-separated words of letters, digits and . _ = - are.`, {
      key,
    });
}

export function checkJob(job: string): void {
  if (!JOB.test(job) || job.length > 200)
    throw new ConfigError(`"${job}" is no name for a job: at most 200 letters, digits and . _ = - are.`, { job });
}
