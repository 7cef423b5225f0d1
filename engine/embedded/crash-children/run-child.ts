/** Starts a script of this folder in a process of its own; for the crash tests. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Child {
  /** Lines printed so far; complete once `done` resolved. */
  readonly lines: readonly string[];
  /** Resolves to the exit code; null: killed. */
  readonly done: Promise<number | null>;
  /** Resolves when the first line was printed. */
  readonly started: Promise<void>;
  kill(): void;
}

export function runChild(script: string, ...args: readonly string[]): Child {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let rest = '';
  const started = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n');
      rest = parts.pop()!;
      lines.push(...parts);
      resolve();
    });
    child.on('close', () => resolve());
  });
  const done = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code));
  });
  return { lines, done, started, kill: () => void child.kill('SIGKILL') };
}
