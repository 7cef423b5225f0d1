/** What a deployed job uses by the way it is deployed, where no epoch counts it, and what is cheapest there (docs/cost.md). Measured by test-local/aws/cost.test.ts. */
import { FOLD_LIMITS, type FoldLimits } from '../../checkpoint/fold-policy.ts';
import type { Consumption } from '../../model/consumption.ts';

/** ARCHITECTURE section 7: a tick a minute. */
export const TICKS_PER_HOUR = 60;
/** An execution is billed by 64 MB, which the payloads of a job's rounds do not exceed, and by 100 ms. */
export const EXPRESS_GB = 64 / 1024;
/** Of a standard execution: Run, Count, Decide, Sleep (infra/job-machine.ts). */
export const TRANSITIONS_PER_ROUND = 4;
/** Plan and manifest name every segment of the log: up to so many they are an item of 1 KB each. */
export const FOLD_LIMITS_IN_TABLE: FoldLimits = { ...FOLD_LIMITS, due: 16 };
/** The record of an epoch, and START, END and REPORT of Lambda's. */
export const LOG_BYTES_PER_INVOCATION = 1_600;

/** A tick that finds nothing to read: an execution with one invocation of 200 ms at 1 GB. */
export const IDLE_TICK: Consumption = {
  lambdaRequests: 1,
  lambdaGbSeconds: 0.2,
  expressRequests: 1,
  expressGbSeconds: EXPRESS_GB * 0.3,
  writeUnits: 5,
  readUnits: 6,
};
