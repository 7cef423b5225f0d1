/**
 * A process in a namespace of its own, as in another container: whether it lives cannot be told from outside, so that its lease has to run out. (On one
 * machine a second process of a job is refused as long as the first lives, stopped or not.)
 */
import { readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

const AS_ROOT = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];
const AS_USER = ['unshare', '--user', '--map-root-user', ...AS_ROOT.slice(1)];

/** Program and arguments that run another program there. */
export function otherMachine(): readonly string[] {
  const usable = [AS_ROOT, AS_USER].find(([program, ...args]) => spawnSync(program!, [...args, 'true']).status === 0);
  if (usable === undefined)
    throw new Error(
      'This case runs a process in a pid namespace of its own, and `unshare --pid` (util-linux) is not there or not allowed: run it as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1).',
    );
  return usable;
}

/** Sends a signal to what `unshare` runs. */
export function signalInside(pid: number, signal: NodeJS.Signals): void {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  if (child === undefined || child === '') throw new Error(`process ${pid} runs nothing`);
  process.kill(Number(child), signal);
}
