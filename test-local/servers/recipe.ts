/** How one kind of server is installed, prepared and recognised as ready. One file each in `recipes/`. */
import type { ServerName, ServerOptions, Settings } from './server.ts';
import type { UnixUser } from './unix-user.ts';

export interface Instance {
  readonly name: ServerName;
  /** Holds its data and configuration. */
  readonly folder: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly options: ServerOptions;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another user than the present one. */
  readonly user?: UnixUser;
  /** Has to exist; the folder of the instance when left out. */
  readonly cwd?: string;
}

export interface Recipe {
  /** Names of the ports it needs. */
  portNames(options: ServerOptions): readonly string[];
  /** Downloads what is missing; a second call does nothing. Safe from several processes at once. */
  install(tell: Tell): Promise<void>;
  /** Makes the data folder where there is none, writes configuration; installed before. */
  prepare(instance: Instance): Promise<Command>;
  settings(instance: Instance): Settings;
  /** Asked again and again while the process runs; `log` is what it wrote since it was started. */
  isReady(instance: Instance, log: string): Promise<boolean>;
  /** Ends it in order, connected clients or not. */
  readonly stopSignal: NodeJS.Signals;
}

/** One line for the user about something that takes long. */
export type Tell = (line: string) => void;
