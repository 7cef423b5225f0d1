/** The matrix of a deployed job. */
import { runTrial, type FaultRun } from '../fault-run.ts';
import type { AwsFaultCase } from './aws-case.ts';
import { AwsTrial, type AwsVariant } from './aws-trial.ts';
import { cloudDeaths } from './cases/cloud-deaths.ts';
import { invocationDeaths } from './cases/invocation-deaths.ts';
import { lateRequests } from './cases/late-requests.ts';
import { refusedRequests } from './cases/refused-requests.ts';

const CASES: readonly AwsFaultCase[] = [...invocationDeaths, ...refusedRequests, ...lateRequests, ...cloudDeaths];

/** E.g. "late-commit/fused-postgres"; the state's backend where it is not the table. */
const variantName = ({ name }: AwsFaultCase, { mode, database, backend }: AwsVariant): string =>
  [`${name}/${mode}`, database, backend].filter((part) => part !== undefined).join('-');

export const AWS_FAULTS: readonly FaultRun[] = CASES.flatMap((fault) =>
  fault.variants.map((variant, i) => ({
    name: variantName(fault, variant),
    what: fault.what,
    checks: fault.checks,
    isQuick: fault.isQuick === true && i === 0,
    run: async (servers) =>
      await runTrial(
        async () => await AwsTrial.begin(servers, variant, fault.needs ?? {}),
        async (trial) => {
          await fault.run(trial);
          return await trial.wrong();
        },
      ),
  })),
);
