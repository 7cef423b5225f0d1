/**
 * Runs a job to its end through kills, and compares with a run that nobody disturbed: the rows of every sink as a multiset, the
 * sums of the last manifest, and what is left behind. Nothing of a killed process survives but its files.
 *
 * The input is throttled so that what is left of it lasts for the kills that are left; the last start reads the rest at full speed.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CrashPoint } from '../../engine/runtime/crash-point.ts';
import { outputFolder, runJobProcess, startJob, stateFolder, type JobExit } from '../job-process.ts';
import { standingOf, temporaryFiles, totalsOf, unreachable, type Standing } from '../state-inspection.ts';
import { differences, publishedFiles, rowsPerSink, sizeOf, type Multiset } from '../stored-rows.ts';
import type { Kill } from './kills.ts';

export interface ChaosOptions {
  /** With the settings `output` and `throttle`, and file sinks in the output. */
  readonly job: string;
  /** Empty; stays for inspection. */
  readonly folder: string;
  readonly kills: readonly Kill[];
  readonly parallelism: number | null;
  onKilled?(killed: Killed): void;
}

export interface Killed {
  readonly number: number;
  readonly kill: Kill;
  /** The last crash point that the process had passed; '': none yet. */
  readonly phase: CrashPoint | '';
  /** What the dead process left, null: not even a head. */
  readonly left: Standing | null;
  /** What the next process did before it went on: the points it passed up to its first epoch's start. */
  readonly restart: readonly string[];
}

export interface ChaosResult {
  readonly killed: readonly Killed[];
  readonly runs: number;
  readonly epochs: number;
  readonly rows: Readonly<Record<string, number>>;
  /** What is wrong, by where. Empty: exactly once, and nothing left behind. */
  readonly problems: ReadonlyMap<string, readonly string[]>;
}

const EPOCH_MS = 40;
/** What an epoch may read, in seconds of the throttled input: its length, and the tenth of a second that a throttle saves up. */
const EPOCH_SECONDS = 0.15;
/** Of what is left when a process starts, so that a slow machine does not read all of it before the kill. */
const SHARE_OF_INPUT = 0.6;
const LATE_KILL_SECONDS = 0.5;
/** Epochs until there are more segments than FOLD_SEGMENTS, with two keyed stages; until a sweep (SWEEP_EVERY_EPOCHS). */
const EPOCHS_TO: Partial<Record<CrashPoint, number>> = { 'fold-written': 34, 'fold-cas': 34, sweep: 17 };
const DEADLINE_MS = 60_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const quiet = join(options.folder, 'undisturbed');
  const folder = join(options.folder, 'killed');
  for (const each of [quiet, folder]) mkdirSync(each, { recursive: true });
  // More than one worker: fanned-out epochs, on threads of the process that is killed.
  const mode = (options.parallelism ?? 1) > 1 ? ['--epoch-mode', 'fanned-out'] : [];
  const args = options.parallelism === null ? [] : ['--parallelism', String(options.parallelism), ...mode];
  const start = { job: options.job, args };

  const undisturbed = await runJobProcess({ ...start, folder: quiet, settings: { throttle: 0 } });
  expectExit(undisturbed, 0, 'the undisturbed run');
  const rows = totalsOf(await standingOf(stateFolder(quiet)))['recordsIn'] ?? 0;

  const killed: Killed[] = [];
  let last: Omit<Killed, 'restart'> | null = null;
  const restarted = (trace: readonly string[]): void => {
    if (last === null) return;
    killed.push({ ...last, restart: beforeFirstEpoch(trace) });
    options.onKilled?.(killed.at(-1)!);
  };
  for (const [i, kill] of options.kills.entries()) {
    const read = totalsOf(last?.left ?? null)['recordsIn'] ?? 0;
    // The job finishes with its end-cas: no need to wait for it.
    const throttle =
      kill.kind === 'point' && kill.point === 'end-cas' ? 0 : throttleFor(rows - read, options.kills.slice(i));
    const child = startJob({
      ...start,
      folder,
      settings: { throttle },
      ...(kill.kind === 'point' ? { crashAt: `${kill.point}:${kill.nth}` } : {}),
      args: [...args, '--epochs-ms', String(EPOCH_MS), ...(kill.kind === 'point' && kill.restore ? ['--restore'] : [])],
    });
    const deadline = setTimeout(() => child.kill('SIGTERM'), DEADLINE_MS);
    if (kill.kind === 'random') {
      await child.passed('claim-cas');
      await sleep(kill.afterMs);
      child.kill('SIGKILL');
    }
    const exit = await child.exited;
    clearTimeout(deadline);
    restarted(child.trace());
    if (exit.signal !== 'SIGKILL')
      throw new Error(`Kill ${i + 1} was never reached: the process ended before. ${describeExit(exit)}`);
    const phase = (child.trace().at(-1) ?? '') as CrashPoint | '';
    last = { number: i + 1, kill, phase, left: await standingOf(stateFolder(folder)) };
  }
  const end = startJob({ ...start, folder, settings: { throttle: 0 } });
  expectExit(await end.exited, 0, 'the last run');
  restarted(end.trace());
  return { killed, ...(await compared(quiet, folder)) };
}

