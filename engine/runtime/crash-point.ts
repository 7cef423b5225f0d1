/**
 * Named steps of the protocol at which a test can kill the process (ARCHITECTURE section 12.6):
 * MILLRACE_CRASH_AT="name" or "name:nth" sends SIGKILL to this process at the nth (default first) passing of that point;
 * MILLRACE_TRACE_PHASES=FILE appends each name to FILE, synchronously, before that. Neither set: a no-op.
 */
import { appendFileSync } from 'node:fs';
import { ConfigError } from '../model/errors.ts';

/** In protocol order. The runner calls run-middle, segments-staged and slot-published; the coordinator the others. */
export const CRASH_POINTS = [
  'claim-cas',
  'stamped',
  'stamp-cas',
  'plan-written',
  'plan-cas',
  'run-started',
  'run-middle',
  'segments-staged',
  'ack-written',
  'manifest-written',
  'commit-cas',
  'publish-started',
  'slot-published',
  'published-cas',
  'fold-written',
  'fold-cas',
  'sweep',
  'end-cas',
] as const;
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** What an injected crash point throws in a test: passes through everything, as a kill does. */
export class InjectedCrash extends Error {
  override readonly name = 'InjectedCrash';
}

interface Target {
  readonly name: string;
  readonly nth: number;
}

function parseTarget(text: string | undefined): Target | null {
  if (text === undefined || text === '') return null;
  const [name = '', nth = '1'] = text.split(':');
  if (!(CRASH_POINTS as readonly string[]).includes(name) || !/^[1-9]\d*$/.test(nth))
    throw new ConfigError(
      `MILLRACE_CRASH_AT="${text}" is not "name" or "name:nth" with a name of: ${CRASH_POINTS.join(', ')}.`,
    );
  return { name, nth: Number(nth) };
}

const target = parseTarget(process.env['MILLRACE_CRASH_AT']);
const traceFile = process.env['MILLRACE_TRACE_PHASES'] ?? '';
let passed = 0;

export function crashPoint(name: CrashPoint): void {
  if (traceFile !== '') appendFileSync(traceFile, `${name}\n`);
  if (target === null || target.name !== name) return;
  passed += 1;
  if (passed === target.nth) process.kill(process.pid, 'SIGKILL');
}
