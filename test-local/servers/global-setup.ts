/** For vitest: whatever servers its tests start end with the run. */
import { beginRun, endRun, endWithProcess } from './run-folder.ts';

export function setup(): () => void {
  const folder = beginRun();
  endWithProcess(folder);
  return () => endRun(folder);
}
