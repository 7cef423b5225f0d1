/**
 * Who holds a lease or a lock on this machine (ARCHITECTURE section 11, "embedded lease"):
 *
 *   <machine>/<boot>/<pid namespace>/<pid>/<process start>
 *
 * 1. No two processes ever have the same identity: a pid used again has another start time.
 * 2. 'dead' is said only of what cannot run any more: another boot of this machine, a pid that is gone (or a zombie, or
 *    started at another time) in this boot and pid namespace.
 * 3. Another machine, or another container of this one, is 'unknown': its pids mean nothing here.
 *
 * Linux has all of it in /proc. Elsewhere the boot is the boot time to within two minutes and the start time of others is
 * not read, so a pid that was used again counts as alive: an operator has to release such a lease.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

export type OwnerState = 'alive' | 'dead' | 'unknown';

interface Identity {
  readonly machine: string;
  readonly boot: string;
  readonly namespace: string;
  readonly pid: number;
  /** Clock ticks since boot (Linux); '' where it is not known. */
  readonly start: string;
}

const UNCERTAIN_BOOT_S = 120;
let own: Identity | null = null;

/** The identity of this process. */
export function leaseOwner(): string {
  const me = ownIdentity();
  return [me.machine, me.boot, me.namespace, me.pid, me.start].join('/');
}

/** Whether the process that has this identity still runs. */
export function isAlive(owner: string): OwnerState {
  const other = parse(owner);
  const me = ownIdentity();
  if (other === null || other.machine !== me.machine) return 'unknown';
  if (!sameBoot(other.boot, me.boot)) return 'dead';
  if (other.namespace !== me.namespace) return 'unknown';
  if (other.pid === me.pid) return other.start === me.start ? 'alive' : 'dead';
  return stateOfPid(other.pid, other.start);
}

/** For messages: "process 1234 on host". */
export function describeOwner(owner: string): string {
  const other = parse(owner);
  if (other === null) return `"${owner}"`;
  return other.machine === ownIdentity().machine
    ? `process ${other.pid}`
    : `process ${other.pid} on machine ${other.machine}`;
}

function parse(owner: string): Identity | null {
  const [machine, boot, namespace, pid, start, ...more] = owner.split('/');
  if (!machine || !boot || namespace === undefined || start === undefined || more.length > 0) return null;
  if (pid === undefined || !/^[1-9][0-9]*$/.test(pid)) return null;
  return { machine, boot, namespace, pid: Number(pid), start };
}

function ownIdentity(): Identity {
  own ??= {
    machine: textOf('/etc/machine-id') ?? (hostname().replaceAll('/', '-') || 'localhost'),
    boot: textOf('/proc/sys/kernel/random/boot_id') ?? `t${Math.round(Date.now() / 1000 - uptime())}`,
    namespace: pidNamespace(),
    pid: process.pid,
    start: statOf(process.pid)?.start ?? '',
  };
  return own;
}

function sameBoot(a: string, b: string): boolean {
  if (a === b) return true;
  if (!/^t[0-9]+$/.test(a) || !/^t[0-9]+$/.test(b)) return false;
  return Math.abs(Number(a.slice(1)) - Number(b.slice(1))) <= UNCERTAIN_BOOT_S;
}

function stateOfPid(pid: number, start: string): OwnerState {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    // EPERM: it runs, as another user.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH') return 'dead';
  }
  const stat = statOf(pid);
  if (stat === null || start === '') return 'alive';
  return stat.start === start && stat.state !== 'Z' && stat.state !== 'X' ? 'alive' : 'dead';
}

/** State letter and start time of a process: fields 3 and 22 of /proc/<pid>/stat; the name in field 2 may hold anything. */
function statOf(pid: number): { readonly state: string; readonly start: string } | null {
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === null) return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', start: fields[19] ?? '' };
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/[^0-9]/g, '');
  } catch {
    return '';
  }
}

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim() || null;
  } catch {
    return null;
  }
}
