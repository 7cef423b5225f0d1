/** Runs a tool to its end. What it says is shown only when it fails. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ServerUnavailableError } from '../server.ts';
import { logTail } from '../log-tail.ts';
import type { UnixUser } from '../unix-user.ts';

/** Class paths are cut in messages. */
const LONG_WORD = 120;

export interface ToolRun {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: UnixUser | undefined;
  /** It is ended after that. */
  readonly limitMs?: number;
  /** Its standard input. */
  readonly input?: string;
}

/** Its standard output. */
export async function runTool(program: string, args: readonly string[], run: ToolRun = {}): Promise<string> {
  const { code, out, all } = await outcome(program, args, run);
  if (code === 0) return out;
  const command = [program, ...args].map((word) => (word.length > LONG_WORD ? `${word.slice(0, LONG_WORD)}…` : word));
  throw new ServerUnavailableError(`\`${command.join(' ')}\` failed (${code}):\n${logTail(all)}`);
}

/** The program's path by PATH, or null. */
export function findTool(name: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return null;
}

interface Outcome {
  readonly code: number | string;
  readonly out: string;
  readonly all: string;
}

async function outcome(program: string, args: readonly string[], run: ToolRun): Promise<Outcome> {
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...run.env },
    ...(run.limitMs === undefined ? {} : { timeout: run.limitMs }),
    ...(run.cwd === undefined ? {} : { cwd: run.cwd }),
    ...run.user,
  });
  // A program that ends early does not read it all; its exit code tells.
  child.stdin.on('error', () => {}).end(run.input ?? '');
  let out = '';
  let all = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => ((out += text), (all += text)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (all += text));
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? signal ?? 'unknown', out, all }));
  });
}
