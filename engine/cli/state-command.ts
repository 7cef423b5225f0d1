/** `millrace state JOB`: what is stored of a job. Reads only; the job may be running. */
import { statSync } from 'node:fs';
import { ConfigError } from '../model/errors.ts';
import type { EpochSummary, JobState } from '../runtime/job-state-reader.ts';
import { readBacklog, type Backlog } from './backlog.ts';
import type { CliIo } from './cli-io.ts';
import { settingOverrides } from './job-settings.ts';
import { loadJob } from './load-job.ts';
import { watermarkJson, watermarkText, whole } from './progress.ts';
import { defaultStateDir, storedJobs, storedState } from './stored-state.ts';

export interface StateOptions {
  readonly state?: string;
  readonly json?: boolean;
  readonly epochs: number;
  readonly set: readonly string[];
}

/** `target`: a job file, which also tells the backlog, or the name of a job. */
export async function stateCommand(target: string, options: StateOptions, io: CliIo): Promise<void> {
  const loaded = looksLikeFile(target) ? (await loadJob(target)).job : null;
  const name = loaded?.name ?? target;
  const stateDir = options.state ?? defaultStateDir(name);
  const state = await storedState(stateDir, name, options.epochs);
  if (state === null) {
    const known = await storedJobs(stateDir);
    const there = known.length === 0 ? 'It holds no job' : `It holds: ${known.join(', ')}`;
    throw new ConfigError(
      `there is no state of job "${name}" in ${stateDir}. ${there}; give another folder with --state, or run the job first.`,
    );
  }
  const backlog =
    loaded === null
      ? null
      : await readBacklog(
          loaded.instantiate(settingOverrides(loaded, options.set, io.env)).toJobGraph(),
          state,
          stateDir,
        );
  io.stdout.write(options.json === true ? `${JSON.stringify(stateJson(state, backlog))}\n` : stateText(state, backlog));
}

function looksLikeFile(target: string): boolean {
  return /[/\\]|\.[mc]?[jt]s$/.test(target) || statSync(target, { throwIfNoEntry: false })?.isFile() === true;
}

export function stateJson(state: JobState, backlog: Backlog | null): unknown {
  const { eventTime, processingTime } = state.nextTimers;
  return {
    ...state,
    watermarks: Object.fromEntries(Object.entries(state.watermarks).map(([stage, wm]) => [stage, watermarkJson(wm)])),
    splits: state.splits.map((split) => ({
      ...split,
      watermark: watermarkJson(split.watermark),
      backlog: backlog?.get(split.id) ?? (split.ended ? 0 : null),
    })),
    nextTimers: { eventTime, processingTime },
  };
}

export function stateText(state: JobState, backlog: Backlog | null): string {
  const lines = [
    `Job "${state.job}": ${PHASE[state.phase]}`,
    `  run ${state.run}, epoch ${state.epoch}, generation ${state.generation}, clock ${timeText(state.clock)}`,
    `  ${state.lease === null ? 'no process holds it' : `held by ${state.lease.owner}`}`,
    '',
    'Input',
    ...state.splits.map((split) => splitLine(split, backlog)),
    '',
    'Watermarks',
    ...Object.entries(state.watermarks).map(([stage, watermark]) => `  ${stage}: ${watermarkText(watermark)}`),
    '',
    'State',
    ...Object.entries(state.keys).map(([operator, keys]) => `  ${operator}: ${whole(keys)} keys`),
    `  base ${state.state.baseEpoch === null ? 'none' : `of epoch ${state.state.baseEpoch}, ${bytesText(state.state.baseBytes)}`}; log of ${whole(state.state.logSegments)} segments, ${bytesText(state.state.logBytes)}; in all ${whole(state.state.objects)} objects, ${bytesText(state.state.objectBytes)}`,
    `  next timers: event time ${timer(state.nextTimers.eventTime)}, processing time ${timer(state.nextTimers.processingTime)}`,
    '',
    'Sums since the first epoch',
    ...Object.entries(state.totals).map(([count, n]) => `  ${count} ${whole(n)}`),
    '',
    'Epochs, newest first',
    ...state.epochs.map(epochLine),
  ];
  return `${lines.join('\n')}\n`;
}

const PHASE: Readonly<Record<JobState['phase'], string>> = {
  published: 'between two epochs',
  running: 'an epoch is in work',
  committed: 'the last epoch is committed and may not be published yet',
  restoring: 'a run begins',
  finished: 'finished',
  cancelled: 'cancelled',
};

function splitLine(split: JobState['splits'][number], backlog: Backlog | null): string {
  const ahead = backlog?.get(split.id) ?? null;
  const rest = split.ended
    ? 'ended'
    : backlog === null
      ? 'backlog only with the job file'
      : ahead === null
        ? 'backlog unknown'
        : `backlog ${whole(ahead)}`;
  const idle = split.idleSince === null || split.ended ? '' : `, idle since ${timeText(split.idleSince)}`;
  return `  ${split.id}: position ${whole(split.position)}, ${rest}, watermark ${watermarkText(split.watermark)}${idle}`;
}

function epochLine(epoch: EpochSummary): string {
  const staged = epoch.staged.reduce((sum, slot) => sum + slot.bytes, 0);
  const records = epoch.staged.reduce((sum, slot) => sum + slot.records, 0);
  const tries = epoch.attempts > 1 ? `, ${epoch.attempts} attempts` : '';
  return `  ${epoch.epoch}  ${timeText(epoch.committedAt)}  generation ${epoch.generation}${tries}  ${whole(epoch.counts['recordsIn'] ?? 0)} records in, ${whole(records)} out (${bytesText(staged)})`;
}

function timeText(ms: number): string {
  return watermarkText(ms);
}

function timer(ms: number | null): string {
  return ms === null ? 'none' : timeText(ms);
}

function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
