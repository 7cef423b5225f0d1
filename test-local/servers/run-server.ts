/**
 * Starts and stops one server under a root folder: the only place that creates or ends its process.
 *
 * 1. At most one process a record: changes happen under the lock of (root, name); the process is recorded as soon as it exists, so that
 *    a starter that dies leaves no stranger behind.
 * 2. A signal goes only to the very process that was recorded (pid and start time).
 * 3. Ports stay the same from start to start unless somebody else has taken them.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from './file-lock.ts';
import { freePort, isFree } from './free-port.ts';
import { logTail } from './log-tail.ts';
import { familyOf, identityOf, isRunning, signal, type ProcessIdentity } from './process-identity.ts';
import type { Instance, Recipe, Tell } from './recipe.ts';
import { RECIPES } from './recipes.ts';
import { ServerUnavailableError, type ServerName, type ServerOptions } from './server.ts';
import { lockFile, logFile, readRecord, serverFolder, writeRecord, type ServerRecord } from './server-record.ts';

const READY_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 20_000;
const POLL_MS = 25;

export interface StartRequest {
  readonly root: string;
  readonly name: ServerName;
  readonly options?: ServerOptions;
  /** Holds the data instead of the server's folder under the root. */
  readonly dataFolder?: string;
  /** A restart: fail rather than move to other ports. */
  readonly keepPorts?: boolean;
  readonly tell?: Tell;
}

/** The server, running and ready; started if it is not. */
export async function startServer(request: StartRequest): Promise<ServerRecord> {
  const { root, name, tell = () => {} } = request;
  const recipe = RECIPES[name];
  return await withLock(lockFile(root, name), async () => {
    const before = readRecord(root, name);
    if (before?.process && isRunning(before.process)) return await untilReady(root, recipe, before);
    await recipe.install(tell);
    const options = request.options ?? before?.options ?? {};
    const folder = request.dataFolder ?? before?.folder ?? join(serverFolder(root, name), 'data');
    mkdirSync(folder, { recursive: true });
    const ports = await choosePorts(recipe.portNames(options), before?.ports ?? {}, request.keepPorts === true);
    return await untilReady(root, recipe, await spawnServer(root, recipe, { name, folder, ports, options }));
  });
}

/** Ends it in order, or after a time by force, with everything that it started. Says whether it ran. */
export async function stopServer(root: string, name: ServerName): Promise<boolean> {
  return await withLock(lockFile(root, name), async () => {
    const record = readRecord(root, name);
    if (record === null) return false;
    const ran = record.process !== null && (await end(record.process, RECIPES[name].stopSignal));
    writeRecord(root, { ...record, process: null });
    return ran;
  });
}

/** SIGKILL, to all of its processes at once; returns when they are gone. */
export async function killServer(root: string, name: ServerName): Promise<void> {
  const record = readRecord(root, name);
  if (record?.process) await end(record.process, 'SIGKILL');
}

async function end(main: ProcessIdentity, how: NodeJS.Signals): Promise<boolean> {
  // It starts nothing between the look at its family and the kill.
  if (how === 'SIGKILL' && signal(main, 'SIGSTOP')) await sleep(POLL_MS);
  const family = familyOf(main);
  for (const one of how === 'SIGKILL' ? family : [main]) signal(one, how);
  const gone = async (): Promise<boolean> => !family.some((one) => isRunning(one));
  if (!(await within(STOP_LIMIT_MS, gone))) {
    for (const one of family) signal(one, 'SIGKILL');
    if (!(await within(STOP_LIMIT_MS, gone))) throw new Error(`Process ${main.pid} does not end, not even by SIGKILL.`);
  }
  return family.length > 0;
}

async function spawnServer(root: string, recipe: Recipe, instance: Instance): Promise<ServerRecord> {
  const { name, folder, ports, options } = instance;
  const { program, args, env, user, cwd } = await recipe.prepare(instance);
  mkdirSync(serverFolder(root, name), { recursive: true });
  const log = openSync(logFile(root, name), 'a');
  const logStart = statSync(logFile(root, name)).size;
  const child = spawn(program, args, {
    cwd: cwd ?? folder,
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, ...env },
    ...user,
  });
  closeSync(log);
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  child.unref();
  if (child.pid === undefined) return await failed;
  failed.catch(() => {});
  // Gone already: `untilReady` sees that, and shows its log.
  const identity = identityOf(child.pid) ?? { pid: child.pid, start: 'gone' };
  const record = { name, folder, ports, options, settings: recipe.settings(instance), process: identity, logStart };
  writeRecord(root, record);
  return record;
}

async function untilReady(root: string, recipe: Recipe, record: ServerRecord): Promise<ServerRecord> {
  const log = logFile(root, record.name);
  const text = (): string => (existsSync(log) ? readFileSync(log).subarray(record.logStart).toString() : '');
  let dead = false;
  const ready = await within(READY_LIMIT_MS, async () => {
    dead = record.process === null || !isRunning(record.process);
    return dead || (await recipe.isReady(record, text()));
  });
  if (ready && !dead) return record;
  if (record.process) await end(record.process, 'SIGKILL');
  const what = dead ? 'ended while it started' : `was not ready within ${READY_LIMIT_MS / 1000} s`;
  throw new ServerUnavailableError(`${record.name} ${what}. The end of its log (${log}):\n${logTail(text())}`);
}

async function choosePorts(
  names: readonly string[],
  before: Readonly<Record<string, number>>,
  keep: boolean,
): Promise<Record<string, number>> {
  const ports: Record<string, number> = {};
  for (const name of names) {
    const known = before[name];
    const usable = known !== undefined && (await isFree(known));
    if (keep && known !== undefined && !usable) {
      throw new ServerUnavailableError(
        `Port ${known} has been taken by another process, so the server cannot be restarted on it.`,
      );
    }
    ports[name] = known !== undefined && usable ? known : await freePort();
  }
  return ports;
}

async function within(limitMs: number, done: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + limitMs;
  while (!(await done())) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
  return true;
}
