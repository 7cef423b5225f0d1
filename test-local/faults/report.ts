/** What `npm run faults` prints. */
import type { FaultCase } from './fault-case.ts';
import { variantName } from './fault-cases.ts';
import type { Variant } from './fault-trial.ts';
import type { FaultResult } from './run-case.ts';

/** Checked after each case. */
export const OUTCOME =
  'topic (read_committed, by kafkajs) and table (by pg or mysql2) equal the oracle, row by row; no open transaction; ' +
  'the last stable offset at the end of each partition; markers and ledger at the job’s run; nothing left in the state folder';

export function resultLine(fault: FaultCase, variant: Variant, { problems, seconds, folder }: FaultResult): string {
  const checked = ['topic and table = oracle', 'no open transaction', 'LSO at the end', fault.checks];
  return [
    `${problems.length === 0 ? 'ok    ' : 'FAILED'} ${variantName(fault, variant).padEnd(40)} ${`${seconds.toFixed(1)} s`.padStart(8)}  ${fault.what}` +
      (problems.length === 0 ? `; checked: ${checked.filter((text) => text !== undefined).join(', ')}` : ''),
    ...problems.map((problem) => `         ${problem.replaceAll('\n', '\n         ')}`),
    ...(folder === null ? [] : [`         state, traces: ${folder}`]),
  ].join('\n');
}
