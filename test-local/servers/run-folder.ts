/**
 * The servers of one test run live and die with the process that owns its folder: `<temporary files>/millrace-servers-…`.
 *
 *   <run>/owner.json          whose run it is
 *   <run>/shared/<name>/…     servers of `useServer`
 *   <run>/own/<id>/<name>/…   servers of `startOwn`
 *
 * A run whose owner was killed leaves servers behind; the next run ends them.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { familyOf, identityOf, isRunning, signal, type ProcessIdentity } from './process-identity.ts';
import { SERVER_NAMES } from './server.ts';
import { recordsIn } from './server-record.ts';

const VARIABLE = 'MILLRACE_SERVERS_RUN';
const PREFIX = 'millrace-servers-';
const OWNER = 'owner.json';

/** The folder of the run that this process takes part in; where there is none, this process begins one that ends with it. */
export function runFolder(): string {
  const given = process.env[VARIABLE];
  if (given !== undefined && existsSync(given)) return given;
  const folder = beginRun();
  endWithProcess(folder);
  return folder;
}

/** Processes started from here on take part in the run. */
export function beginRun(): string {
  endAbandonedRuns();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // PostgreSQL runs as another user.
  chmodSync(folder, 0o755);
  const draft = join(folder, `${OWNER}.part`);
  writeFileSync(draft, JSON.stringify(identityOf(process.pid)));
  renameSync(draft, join(folder, OWNER));
  process.env[VARIABLE] = folder;
  return folder;
}

/** The run ends when this process does, by itself or by a signal. */
export function endWithProcess(folder: string): void {
  process.once('exit', () => endRun(folder));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      endRun(folder);
      // With no other listener left the signal does what it does by default.
      if (process.listenerCount(name) === 0) process.kill(process.pid, name);
    });
  }
}

/** Kills what still runs and removes the folder; its data are of no use to anybody. */
export function endRun(folder: string): void {
  for (const root of rootsOf(folder)) {
    for (const record of recordsIn(root, SERVER_NAMES)) {
      if (record.process === null) continue;
      for (const one of familyOf(record.process)) signal(one, 'SIGKILL');
    }
  }
  // A process that is ending may still write a file.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

export function ownRoot(run: string): string {
  mkdirSync(join(run, 'own'), { recursive: true });
  const root = mkdtempSync(join(run, 'own', 's-'));
  chmodSync(root, 0o755);
  return root;
}

export const sharedRoot = (run: string): string => join(run, 'shared');

function rootsOf(run: string): string[] {
  const own = join(run, 'own');
  const owned = existsSync(own) ? readdirSync(own).map((name) => join(own, name)) : [];
  return [sharedRoot(run), ...owned];
}

function endAbandonedRuns(): void {
  for (const name of readdirSync(tmpdir())) {
    const folder = join(tmpdir(), name);
    if (!name.startsWith(PREFIX) || !isMine(folder)) continue;
    const owner = ownerOf(folder);
    if (owner !== null && !isRunning(owner)) endRun(folder);
  }
}

/** Runs of other users are theirs to end. */
const isMine = (folder: string): boolean =>
  statSync(folder, { throwIfNoEntry: false })?.uid === (process.getuid?.() ?? statSync(tmpdir()).uid);

/** Null while a run begins, and when another one has just removed it. */
function ownerOf(folder: string): ProcessIdentity | null {
  try {
    return JSON.parse(readFileSync(join(folder, OWNER), 'utf8')) as ProcessIdentity;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}
