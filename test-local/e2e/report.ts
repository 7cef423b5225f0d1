/** What `npm run e2e` prints of a mode, and whether all is right. */
import type { DeployedRun } from './deployed-run.ts';
import type { Comparison } from './results.ts';

export interface ModeReport {
  readonly mode: string;
  readonly run: DeployedRun;
  readonly flights: number;
  readonly comparisons: readonly Comparison[];
  readonly cost: string;
  /** Null: it was left for looking at. */
  readonly leftovers: readonly string[] | null;
}

const SHOWN = 5;

/** Empty: all is right. */
export function problemsOf({ run, flights, comparisons, leftovers }: ModeReport): readonly string[] {
  return [
    ...(run.status === 'finished' ? [] : [`the job is not finished: ${run.status}`]),
    ...(run.recordsIn === flights ? [] : [`${run.recordsIn} records were read, of ${flights}`]),
    ...comparisons.flatMap(({ what, differences }) => differences.map((difference) => `${what}: ${difference}`)),
    ...run.orphans.map((orphan) => `orphaned: ${orphan}`),
    ...(leftovers ?? []).map((left) => `left after the stack was destroyed: ${left}`),
  ];
}

export function reportText(report: ModeReport): string {
  const { mode, run, comparisons, cost, leftovers } = report;
  const problems = problemsOf(report);
  const invoked = Object.entries(run.invocations).map(([entry, n]) => `${n} × ${entry}`);
  const kept = `stack ${run.stack} is kept`;
  return [
    `${mode}: ${problems.length === 0 ? 'equal to the embedded run' : `${problems.length} PROBLEMS`}`,
    `  records      ${run.recordsIn.toLocaleString('en-US')} in ${run.epochs} epochs`,
    `  durations    deployed in ${run.deploySeconds.toFixed(1)} s, ran for ${run.runSeconds.toFixed(1)} s`,
    `  invocations  ${invoked.join(', ')}${run.failedTasks.length === 0 ? '' : `; ${run.failedTasks.length} failed`}`,
    ...comparisons.map(
      ({ what, rows, differences }) =>
        `  ${what.padEnd(21)}${String(rows).padStart(6)} rows, ${differences.length === 0 ? 'equal' : `${differences.length} differences`}`,
    ),
    `  in the table and the bucket ${run.orphans.length} orphans; ${leftovers === null ? kept : `after the stack was destroyed ${leftovers.length} leftovers`}`,
    ...problems.slice(0, SHOWN).map((problem) => `  ! ${problem}`),
    ...(problems.length > SHOWN ? [`  ! … ${problems.length} in all`] : []),
    ...run.failedTasks.slice(0, SHOWN).map((failure) => `  failed task  ${failure.slice(0, 300)}`),
    '',
    indented(cost),
  ].join('\n');
}

const indented = (text: string): string => text.trimEnd().replaceAll(/^(?=.)/gm, '    ');
