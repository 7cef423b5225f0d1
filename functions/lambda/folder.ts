/** Lambda entry point: folds the state of the job that is bundled with it. */
import { folderHandler } from '../../engine/aws/index.ts';
import * as bundled from './job.ts';
import { jobOf } from './job-of.ts';

export const handler = folderHandler(jobOf(bundled));
