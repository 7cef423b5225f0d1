/** `millrace state JOB`: what is stored of a job, wherever it is. Reads only; the job may be running. */
import { ConfigError } from '../model/errors.ts';
import { readJobState, type EpochSummary, type JobState } from '../runtime/job-state-reader.ts';
import { watermarkJson } from '../runtime/epoch-watermark.ts';
import { readBacklog, type Backlog } from './backlog.ts';
import type { CliIo } from './cli-io.ts';
import type { GivenCommand, JobPlace, PlaceOptions } from './job-place.ts';
import { withPlace } from './open-place.ts';
import { settingOverrides } from './job-settings.ts';
import { jobsThere, readJobSummary, type JobStatus, type JobSummary } from './job-summary.ts';
import { jobTarget } from './job-target.ts';
import { watermarkText, whole } from './progress.ts';
import { defaultStateDir } from './stored-state.ts';

export interface StateOptions extends PlaceOptions {
  readonly json?: boolean;
  readonly epochs: number;
  readonly set: readonly string[];
}

/** What somebody asked of the job, beside what is stored of it. */
export interface Doing {
  readonly status: JobStatus;
  readonly command: GivenCommand | null;
  readonly reason: string | null;
  /** Who holds it, in words; null: nobody. */
  readonly heldBy: string | null;
}

/** `target`: a job file, which also tells the backlog, or the name of a job. */
export async function stateCommand(target: string, options: StateOptions, io: CliIo): Promise<void> {
  const { name, job } = await jobTarget(target);
  await withPlace(name, options, io, async (place) => {
    const state = await readJobState(place.store, place.blobs, name, options.epochs);
    const summary = await readJobSummary(place, name);
    if (state === null || summary === null)
      throw new ConfigError(`there is no state of job "${name}" in ${place.where}. ${await jobsThere(place)}`);
    const graph = job?.instantiate(settingOverrides(job, options.set, io.env)).toJobGraph() ?? null;
    const stateDir = place.kind === 'deployed' ? null : (options.state ?? defaultStateDir(name));
    const backlog = graph === null ? null : await readBacklog(graph, state, stateDir);
    const doing = doingOf(place, summary);
    io.stdout.write(
      options.json === true
        ? `${JSON.stringify(stateJson(state, doing, backlog))}\n`
        : stateText(state, doing, backlog),
    );
  });
}

function doingOf(place: JobPlace, { status, command, reason, lease }: JobSummary): Doing {
  const heldBy = lease === null ? null : place.describeOwner(lease.owner);
  return { status, command, reason, heldBy };
}

export function stateJson(state: JobState, { status, command, reason }: Doing, backlog: Backlog | null): unknown {
  const { eventTime, processingTime } = state.nextTimers;
  const { job, ...stored } = state;
  return {
    job,
    status,
    command,
    reason,
    ...stored,
    watermarks: Object.fromEntries(Object.entries(state.watermarks).map(([stage, wm]) => [stage, watermarkJson(wm)])),
    splits: state.splits.map((split) => ({
      ...split,
      watermark: watermarkJson(split.watermark),
      backlog: backlog?.get(split.id) ?? (split.ended ? 0 : null),
    })),
    nextTimers: { eventTime, processingTime },
  };
}

export function stateText(
  state: JobState,
  { status, command, reason, heldBy }: Doing,
  backlog: Backlog | null,
): string {
  const lines = [
    `Job "${state.job}": ${titleOf(state, status)}`,
    `  run ${state.run}, epoch ${state.epoch}, generation ${state.generation}, clock ${timeText(state.clock)}`,
    `  ${heldBy === null ? 'nobody holds it' : `held by ${heldBy}`}${command === null ? '' : `; last command: ${command}${reason === null ? '' : ` (${reason})`}`}`,
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

function titleOf({ phase }: JobState, status: JobStatus): string {
  return phase === 'finished' || phase === 'cancelled' ? PHASE[phase] : `${status}, ${PHASE[phase]}`;
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
