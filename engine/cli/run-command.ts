/** `millrace run JOB`: embedded in this process until the input ends, with progress, the job's report, and an accounting. */
import type { JobExecutionResult } from '../api/executor.ts';
import type { JobModule } from '../api/define-job.ts';
import type { Manifest } from '../checkpoint/records.ts';
import { runEmbedded } from '../embedded/executor.ts';
import { MIN_WATERMARK } from '../model/watermark.ts';
import { accountingText, type Accounting } from './accounting.ts';
import type { CliIo } from './cli-io.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { settingOverrides, settingsOf } from './job-settings.ts';
import { loadJob } from './load-job.ts';
import { Progress, watermarkJson } from './progress.ts';
import { defaultStateDir } from './state-command.ts';

export interface RunOptions {
  readonly state?: string;
  readonly parallelism?: number;
  readonly epochsMs?: number;
  readonly restore?: boolean;
  readonly json?: boolean;
  readonly set: readonly string[];
}

export async function runCommand(file: string, options: RunOptions, io: CliIo): Promise<ExitCode> {
  const { job, report } = await loadJob(file);
  const overrides = settingOverrides(job, options.set, io.env);
  const { result, accounting } = await execute(job, overrides, options, io);
  if (options.json === true) {
    io.stdout.write(`${JSON.stringify({ type: 'result', ...accounting })}\n`);
  } else {
    if (report !== null && accounting.ending !== 'interrupted') {
      io.stdout.write(`\n${await report(result, settingsOf(job, overrides))}\n`);
    }
    io.stdout.write(accountingText(accounting));
  }
  return accounting.ending === 'interrupted' ? EXIT.interrupted : EXIT.ok;
}

async function execute(
  job: JobModule,
  overrides: Readonly<Record<string, string>>,
  options: RunOptions,
  io: CliIo,
): Promise<{ result: JobExecutionResult; accounting: Accounting }> {
  const env = job.instantiate(overrides);
  if (options.parallelism !== undefined) env.setParallelism(options.parallelism);
  if (options.epochsMs !== undefined) env.enableCheckpointing(options.epochsMs);
  const progress = new Progress(io.stderr, () => io.nowMs());
  const interrupt = new AbortController();
  const stopListening = io.onInterrupt(() => {
    interrupt.abort();
    progress.notice('Interrupted: the epoch in work is brought to its end. Once more ends the process at once.');
  });
  const startedMs = io.nowMs();
  let recordsRead = 0;
  let ended = false;
  const rate = (): number => (1000 * recordsRead) / Math.max(1, io.nowMs() - startedMs);
  try {
    const result = await runEmbedded(env.toJobGraph(), env.settings(), {
      stateDir: options.state ?? defaultStateDir(job.name),
      restore: options.restore === true,
      signal: interrupt.signal,
      onNotice: (text) => progress.notice(text),
      onEpoch: ({ manifest }) => {
        recordsRead += manifest.counts['recordsIn'] ?? 0;
        ended = manifest.ended;
        if (options.json === true) io.stdout.write(`${JSON.stringify(epochJson(manifest))}\n`);
        else progress.show({ job: job.name, epoch: manifest.epoch, records: manifest.totals['recordsIn'] ?? 0, recordsPerSecond: rate(), watermark: watermarkOf(manifest), fraction: null });
      },
    });
    const ending = result.epochs === 0 ? 'finished before' : interrupt.signal.aborted && !ended ? 'interrupted' : 'finished';
    return {
      result,
      accounting: { job: job.name, ending, epochs: result.epochs, durationMs: Math.round(result.durationMs), recordsPerSecond: Math.round(rate()), counts: result.counts },
    };
  } finally {
    stopListening();
    progress.end();
  }
}

function epochJson(manifest: Manifest): unknown {
  const { job, epoch, generation, attempts, counts, totals, watermarks, keys, ended } = manifest;
  const shown = Object.fromEntries(Object.entries(watermarks).map(([stage, watermark]) => [stage, watermarkJson(watermark)]));
  return { type: 'epoch', job, epoch, generation, attempts, counts, totals, watermarks: shown, keys, ended };
}

/** That of the stage furthest behind; of the splits in a job without keyed stages. */
function watermarkOf(manifest: Manifest): number {
  const stages = Object.values(manifest.watermarks);
  const all = stages.length > 0 ? stages : manifest.ranges.map((range) => range.state.watermark);
  return all.length === 0 ? MIN_WATERMARK : Math.min(...all);
}
