/** What is wrong with topic, table and state at the end of a job; the same for every case, wherever the job ran. */
import { differences, multisetOf } from '../stored-rows.ts';
import { expectedTotals } from './job-input.ts';
import type { TargetDatabase } from './target-database.ts';
import type { TargetTopics } from './target-topics.ts';

/** Where the job stands by its own records. */
export interface Standpoint {
  readonly run: string;
  readonly epoch: number;
  readonly phase: string;
  /** What its head does not lead to. */
  readonly left: readonly string[];
}

const SHOWN = 5;

export async function targetProblems(
  topics: TargetTopics,
  tables: TargetDatabase,
  { run, epoch, phase, left }: Standpoint,
): Promise<readonly string[]> {
  const expected = multisetOf(expectedTotals());
  const behind = (what: string, marks: readonly { slot: number; run: string; epoch: number }[]): string[] => [
    ...(marks.length === 0 ? [`${what}: there is none`] : []),
    ...marks
      .filter((mark) => mark.run !== run || mark.epoch > epoch)
      .map((mark) => `${what} of slot ${mark.slot} is at run ${mark.run}, epoch ${mark.epoch}; the job at run ${run}`),
  ];
  const found: [what: string, problems: readonly string[]][] = [
    ['open transaction', await topics.openTransactions()],
    ['last stable offset', await topics.unstable()],
    ['topic', differences(expected, multisetOf(await topics.totals()))],
    ['table', differences(expected, multisetOf(await tables.totals()))],
    ['markers', behind('marker', await topics.markers())],
    ['ledger', behind('row', await tables.ledgerRows())],
    ['phase', phase === 'finished' ? [] : [`the job is ${phase}, not finished`]],
    ['left behind', left],
  ];
  return found.flatMap(([what, problems]) => [
    ...problems.slice(0, SHOWN).map((problem) => `${what}: ${problem}`),
    ...(problems.length > SHOWN ? [`${what}: … ${problems.length} in all`] : []),
  ]);
}
