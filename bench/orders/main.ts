/** The orders benchmark: bare loop and three forms of the job, the cost of an empty epoch, and the time to the first result. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VARIANTS } from './orders-job.ts';

type Line = Readonly<Record<string, unknown>>;

export function benchOrders(args: readonly string[]): void {
  const { values: options, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { repeats: { type: 'string', default: '3' }, parallelism: { type: 'string', default: '1' } },
  });
  const [file] = positionals;
  const repeats = Number(options.repeats);
  const workers = Number(options.parallelism);
  const whole = [repeats, workers].every((n) => Number.isInteger(n) && n >= 1);
  if (file === undefined || !existsSync(file) || !whole) {
    const what =
      file === undefined
        ? 'name a FILE of orders'
        : whole
          ? `no file ${file}`
          : '--repeats and --parallelism are whole numbers';
    process.stderr.write(`bench orders: ${what}\n`);
    process.exitCode = 2;
    return;
  }
  if (workers === 1) againstBareLoop(file, repeats);
  else againstOneWorker(file, repeats, workers);
}

/**
 * Each variant on one worker and on several, in turns; the file is cut into as many splits as there are workers. `speedup` compares what
 * child.ts measures, from the start of the job to its end; `speedupWithStart` counts the start of the worker threads as well.
 */
function againstOneWorker(file: string, repeats: number, workers: number): void {
  const runs: Line[] = [];
  for (let i = 0; i < repeats; i++) {
    for (const variant of VARIANTS)
      for (const n of [1, workers]) runs.push(run('child.ts', [variant, file, 'after-other-jobs', String(n)]));
  }
  for (const variant of VARIANTS) {
    const of = (n: number, field: string): number =>
      median(
        runs.filter((line) => line['parallelism'] === n),
        variant,
        field,
      );
    const checksums = new Set(runs.filter((line) => line['variant'] === variant).map((line) => line['checksum']));
    const speedup = of(workers, 'rowsPerSecond') / of(1, 'rowsPerSecond');
    const ofStart = of(workers, 'seconds') / (of(workers, 'seconds') + of(workers, 'startMs') / 1000);
    if (checksums.size !== 1) process.exitCode = 1;
    print({
      bench: 'orders-parallel-summary',
      variant,
      parallelism: workers,
      speedup: +speedup.toFixed(2),
      speedupWithStart: +(speedup * ofStart).toFixed(2),
      rowsPerSecond: of(workers, 'rowsPerSecond'),
      rowsPerSecondOfOne: of(1, 'rowsPerSecond'),
      rowsPerCpuSecond: of(workers, 'rowsPerCpuSecond'),
      peakRssMb: Math.max(...values(runs, variant, 'peakRssMb')),
      sameOutput: checksums.size === 1,
    });
  }
}

function againstBareLoop(file: string, repeats: number): void {
  const runs: Line[] = [];
  for (let i = 0; i < repeats; i++) {
    for (const variant of ['bare', ...VARIANTS]) runs.push(run('child.ts', [variant, file, 'after-other-jobs']));
  }
  const empty = run('empty-epoch.ts', []);
  const first = run('first-result.mjs', []);
  const checksums = new Set(runs.map((line) => line['checksum']));
  const bare = median(runs, 'bare', 'rowsPerCpuSecond');
  for (const variant of VARIANTS) {
    const rowsPerCpuSecond = median(runs, variant, 'rowsPerCpuSecond');
    print({
      bench: 'orders-summary',
      variant,
      ratioToBareLoop: +(rowsPerCpuSecond / bare).toFixed(2),
      rowsPerSecond: median(runs, variant, 'rowsPerSecond'),
      rowsPerCpuSecond,
      bareRowsPerCpuSecond: bare,
      peakRssMb: Math.max(...values(runs, variant, 'peakRssMb')),
      longestPauseMs: Math.max(...values(runs, variant, 'longestPauseMs')),
      emptyEpochCpuMs: empty['emptyEpochCpuMs'],
      firstResultMs: first['firstResultMs'],
      sameOutputAsBareLoop: checksums.size === 1,
    });
  }
  if (checksums.size !== 1) process.exitCode = 1;
}

function run(script: string, args: readonly string[]): Line {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawnSync(process.execPath, [path, ...args], {
    encoding: 'utf8',
    // The engine's sources are TypeScript here: without the cache every thread of every run would strip the types again.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), 'millrace-bench-compiled') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.status !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${child.status ?? child.signal}`);
  const line = JSON.parse(child.stdout) as Line;
  print(line);
  return line;
}

function values(runs: readonly Line[], variant: string, field: string): number[] {
  return runs.filter((line) => line['variant'] === variant).map((line) => line[field] as number);
}

function median(runs: readonly Line[], variant: string, field: string): number {
  const sorted = values(runs, variant, field).sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function print(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
