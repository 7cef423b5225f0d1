/** The same job under another name. */
import { jobOnTrial } from './job-on-trial.ts';

export const job = jobOnTrial('rival');
