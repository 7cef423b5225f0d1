/** Lambda entry point: invokes the subtasks of one branch of a wide stage. */
import { dispatcherHandler } from '../../engine/aws/index.ts';

export const handler = dispatcherHandler();
