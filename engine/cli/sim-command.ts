/** `millrace sim JOB`: the simulator's faults on the user's own job. Exit code 1: something differed. */
import { simulateJob } from '../testing/job-sim/simulate-job.ts';
import type { CliIo } from './cli-io.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { settingOverrides } from './job-settings.ts';
import { loadJob } from './load-job.ts';

export interface SimOptions {
  readonly seeds?: number;
  readonly seed?: number;
  readonly anyCut?: boolean;
  readonly set: readonly string[];
}

export async function simCommand(file: string, options: SimOptions, io: CliIo): Promise<ExitCode> {
  const { job } = await loadJob(file);
  const { seed, anyCut = false } = options;
  const report = await simulateJob(job, {
    anyCut,
    config: settingOverrides(job, options.set, io.env),
    ...(seed === undefined ? {} : { seed }),
    seeds: options.seeds ?? (seed === undefined ? 100 : 1),
  });
  for (const { seed: failed, text } of report.failures) {
    io.stdout.write(
      `seed ${failed} FAILED: ${text}\n  again: millrace sim ${file} --seed ${failed}${anyCut ? ' --any-cut' : ''}\n`,
    );
  }
  const { seeds, epochs, deaths, rowsOut, failures } = report;
  const sums = [counted(epochs, 'epoch'), counted(deaths, 'death'), `${counted(rowsOut, 'row')} out`];
  io.stdout.write(`${counted(seeds, 'seed')}: ${sums.join(', ')}; ${failures.length} failed\n`);
  return failures.length === 0 ? EXIT.ok : EXIT.failed;
}

function counted(n: number, what: string): string {
  return n === 1 ? `1 ${what}` : `${n} ${what}s`;
}
