/** A real server that a test may kill and start again. */
import { killServer, startServer, stopServer } from './run-server.ts';
import { ownRoot, runFolder } from './run-folder.ts';
import type { RunningServer, ServerName, ServerOptions } from './server.ts';
import { tell } from './use-server.ts';

export interface OwnServerOptions extends ServerOptions {
  /** Holds its data, and keeps them; a temporary folder when left out. */
  readonly folder?: string;
}

export interface OwnServer extends RunningServer {
  /** Of its present process. */
  readonly pid: number;
  /** SIGKILL; returns when all its processes are gone. */
  kill(): Promise<void>;
  /** Same ports, same data; after `kill`, after `stop`, or while it runs. */
  restart(): Promise<void>;
  /** Ends it in order; `restart` starts it again. */
  stop(): Promise<void>;
}

/** A server of the caller's own, with its own data and ports. What is not stopped is killed at the end of the run. */
export async function startOwn(name: ServerName, options: OwnServerOptions = {}): Promise<OwnServer> {
  const { folder, ...rest } = options;
  const root = ownRoot(runFolder());
  const request = {
    root,
    name,
    options: { quickStart: true, ...rest },
    ...(folder === undefined ? {} : { dataFolder: folder }),
    tell,
  };
  let record = await startServer(request);
  return {
    name,
    settings: record.settings,
    get pid() {
      return record.process?.pid ?? -1;
    },
    kill: async () => await killServer(root, name),
    async restart() {
      await stopServer(root, name);
      record = await startServer({ ...request, keepPorts: true });
    },
    async stop() {
      await stopServer(root, name);
    },
  };
}
