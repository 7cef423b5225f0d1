/**
 * The orders job as a module, for worker threads: the file cut into `splits` byte ranges. Loaded as '…?after-other-jobs', the thread has
 * run other jobs before, like the process of one worker (child.ts).
 */
import { statSync } from 'node:fs';
import { defineJob } from '../../engine/index.ts';
import { buildOrders, type Variant } from './orders-job.ts';
import { otherJobs } from './other-jobs.ts';

if (import.meta.url.endsWith('?after-other-jobs')) await otherJobs();

export const job = defineJob({
  name: 'orders',
  config: { variant: 'closures', file: '', output: '', splits: 1 },
  build(env, { variant, file, output, splits }) {
    buildOrders(env, variant as Variant, file, output, splits === 1 ? null : Math.ceil(statSync(file).size / splits));
  },
});
