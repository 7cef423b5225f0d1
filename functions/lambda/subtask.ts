/** Lambda entry point: runs one subtask of a stage of the job that is bundled with it. */
import { subtaskHandler } from '../../engine/aws/index.ts';
import * as bundled from './job.ts';
import { jobOf } from './job-of.ts';

export const handler = subtaskHandler(jobOf(bundled));
