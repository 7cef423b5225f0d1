/** What a run has done, in numbers that add up. */
import type { JobExecutionResult } from '../api/executor.ts';
import { whole } from './progress.ts';

export interface Accounting {
  readonly job: string;
  readonly ending: JobExecutionResult['ending'];
  /** Of this run, not of the job. */
  readonly epochs: number;
  readonly durationMs: number;
  readonly recordsPerSecond: number;
  /** Sums since the job's first epoch. */
  readonly counts: Readonly<Record<string, number>>;
}

const PER_SINK = 'recordsOut:';

export function accountingText(run: Accounting): string {
  const { counts } = run;
  const count = (name: string): number => counts[name] ?? 0;
  const sinks = Object.entries(counts).filter(([name]) => name.startsWith(PER_SINK));
  const emitted = sinks.reduce((sum, [, n]) => sum + n, 0);
  const rows: (readonly [string, string])[] = [
    ['records read', whole(count('recordsIn'))],
    [
      'emitted',
      [whole(emitted), ...sinks.map(([name, n]) => `${name.slice(PER_SINK.length)} ${whole(n)}`)].join('  · '),
    ],
    ['re-fired', whole(count('refired'))],
    ['late', `${whole(count('late'))} to side outputs, ${whole(count('lateDropped'))} dropped`],
    ['dead-lettered', whole(count('deadLettered'))],
  ];
  if (run.epochs > 0) {
    rows.push(
      ['epochs', whole(run.epochs)],
      ['time', `${(run.durationMs / 1000).toFixed(2)} s, ${whole(run.recordsPerSecond)} records/s`],
    );
  }
  const title = {
    finished: `Job "${run.job}" has finished.`,
    cancelled: `Job "${run.job}" was cancelled. Until then:`,
    stopped: `Job "${run.job}" was interrupted; the same command goes on from here. So far:`,
    paused: `Job "${run.job}" is paused. \`millrace resume ${run.job}\` ends that; then the same command goes on from here. So far:`,
    'cancelled before': `Job "${run.job}" was cancelled before; \`--restore\` begins a new run on what it left. Its sums:`,
    'finished before': `Job "${run.job}" had finished before, nothing was left to do. Its sums:`,
  }[run.ending];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${[title, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join('\n')}\n`;
}
