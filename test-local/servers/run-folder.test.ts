import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { runNode } from './command-run.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

const module = (name: string): string => new URL(name, import.meta.url).href;
/** A process that is in no run yet. */
const OUTSIDE = { MILLRACE_SERVERS_RUN: '' };

const START = `
  const { startOwn } = await import('${module('index.ts')}');
  const server = await startOwn('postgres');
  console.log(server.pid, process.env.MILLRACE_SERVERS_RUN);
`;
const BEGIN = `
  const { beginRun, endRun } = await import('${module('run-folder.ts')}');
  endRun(beginRun());
`;
const script = (text: string): string[] => ['--input-type=module', '--eval', text];

/** A process with a server, and a run of its own; it stays until it is killed. */
async function startedOutside(): Promise<{ process: ChildProcess; server: ProcessIdentity; folder: string }> {
  const child = spawn(process.execPath, script(`${START}; setInterval(() => {}, 1000)`), {
    env: { ...process.env, ...OUTSIDE },
  });
  return await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', (line: string) => {
      const [pid, folder = ''] = line.trim().split(' ');
      resolve({ process: child, server: identityOf(Number(pid))!, folder });
    });
    child.once('exit', () => reject(new Error('It ended by itself.')));
  });
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<NodeJS.Signals | null> {
  child.kill(signal);
  return await new Promise((resolve) => child.once('close', (_, by) => resolve(by)));
}

test('the next run ends what a run that was killed left behind', async () => {
  const { process: killed, server, folder } = await startedOutside();
  await kill(killed, 'SIGKILL');
  expect([isRunning(server), existsSync(folder)]).toEqual([true, true]);
  expect(await runNode(script(BEGIN), OUTSIDE)).toMatchObject({ code: 0, stderr: '' });
  expect([isRunning(server), existsSync(folder)]).toEqual([false, false]);
});

test('a run that is told to end ends with its servers', async () => {
  const { process: told, server, folder } = await startedOutside();
  expect(await kill(told, 'SIGTERM')).toBe('SIGTERM');
  expect([isRunning(server), existsSync(folder)]).toEqual([false, false]);
});

test('outside of vitest a run ends with the process that began it', async () => {
  const { code, stdout, stderr } = await runNode(script(`${START}; process.exit(3)`), OUTSIDE);
  expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
  const [pid = '', folder = ''] = stdout.trim().split(' ');
  expect(Number(pid)).toBeGreaterThan(0);
  expect(identityOf(Number(pid))).toBeNull();
  expect(existsSync(folder)).toBe(false);
});
