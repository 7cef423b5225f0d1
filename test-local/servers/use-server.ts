/** One real server for all tests of a run. */
import { startServer } from './run-server.ts';
import { runFolder, sharedRoot } from './run-folder.ts';
import type { RunningServer, ServerName } from './server.ts';

/** Says on standard error what takes long; tests stay quiet otherwise. */
export const tell = (line: string): void => console.error(`servers: ${line}`);

/**
 * The server of this test run, shared by all test files: started by whoever asks first, downloaded before that if need be, killed at the
 * end of the run. Tests use topics and databases of their own.
 */
export async function useServer(name: ServerName): Promise<RunningServer> {
  const { settings } = await startServer({ root: sharedRoot(runFolder()), name, options: { quickStart: true }, tell });
  return { name, settings };
}
