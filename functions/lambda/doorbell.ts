/** Lambda entry point: wakes the job when its topics have new records. */
import { doorbellHandler } from '../../engine/aws/index.ts';

export const handler = doorbellHandler();
