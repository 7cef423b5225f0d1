/**
 * One run of one variant in a process of its own; prints one JSON line. Arguments: variant, file, whether other jobs run first, workers.
 * The clock runs from the start of the job to its end. What a thread does before, loading the engine and running other jobs, is not
 * counted, in one thread or in several; what it takes to start the workers is `startMs`. The file is in the page cache.
 */
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runEmbedded, startWorkers, type EmbeddedOptions } from '../../engine/embedded/executor.ts';
import { bareLoop } from './bare-loop.ts';
import { Checksum } from './checksum.ts';
import { VARIANTS, type Variant } from './orders-job.ts';
import { job } from './orders-module.ts';
import { otherJobs } from './other-jobs.ts';

const [variant, file, pollute, parallelism] = process.argv.slice(2) as [
  Variant | 'bare',
  string,
  string,
  string | undefined,
];
const workers = Number(parallelism ?? 1);
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
if (pollute === 'after-other-jobs') await otherJobs();
for await (const _ of createReadStream(file, { highWaterMark: 1 << 20 }));
let startedCpu = process.cpuUsage();
let started = performance.now();
let extra: { rows: number; startMs?: number; epochs?: number; longestPauseMs?: number; checksum?: string } = {
  rows: 0,
};
if (variant === 'bare') extra = bareLoop(file);
else if (VARIANTS.includes(variant)) {
  const overrides = { variant, file, output: join(folder, 'out'), splits: String(workers) };
  const env = job.instantiate(overrides).setParallelism(workers);
  const graph = env.toJobGraph();
  const settings = { ...env.settings(), stateDir: join(folder, 'state') };
  let options: EmbeddedOptions = {};
  let startMs = 0;
  if (workers > 1) {
    const jobUrl = new URL('orders-module.ts', import.meta.url).href;
    const asked = performance.now();
    await (await startWorkers(graph, settings, workers, { jobUrl, overrides })).close();
    startMs = Math.round(performance.now() - asked);
    const module = { jobUrl: pollute === 'after-other-jobs' ? `${jobUrl}?${pollute}` : jobUrl, overrides };
    const pool = await startWorkers(graph, settings, workers, module);
    options = { fanOut: { mode: 'fanned-out', workers, module: { ...module, pool } } };
  }
  startedCpu = process.cpuUsage();
  started = performance.now();
  const result = await runEmbedded(graph, settings, options);
  extra = {
    startMs,
    rows: result.counts['recordsIn'] ?? 0,
    epochs: result.epochs,
    longestPauseMs: Math.round(result.longestPauseMs),
  };
}
const cpu = process.cpuUsage(startedCpu);
const seconds = (performance.now() - started) / 1000;
const cpuSeconds = (cpu.user + cpu.system) / 1e6;
const peakRssMb = Math.round(process.resourceUsage().maxRSS / 1024);
if (variant !== 'bare') extra.checksum = outputOf(join(folder, 'out'));
rmSync(folder, { recursive: true, force: true });
const { rows } = extra;
process.stdout.write(
  `${JSON.stringify({ bench: 'orders', variant, parallelism: workers, ...extra, rowsPerSecond: Math.round(rows / seconds), rowsPerCpuSecond: Math.round(rows / cpuSeconds), seconds: +seconds.toFixed(2), cpuSeconds: +cpuSeconds.toFixed(2), peakRssMb })}\n`,
);

function outputOf(out: string): string {
  const checksum = new Checksum();
  for (const name of readdirSync(out))
    for (const line of readFileSync(join(out, name), 'utf8').split('\n')) if (line !== '') checksum.add(line);
  return checksum.text();
}
