/** Lambda entry point: publishes slots of committed epochs of the job that is bundled with it. */
import { publisherHandler } from '../../engine/aws/index.ts';
import * as bundled from './job.ts';
import { jobOf } from './job-of.ts';

export const handler = publisherHandler(jobOf(bundled));
