/** Lambda entry point: commands to the jobs of a table, and their state. */
import { controlHandler } from '../../engine/aws/index.ts';

export const handler = controlHandler();
