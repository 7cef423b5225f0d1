/** What is remembered of a server between commands and between processes: `<root>/<name>/server.json`. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from './process-identity.ts';
import type { ServerName, ServerOptions, Settings } from './server.ts';

export interface ServerRecord {
  readonly name: ServerName;
  /** Holds its data. */
  readonly folder: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly options: ServerOptions;
  readonly settings: Settings;
  /** Null: stopped in order. A process that is gone died. */
  readonly process: ProcessIdentity | null;
  /** Where in the log its present process begins. */
  readonly logStart: number;
}

export const serverFolder = (root: string, name: ServerName): string => join(root, name);
export const logFile = (root: string, name: ServerName): string => join(serverFolder(root, name), 'server.log');
export const lockFile = (root: string, name: ServerName): string => join(root, `${name}.lock`);

export function readRecord(root: string, name: ServerName): ServerRecord | null {
  const file = join(serverFolder(root, name), 'server.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ServerRecord) : null;
}

/** Whole or not at all: read without the lock by `status`. */
export function writeRecord(root: string, record: ServerRecord): void {
  const folder = serverFolder(root, record.name);
  mkdirSync(folder, { recursive: true });
  const draft = join(folder, `server.json.${process.pid}`);
  writeFileSync(draft, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(draft, join(folder, 'server.json'));
}

/** Those of `names` that have a record. */
export function recordsIn(root: string, names: readonly ServerName[]): ServerRecord[] {
  if (!existsSync(root)) return [];
  const present = new Set(readdirSync(root));
  return names.filter((name) => present.has(name)).flatMap((name) => readRecord(root, name) ?? []);
}
