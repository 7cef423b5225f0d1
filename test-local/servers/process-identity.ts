/** A process that can be recognised later: a pid that was used again has another start, so nobody else's process is ever signalled. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Linux: boot id and clock ticks since boot. Elsewhere what `ps` prints. */
  readonly start: string;
}

/** Null when no such process runs (a zombie does not). */
export function identityOf(pid: number): ProcessIdentity | null {
  const start = process.platform === 'linux' ? startByProc(pid) : startByPs(pid);
  return start === null ? null : { pid, start };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.start === identity.start;
}

/** Sends the signal if that very process still runs; says whether it did. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch (thrown) {
    // It ended in between.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return false;
    throw thrown;
  }
}

/** The process and all that it started, directly or not. Known on Linux; elsewhere the process alone. */
export function familyOf(identity: ProcessIdentity): ProcessIdentity[] {
  if (!isRunning(identity)) return [];
  if (process.platform !== 'linux') return [identity];
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? statOf(Number(entry))?.[1] : undefined;
    if (parent !== undefined) parents.set(Number(entry), Number(parent));
  }
  const family = new Set([identity.pid]);
  for (let before = 0; before !== family.size;) {
    before = family.size;
    for (const [pid, parent] of parents) if (family.has(parent)) family.add(pid);
  }
  return [...family].map(identityOf).filter((one) => one !== null);
}

function startByProc(pid: number): string | null {
  const stat = statOf(pid);
  // A zombie with other threads left has not closed its files and ports yet.
  if (stat === null || stat[0] === 'X' || (stat[0] === 'Z' && Number(stat[17]) <= 1)) return null;
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${stat[19]}`;
}

/** /proc/<pid>/stat from field 3 on (0 state, 1 parent, 17 threads, 19 start time); the name in field 2 may hold anything. */
function statOf(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOENT' || thrown.code === 'ESRCH'))
      return null;
    throw thrown;
  }
}

function startByPs(pid: number): string | null {
  const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const [, state, start] = /^\s*(\S+)\s+(.+?)\s*$/.exec(stdout) ?? [];
  return state === undefined || start === undefined || state.startsWith('Z') ? null : start;
}
