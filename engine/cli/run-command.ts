/** `millrace run JOB`: embedded in this process until the input ends, with progress, the job's report, and an accounting. */
import type { JobModule } from '../api/define-job.ts';
import type { Manifest } from '../checkpoint/records.ts';
import { runEmbedded } from '../embedded/executor.ts';
import type { EpochMode } from '../model/epoch-mode.ts';
import { epochWatermark, watermarkJson } from '../runtime/epoch-watermark.ts';
import { accountingText, type Accounting } from './accounting.ts';
import type { CliIo } from './cli-io.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { fractionRead, inputSize } from './input-size.ts';
import { settingOverrides } from './job-settings.ts';
import { loadJob } from './load-job.ts';
import { Progress, type ProgressFacts } from './progress.ts';
import { defaultStateDir, storedTotals } from './stored-state.ts';

export interface RunOptions {
  readonly state?: string;
  readonly parallelism?: number;
  readonly epochsMs?: number;
  readonly epochMode?: EpochMode;
  readonly restore?: boolean;
  readonly json?: boolean;
  readonly set: readonly string[];
}

export async function runCommand(file: string, options: RunOptions, io: CliIo): Promise<ExitCode> {
  const { job, report, url } = await loadJob(file);
  const overrides = settingOverrides(job, options.set, io.env);
  const accounting = await execute(job, url, overrides, options, io);
  if (options.json === true) {
    io.stdout.write(`${JSON.stringify({ type: 'result', ...accounting })}\n`);
  } else {
    const finished = accounting.ending === 'finished' || accounting.ending === 'finished before';
    if (report !== null && finished) io.stdout.write(`\n${await report(accounting, job.resolve(overrides))}\n`);
    io.stdout.write(accountingText(accounting));
  }
  return accounting.ending === 'stopped' ? EXIT.interrupted : EXIT.ok;
}

async function execute(
  job: JobModule,
  jobUrl: string,
  overrides: Readonly<Record<string, string>>,
  options: RunOptions,
  io: CliIo,
): Promise<Accounting> {
  const env = job.instantiate(overrides);
  if (options.parallelism !== undefined) env.setParallelism(options.parallelism);
  if (options.epochsMs !== undefined) env.enableCheckpointing(options.epochsMs);
  const stateDir = options.state ?? defaultStateDir(job.name);
  const progress = new Progress(io.stderr, () => io.nowMs());
  const stop = new AbortController();
  const stopListening = io.onInterrupt(() => {
    stop.abort();
    progress.notice('Interrupted: the epoch in work is brought to its end. Once more ends the process at once.');
  });
  const graph = env.toJobGraph();
  const size = options.json === true ? null : await inputSize(graph);
  const startedMs = io.nowMs();
  let recordsRead = 0;
  const rate = (): number => Math.round((1000 * recordsRead) / Math.max(1, io.nowMs() - startedMs));
  try {
    const { ending, epochs, durationMs, counts } = await runEmbedded(
      graph,
      { ...env.settings(), stateDir },
      {
        restore: options.restore === true,
        fanOut: {
          mode: options.epochMode ?? env.settings().epochMode,
          workers: graph.parallelism,
          module: { jobUrl, overrides },
        },
        stop: stop.signal,
        onNotice: (text, data) => progress.notice(noticeText(text, data)),
        onEpoch: (manifest) => {
          recordsRead += manifest.counts['recordsIn'] ?? 0;
          if (options.json === true) io.stdout.write(`${JSON.stringify(epochJson(manifest))}\n`);
          else progress.show(progressOf(manifest, rate(), fractionRead(size, manifest.ranges)));
        },
      },
    );
    return {
      job: job.name,
      ending,
      epochs,
      durationMs: Math.round(durationMs),
      recordsPerSecond: rate(),
      counts: epochs > 0 ? counts : await storedTotals(stateDir, job.name),
    };
  } finally {
    stopListening();
    progress.end();
  }
}

function progressOf(manifest: Manifest, recordsPerSecond: number, fraction: number | null): ProgressFacts {
  const { job, epoch, totals } = manifest;
  return {
    job,
    epoch,
    records: totals['recordsIn'] ?? 0,
    recordsPerSecond,
    watermark: epochWatermark(manifest),
    fraction,
  };
}

/** E.g. "re-planned the epoch (reason: input is gone)". */
function noticeText(text: string, data: Readonly<Record<string, unknown>>): string {
  const facts = Object.entries(data).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return facts.length === 0 ? text : `${text} (${facts.join(', ')})`;
}

function epochJson(manifest: Manifest): unknown {
  const { job, epoch, generation, attempts, counts, totals, watermarks, keys, ended } = manifest;
  const shown = Object.fromEntries(
    Object.entries(watermarks).map(([stage, watermark]) => [stage, watermarkJson(watermark)]),
  );
  return { type: 'epoch', job, epoch, generation, attempts, counts, totals, watermarks: shown, keys, ended };
}
