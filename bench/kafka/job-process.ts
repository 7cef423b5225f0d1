/** The contestants' processes, and other children of the benchmark. */
import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program } from './flink-job.ts';

export interface Contestant extends Program {
  readonly name: 'millrace' | 'flink';
}

export type Line = Readonly<Record<string, number>>;

/** A script of this folder in Node, with so much heap. */
export function nodeProgram(script: string, heapMb: number): Program {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return { program: process.execPath, args: [`--max-old-space-size=${heapMb}`, path] };
}

export class JobProcess {
  /** What it printed, when it has ended by itself. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  #stopped = false;

  constructor({ program, args }: Program, jobArgs: readonly string[]) {
    this.#child = spawn(program, [...args, ...jobArgs], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // The engine's sources are TypeScript here: without the cache every run would strip the types again.
      env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'millrace-bench-compiled') },
    });
    let out = '';
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text));
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        if (code === 0 || this.#stopped) resolve(out);
        else reject(new Error(`${program} ${jobArgs.join(' ')} ended with ${code ?? signal}`));
      });
    });
    // Whoever waits for something else is told by `ended` all the same.
    this.ended.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#child.kill('SIGKILL');
    await this.ended.catch(() => undefined);
  }
}

/** Runs to the end and answers its line. */
export async function lineOf(program: Program, args: readonly string[]): Promise<Line> {
  const out = await new JobProcess(program, args).ended;
  // oxlint-disable-next-line no-unsafe-type-assertion -- our own child's line
  return JSON.parse(out.trim().split('\n').at(-1)!) as Line;
}
