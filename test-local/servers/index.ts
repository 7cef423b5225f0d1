/** Real servers for tests: `useServer` shares one in the test run, `startOwn` gives one that may be killed. */
export { startOwn, type OwnServer, type OwnServerOptions } from './own-server.ts';
export {
  ServerUnavailableError,
  type RunningServer,
  type ServerName,
  type ServerOptions,
  type Settings,
} from './server.ts';
export { useServer } from './use-server.ts';