/** Everything that tells the two folders apart. */
async function compared(quiet: string, folder: string): Promise<Omit<ChaosResult, 'killed'>> {
  const expected = rowsPerSink(outputFolder(quiet));
  const actual = rowsPerSink(outputFolder(folder));
  const standing = await standingOf(stateFolder(folder));
  const phase = standing?.head.phase.kind ?? 'absent';
  const wanted = multisetOfCounts(await standingOf(stateFolder(quiet)));
  const found: [where: string, problems: readonly string[]][] = [
    ...[...new Set([...expected.keys(), ...actual.keys()])].map((sink): [string, readonly string[]] => [
      `sink ${sink}`,
      differences(expected.get(sink) ?? new Map(), actual.get(sink) ?? new Map()),
    ]),
    ['undisturbed run', expected.size === 0 ? ['it wrote nothing: there is nothing to compare'] : []],
    ['counts of the last manifest', differences(wanted, multisetOfCounts(standing))],
    ['phase', phase === 'finished' ? [] : [`the job is ${phase}, not finished`]],
    ['temporary files left behind', temporaryFiles(folder)],
    ['state that the head does not reach', await unreachable(stateFolder(folder))],
  ];
  return {
    runs: new Set(publishedFiles(outputFolder(folder)).map(({ run }) => run)).size,
    epochs: standing?.head.epoch ?? 0,
    rows: Object.fromEntries([...actual].map(([sink, lines]) => [sink, sizeOf(lines)])),
    problems: new Map(found.filter(([, problems]) => problems.length > 0)),
  };
}

/** recordsIn, late, deadLettered, recordsOut:<sink>, … since the job's first epoch. Re-plans are what a kill may change. */
const multisetOfCounts = (standing: Standing | null): Multiset =>
  new Map(Object.entries(totalsOf(standing)).filter(([name]) => name !== 'replans'));

/** Rows a second, so that the rest of the input outlasts the rest of the kills. */
function throttleFor(rows: number, kills: readonly Kill[]): number {
  let seconds = 0;
  for (const kill of kills) {
    if (kill.kind === 'random') seconds += LATE_KILL_SECONDS + kill.afterMs / 1000;
    else seconds += EPOCH_SECONDS * (EPOCHS_TO[kill.point] ?? kill.nth);
  }
  return Math.max(1, Math.floor((SHARE_OF_INPUT * rows) / Math.max(1, seconds)));
}

function beforeFirstEpoch(trace: readonly string[]): readonly string[] {
  const runs = trace.indexOf('run-started');
  return runs < 0 ? trace : trace.slice(0, runs);
}

function expectExit(exit: JobExit, code: number, what: string): void {
  if (exit.code !== code) throw new Error(`Expected ${what} to exit with ${code}. ${describeExit(exit)}`);
}

const describeExit = ({ code, signal, stderr }: JobExit): string =>
  `It ended with ${signal ?? code}:\n${stderr.slice(-2000)}`;
