/** The whole matrix. */
import { changedJobs } from './cases/changed-jobs.ts';
import { markers } from './cases/markers.ts';
import { processDeaths } from './cases/process-deaths.ts';
import { serverDeaths } from './cases/server-deaths.ts';
import { zombies } from './cases/zombies.ts';
import type { FaultCase } from './fault-case.ts';
import type { Variant } from './fault-trial.ts';

export const FAULT_CASES: readonly FaultCase[] = [
  ...processDeaths,
  ...serverDeaths,
  ...zombies,
  ...markers,
  ...changedJobs,
];

/** E.g. "after-commit/2-mariadb": workers and database; broker and client library where they are not the default. */
export const variantName = ({ name }: FaultCase, { workers, database, kafka, client }: Variant): string =>
  [`${name}/${workers}`, database, kafka, client].filter((part) => part !== undefined).join('-');
