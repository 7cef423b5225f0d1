/** The matrix of a job in processes of its own, embedded. */
import { changedJobs } from './cases/changed-jobs.ts';
import { markers } from './cases/markers.ts';
import { processDeaths } from './cases/process-deaths.ts';
import { serverDeaths } from './cases/server-deaths.ts';
import { zombies } from './cases/zombies.ts';
import type { FaultCase } from './fault-case.ts';
import { runTrial, type FaultRun } from './fault-run.ts';
import { FaultTrial, type Variant } from './fault-trial.ts';

const CASES: readonly FaultCase[] = [...processDeaths, ...serverDeaths, ...zombies, ...markers, ...changedJobs];

/** E.g. "after-commit/2-mariadb": workers and database; broker and client library where they are not the default. */
const variantName = ({ name }: FaultCase, { workers, database, kafka, client }: Variant): string =>
  [`${name}/${workers}`, database, kafka, client].filter((part) => part !== undefined).join('-');

export const PROCESS_FAULTS: readonly FaultRun[] = CASES.flatMap((fault) =>
  fault.variants.map((variant, i) => ({
    name: variantName(fault, variant),
    what: fault.what,
    checks: fault.checks,
    isQuick: fault.isQuick === true && i === 0,
    run: async (servers) =>
      await runTrial(
        async () => await FaultTrial.begin(servers, variant, fault.needs ?? {}),
        async (trial) => await trial.wrong((await fault.run(trial)) ?? trial.folder),
      ),
  })),
);
