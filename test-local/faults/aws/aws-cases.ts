/** The matrix of a deployed job. */
import { runTrial, type FaultRun } from '../fault-run.ts';
import type { AwsFaultCase } from './aws-case.ts';
import { AwsTrial } from './aws-trial.ts';
import { invocationDeaths } from './cases/invocation-deaths.ts';
import { lateRequests } from './cases/late-requests.ts';
import { refusedRequests } from './cases/refused-requests.ts';

const CASES: readonly AwsFaultCase[] = [...invocationDeaths, ...refusedRequests, ...lateRequests];

export const AWS_FAULTS: readonly FaultRun[] = CASES.flatMap((fault) =>
  fault.variants.map((variant, i) => ({
    name: `${fault.name}/${variant.mode}-${variant.database}`,
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
