/** What `npm run faults` prints. */
import type { FaultResult, FaultRun } from './fault-run.ts';

/** Checked after each case. */
export const OUTCOME =
  'topic (read_committed, by kafkajs) and table (by pg or mysql2) equal the oracle, row by row; no open transaction; ' +
  'the last stable offset at the end of each partition; markers and ledger at the job’s run; nothing left behind in its state';

export function resultLine({ name, what, checks }: FaultRun, { problems, seconds, folder }: FaultResult): string {
  const checked = ['topic and table = oracle', 'no open transaction', 'LSO at the end', checks];
  return [
    `${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name.padEnd(40)} ${`${seconds.toFixed(1)} s`.padStart(8)}  ${what}` +
      (problems.length === 0 ? `; checked: ${checked.filter((text) => text !== undefined).join(', ')}` : ''),
    ...problems.map((problem) => `         ${problem.replaceAll('\n', '\n         ')}`),
    ...(folder === null ? [] : [`         state, traces: ${folder}`]),
  ].join('\n');
}
