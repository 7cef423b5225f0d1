/** The orders job as a module, for worker threads: the file cut into `splits` byte ranges. */
import { statSync } from 'node:fs';
import { defineJob } from '../../engine/index.ts';
import { buildOrders, type Variant } from './orders-job.ts';

export const job = defineJob({
  name: 'orders',
  config: { variant: 'closures', file: '', output: '', splits: 1 },
  build(env, { variant, file, output, splits }) {
    buildOrders(env, variant as Variant, file, output, splits === 1 ? null : Math.ceil(statSync(file).size / splits));
  },
});
