/** The real process of a job: `node engine/cli/main.ts run JOB …`, as a user or a service manager starts, stops and kills it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const REPOSITORY: string = fileURLToPath(new URL('..', import.meta.url));
export const MAIN_JOB = 'functions/flight-delays.ts';

export interface JobStart {
  /** Relative to the repository. */
  readonly job: string;
  /** Holds everything of the job: its state in `state`, its sinks in `out`. */
  readonly folder: string;
  /** Of the job, as for `--set`. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Further arguments of `run`. */
  readonly args?: readonly string[];
  /** As for MILLRACE_CRASH_AT: "name" or "name:nth". */
  readonly crashAt?: string;
  /** False: the job has no setting `output`. */
  readonly hasOutput?: boolean;
  /** A program that runs the process, with its arguments. */
  readonly within?: readonly string[];
}

export interface JobExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface JobProcess {
  readonly pid: number;
  readonly exited: Promise<JobExit>;
  kill(signal: NodeJS.Signals): void;
  /** Crash points passed so far, in order. */
  trace(): readonly string[];
  /** Resolves when the process has passed a crash point that often; throws when it ends before. */
  passed(point: string, times?: number): Promise<void>;
}

export const stateFolder = (folder: string): string => join(folder, 'state');
export const outputFolder = (folder: string): string => join(folder, 'out');

let traces = 0;

export function startJob(start: JobStart): JobProcess {
  const { job, folder, settings = {}, args = [], crashAt, hasOutput = true, within = [] } = start;
  const traceFile = join(folder, `trace-${process.pid}-${traces++}`);
  const all = { ...(hasOutput ? { output: outputFolder(folder) } : {}), ...settings };
  const set = Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const run = [process.execPath, 'engine/cli/main.ts', 'run', job, '--state', stateFolder(folder), ...set, ...args];
  const [program, ...command] = [...within, ...run];
  const child = spawn(program!, command, {
    cwd: REPOSITORY,
    env: { ...process.env, MILLRACE_TRACE_PHASES: traceFile, MILLRACE_CRASH_AT: crashAt ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let ended = false;
  const exited = new Promise<JobExit>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      ended = true;
      resolve({ code, signal, stdout, stderr });
    });
  });
  const trace = (): string[] => linesOf(traceFile);
  return {
    pid: child.pid ?? 0,
    exited,
    kill: (signal) => void child.kill(signal),
    trace,
    async passed(point, times = 1) {
      while (trace().filter((name) => name === point).length < times) {
        if (ended) throw new Error(`The process ended before it passed ${point} ${times} times:\n${stderr}`);
        await sleep(5);
      }
    },
  };
}

/** Runs the job until the process ends by itself. */
export const runJobProcess = (start: JobStart): Promise<JobExit> => startJob(start).exited;

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(0, -1);
  } catch (error) {
    // Nothing was passed yet.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
