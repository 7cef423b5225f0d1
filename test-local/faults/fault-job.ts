/** The job that faults happen to (`job-on-trial.ts`), under its own name. */
import { jobOnTrial } from './job-on-trial.ts';

export const job = jobOnTrial('faults');
