/** How a job is doing, in few reads: what its head and the last epoch's manifest say, and the last command that somebody gave. */
import type { HeadPhase, Lease } from '../checkpoint/records.ts';
import { ConfigError } from '../model/errors.ts';
import { lastCommand, type CommandKind } from '../runtime/job-commands.ts';
import { readHead, readManifestChain } from '../runtime/job-records.ts';
import type { GivenCommand, JobPlace } from './job-place.ts';

export type JobStatus =
  | 'running'
  /** A command is given; whoever has the job will obey. */
  | 'pausing'
  | 'cancelling'
  | 'paused'
  /** Embedded: no process runs it; the same `run` goes on. */
  | 'stopped'
  /** Deployed: between two invocations. */
  | 'waiting'
  | 'finished'
  | 'cancelled';

export interface JobSummary {
  readonly job: string;
  readonly status: JobStatus;
  readonly phase: HeadPhase['kind'];
  readonly run: string;
  readonly epoch: number;
  readonly generation: number;
  /** Of the last epoch; null: there is none, or its record is not kept. */
  readonly committedAt: number | null;
  readonly lease: Lease | null;
  /** The last one; null: there was none. */
  readonly command: GivenCommand | null;
  /** Why it was given: a deployed job that failed for good pauses itself. */
  readonly reason: string | null;
}

/** Null: there is no such job. */
export async function readJobSummary(place: JobPlace, job: string): Promise<JobSummary | null> {
  const { store } = place;
  const found = await readHead(store, job);
  if (found === null) return null;
  const { head } = found;
  const [[last], command] = await Promise.all([readManifestChain(store, head, 1), lastCommand(store, job)]);
  return {
    job,
    status: statusOf(place, head.phase.kind, head.lease, command?.kind ?? null),
    phase: head.phase.kind,
    run: head.run,
    epoch: head.epoch,
    generation: head.generation,
    committedAt: last?.manifest.committedAt ?? null,
    lease: head.lease,
    command: command === null ? null : GIVEN[command.kind],
    reason: command?.reason ?? null,
  };
}

/** Of a job that there has to be. */
export async function summaryOf(place: JobPlace, job: string, what: string): Promise<JobSummary> {
  const summary = await readJobSummary(place, job);
  if (summary !== null) return summary;
  throw new ConfigError(`there is no job "${job}" in ${place.where}: ${what}. ${await jobsThere(place)}`);
}

export async function jobsThere({ store, kind }: JobPlace): Promise<string> {
  const known = await store.listJobs();
  const there = known.length === 0 ? 'It holds no job' : `It holds: ${known.join(', ')}`;
  return `${there}; ${kind === 'embedded' ? 'give another folder with --state' : 'give another stack with --aws'}, or run the job first.`;
}

const GIVEN: Readonly<Record<CommandKind, GivenCommand>> = { stop: 'pause', start: 'resume', cancel: 'cancel' };

function statusOf(
  place: JobPlace,
  phase: HeadPhase['kind'],
  lease: Lease | null,
  command: CommandKind | null,
): JobStatus {
  if (phase === 'finished' || phase === 'cancelled') return phase;
  const isHeld = lease !== null && place.ownerState(lease.owner) !== 'dead';
  if (command === 'cancel') return 'cancelling';
  if (command === 'stop') return isHeld ? 'pausing' : 'paused';
  if (isHeld) return 'running';
  return place.kind === 'embedded' ? 'stopped' : 'waiting';
}
