/**
 * The simulator on a user's own job: seed after seed draws where epochs are cut, how they are packed into subtasks and workers, where
 * processes die or stop and when state is folded, and compares what reaches the sinks with a run that nothing befell.
 *
 * With the same cut nothing may differ (E7a), the epoch of a row included: that holds for every job whose functions are deterministic.
 * With `anyCut` the undisturbed run is one epoch (E7b): that does not hold for processing time, late records and rolling results.
 */
import type { JobModule } from '../../api/define-job.ts';
import { ConfigError } from '../../model/errors.ts';
import { InMemoryJob, type BuildJob } from '../in-memory-job.ts';
import { differenceText, outputDifference, type OutputDifference } from './output-difference.ts';
import { EpochClock } from './epoch-clock.ts';
import { runTrial, type JobInTrial, type TrialRun } from './run-trial.ts';
import { shrinkTrial } from './shrink-trial.ts';
import { drawTrial, trialText, undisturbed, type Trial } from './trial.ts';

export interface SimulateOptions {
  /** How many; default 100. */
  readonly seeds?: number;
  /** The first one; default 1. */
  readonly seed?: number;
  /** Compare with a run of one epoch, instead of one that was cut alike. */
  readonly anyCut?: boolean;
  /** A job module's settings, as `--set` gives them. */
  readonly config?: Readonly<Record<string, string>>;
  /** After so many failing seeds there is enough to look at; default 3. */
  readonly mostFailures?: number;
}

export interface SimulationFailure {
  readonly seed: number;
  readonly trial: Trial;
  readonly difference: OutputDifference;
  /** Trial and difference, in words. */
  readonly text: string;
}

export interface SimulationReport {
  readonly seeds: number;
  /** Sums over all seeds. */
  readonly epochs: number;
  readonly deaths: number;
  readonly rowsOut: number;
  readonly failures: readonly SimulationFailure[];
}

/** Throws ConfigError for a job that has no end, or that differs from itself without any fault. */
export async function simulateJob(job: BuildJob | JobModule, options: SimulateOptions = {}): Promise<SimulationReport> {
  const { seeds = 100, seed: first = 1, anyCut = false, mostFailures = 3 } = options;
  const given = inTrial(job, options.config);
  const whole = await runTrial(given, undisturbed({ cut: [Number.MAX_SAFE_INTEGER] }), null, !anyCut);
  const rows = whole.run.counts['recordsIn'] ?? 0;
  await checkDeterminism(given, rows);
  const failures: SimulationFailure[] = [];
  const sums = { seeds: 0, epochs: 0, deaths: 0, rowsOut: 0 };
  for (let seed = first; seed < first + seeds && failures.length < mostFailures; seed++) {
    const trial = drawTrial(seed, rows);
    const { result, difference } = await tryOut(given, trial, anyCut ? whole : null);
    sums.seeds++;
    sums.epochs += result.run.manifests.length;
    sums.deaths += result.run.crashes.length;
    sums.rowsOut += result.run.counts['recordsOut'] ?? 0;
    if (difference !== null) failures.push(await failure(given, seed, trial, anyCut ? whole : null));
  }
  return { ...sums, failures };
}

/** `whole`: what to compare with; null: with an undisturbed run of the same cut. */
async function tryOut(
  job: JobInTrial,
  trial: Trial,
  whole: TrialRun | null,
): Promise<{ readonly result: TrialRun; readonly difference: OutputDifference | null }> {
  const alike = await runTrial(job, undisturbed(trial), null, whole === null);
  const result = await runTrial(job, trial, alike.run, whole === null);
  return { result, difference: outputDifference((whole ?? alike).output, result.output) };
}

async function failure(
  job: JobInTrial,
  seed: number,
  drawn: Trial,
  whole: TrialRun | null,
): Promise<SimulationFailure> {
  const fails = async (trial: Trial): Promise<boolean> => (await tryOut(job, trial, whole)).difference !== null;
  const shrunk = await shrinkTrial(drawn, fails);
  const again = await tryOut(job, shrunk, whole);
  // What failed once and not again is no less a failure; then the trial is shown as it was drawn.
  const [trial, { result, difference }] =
    again.difference === null ? [drawn, await tryOut(job, drawn, whole)] : [shrunk, again];
  const shown = difference ?? { sink: 'unknown: it did not fail again', missing: [], extra: [] };
  const died = result.run.crashes.length === 0 ? '' : ` (${result.run.crashes.join(', ')})`;
  return { seed, trial, difference: shown, text: `${trialText(trial)}${died}\n${differenceText(shown)}` };
}

function inTrial(job: BuildJob | JobModule, config: SimulateOptions['config']): JobInTrial {
  const of = config === undefined ? {} : { config };
  const { graph, settings } = new InMemoryJob(job, new EpochClock(1), of).build();
  for (const { name, operator } of graph.nodes) {
    if (operator.kind !== 'source' || operator.source.bounded) continue;
    throw new ConfigError(
      `source "${name}" (${operator.source.description}) of job "${graph.job}" has no end, and a simulated run must come to one. Give the job a bounded source for it: a file, fromData(…), or a setting that bounds it.`,
    );
  }
  return { job, ...of, epochMs: settings.epochMs };
}

/** Two runs that nothing befell. What differs in them is the job's own doing. */
async function checkDeterminism(job: JobInTrial, rows: number): Promise<void> {
  const calm = undisturbed(drawTrial(0, rows));
  const [a, b] = [await runTrial(job, calm, null, true), await runTrial(job, calm, null, true)];
  const difference = outputDifference(a.output, b.output);
  if (difference === null) return;
  throw new ConfigError(
    `the job is not deterministic: two runs without any fault differ. Look for random numbers, the wall clock, or variables outside of state in its functions.\n${differenceText(difference)}`,
  );
}
