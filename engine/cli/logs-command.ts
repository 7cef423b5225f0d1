/** `millrace logs JOB`: what a job's runs have said: notices, errors, a line an epoch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../model/errors.ts';
import type { CliIo } from './cli-io.ts';
import type { PlaceOptions } from './job-place.ts';
import { stackOf, withPlace } from './open-place.ts';
import { jobsThere } from './job-summary.ts';
import { jobTarget } from './job-target.ts';
import { logText, type LogRecord } from './log-record.ts';
import { FileLogTail, type LogTail } from './log-tail.ts';
import { parseSince } from './since.ts';
import { defaultStateDir } from './stored-state.ts';

export interface LogsOptions extends PlaceOptions {
  readonly follow?: boolean;
  readonly limit: number;
  readonly since?: string;
  readonly json?: boolean;
}

const FILE_EVERY_MS = 300;
/** CloudWatch Logs answers a few such requests a second in all. */
const CLOUD_EVERY_MS = 3_000;
/** Of a deployed job, whose logs may be long. */
const DEFAULT_SINCE = '1h';

export async function logsCommand(target: string, options: LogsOptions, io: CliIo): Promise<void> {
  const { name } = await jobTarget(target);
  const stack = stackOf(options, io.env);
  const since = options.since ?? (stack === null ? null : DEFAULT_SINCE);
  const sinceMs = since === null ? -Infinity : parseSince(since, Date.now());
  const tail = stack === null ? fileTail(name, options) : await cloudTail(stack, name, sinceMs, options);
  const enough = new AbortController();
  const stopListening = options.follow === true ? io.onInterrupt(() => enough.abort()) : () => undefined;
  try {
    const first = await tail.next();
    if (first === null && options.follow !== true) throw await nothingThere(name, options, io);
    const recent = (first ?? []).filter(({ time }) => time >= sinceMs);
    print(recent.slice(-options.limit), options, io);
    while (options.follow === true && !enough.signal.aborted) {
      const everyMs = stack === null ? FILE_EVERY_MS : CLOUD_EVERY_MS;
      await sleep(everyMs, undefined, { signal: enough.signal }).catch(() => undefined);
      print((await tail.next()) ?? [], options, io);
    }
  } finally {
    stopListening();
    tail.close();
  }
}

function fileTail(job: string, { state }: LogsOptions): LogTail {
  return new FileLogTail(state ?? defaultStateDir(job), job);
}

async function cloudTail(stack: string, job: string, sinceMs: number, { limit }: LogsOptions): Promise<LogTail> {
  const [{ CloudWatchTail }, { requireRegion }] = await Promise.all([
    import('./aws/cloudwatch-tail.ts'),
    import('./aws/require-region.ts'),
  ]);
  await requireRegion();
  return new CloudWatchTail(stack, job, sinceMs, limit);
}

async function nothingThere(job: string, options: LogsOptions, io: CliIo): Promise<ConfigError> {
  return await withPlace(job, options, io, async (place) => {
    const there = (await place.store.listJobs()).includes(job)
      ? 'None of its runs has written any'
      : await jobsThere(place);
    return new ConfigError(`there are no logs of job "${job}" in ${place.where}. ${there}`);
  });
}

function print(records: readonly LogRecord[], { json }: LogsOptions, io: CliIo): void {
  for (const record of records) io.stdout.write(json === true ? `${JSON.stringify(record.line)}\n` : logText(record));
}
