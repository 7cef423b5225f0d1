/** Lambda entry point: runs the epochs of the job that is bundled with it. */
import { coordinatorHandler } from '../../engine/aws/index.ts';
import * as bundled from './job.ts';
import { jobOf } from './job-of.ts';

export const handler = coordinatorHandler(jobOf(bundled));
