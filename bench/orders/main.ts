/** The orders benchmark: bare loop and three forms of the job, the cost of an empty epoch, and the time to the first result. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { VARIANTS } from './orders-job.ts';

type Line = Readonly<Record<string, unknown>>;

export function benchOrders(args: readonly string[]): void {
  const [file, flag, count] = args;
  const repeats = flag === '--repeats' ? Number(count) : 3;
  if (file === undefined || !existsSync(file) || !Number.isInteger(repeats) || repeats < 1) {
    process.stderr.write(`bench orders: ${file === undefined ? 'name a FILE of orders' : `no file ${file}, or bad --repeats`}\n`);
    process.exitCode = 2;
    return;
  }
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
  const child = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
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
