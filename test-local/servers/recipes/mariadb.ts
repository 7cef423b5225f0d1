/**
 * MariaDB: the machine's own, or Debian's packages unpacked into the cache folder, without installing them. The binary log is on, in row
 * format and with full metadata. Its tables are made by the server itself from its SQL files (what mariadb-install-db does in shell).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { platform, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { aptUnpack, hasApt } from '../install/apt.ts';
import { cacheFolder, installOnce } from '../install/cache-folder.ts';
import { findTool, runTool } from '../install/run-tool.ts';
import type { Recipe, Tell } from '../recipe.ts';
import { ServerUnavailableError } from '../server.ts';

const HOST = '127.0.0.1';
const USER = 'millrace';
const DATABASE = 'millrace';

const VARIABLES = {
  'bind-address': HOST,
  'server-id': '1',
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'binlog-row-metadata': 'FULL',
  'character-set-server': 'utf8mb4',
  'default-time-zone': '+00:00',
  'innodb-buffer-pool-size': '128M',
  'max-allowed-packet': '64M',
  'skip-name-resolve': 'ON',
};

/** In the server's order; until version 11 the names began with "mysql". */
const SYSTEM_SQL = ['system_tables', 'performance_tables', 'system_tables_data', 'sys_schema'];

interface Installed {
  readonly program: string;
  /** Of its messages, character sets and SQL files. */
  readonly share: string;
  readonly env: Readonly<Record<string, string>>;
}

export const mariadb: Recipe = {
  portNames: () => ['mariadb'],
  async install(tell) {
    await installed(tell);
  },
  async prepare({ folder, ports, options }) {
    const server = await installed(() => {});
    const data = join(folder, 'mysql');
    mkdirSync(temporaryFolder(data), { recursive: true });
    if (!existsSync(data)) await initialise(server, data);
    const accounts = join(folder, 'accounts.sql');
    writeFileSync(accounts, ACCOUNTS);
    const variables = { ...VARIABLES, port: String(ports['mariadb']), 'init-file': accounts, ...options.properties };
    const args = [...baseArgs(server, data), ...Object.entries(variables).map(([name, value]) => `--${name}=${value}`)];
    return { program: server.program, args, env: server.env, cwd: data };
  },
  settings: ({ ports }) => ({
    url: `jdbc:mariadb://${HOST}:${ports['mariadb']}/${DATABASE}`,
    host: HOST,
    port: String(ports['mariadb']),
    user: USER,
    password: USER,
    database: DATABASE,
  }),
  async isReady({ ports }) {
    const account = { user: USER, password: USER, database: DATABASE };
    return await createConnection({ host: HOST, port: ports['mariadb'] ?? 0, ...account }).then(
      async (connection) => await connection.end().then(() => true),
      () => false,
    );
  },
  stopSignal: 'SIGTERM',
};

const ACCOUNTS = [
  `CREATE DATABASE IF NOT EXISTS ${DATABASE};`,
  `CREATE USER IF NOT EXISTS '${USER}'@'${HOST}' IDENTIFIED BY '${USER}';`,
  `GRANT ALL PRIVILEGES ON *.* TO '${USER}'@'${HOST}' WITH GRANT OPTION;`,
  '',
].join('\n');

/** A server that starts removes the temporary tables that it finds, another server's too: each has a folder of its own. */
const temporaryFolder = (data: string): string => join(dirname(data), 'tmp');

const baseArgs = (server: Installed, data: string): string[] => [
  '--no-defaults',
  // Root has to say that it means it.
  `--user=${userInfo().username}`,
  `--datadir=${data}`,
  `--tmpdir=${temporaryFolder(data)}`,
  `--lc-messages-dir=${server.share}`,
  `--character-sets-dir=${join(server.share, 'charsets')}`,
  `--socket=mariadb.sock`,
  `--pid-file=mariadb.pid`,
  '--plugin-maturity=unknown',
];

/** Appears whole, by a rename. */
async function initialise(server: Installed, data: string): Promise<void> {
  const draft = `${data}.part`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const sql = SYSTEM_SQL.map((name) => readFileSync(sqlFile(server.share, name), 'utf8'));
  const input = ['create database if not exists mysql;', 'use mysql;', 'set @auth_root_socket=null;', ...sql, ''].join(
    '\n',
  );
  await runTool(server.program, [...baseArgs(server, draft), '--bootstrap', '--skip-log-bin'], {
    cwd: draft,
    env: server.env,
    input,
  });
  renameSync(draft, data);
}

function sqlFile(share: string, name: string): string {
  const candidates = ['mariadb', 'mysql'].map((prefix) => join(share, `${prefix}_${name}.sql`));
  const found = candidates.find((file) => existsSync(file));
  if (found === undefined)
    throw new ServerUnavailableError(
      `MariaDB's ${candidates.join(' or ')} is missing: its server package is incomplete.`,
    );
  return found;
}

async function installed(tell: Tell): Promise<Installed> {
  const system = findTool('mariadbd') ?? ['/usr/sbin/mariadbd'].find((file) => existsSync(file));
  if (system !== undefined) return { program: system, share: shareOf(join(dirname(system), '..')), env: {} };
  if (platform() !== 'linux' || !hasApt()) throw new ServerUnavailableError(HOW_TO_GET_IT);
  const root = await installOnce('mariadb', async (folder) => {
    tell(`MariaDB: unpacking Debian's mariadb-server-core into ${join(cacheFolder(), 'mariadb')}`);
    await aptUnpack(['mariadb-server-core'], folder);
  });
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => libraryFolders(join(root, folder)));
  return {
    program: join(root, 'usr', 'sbin', 'mariadbd'),
    share: shareOf(join(root, 'usr')),
    env: { LD_LIBRARY_PATH: libraries.join(':') },
  };
}

function shareOf(prefix: string): string {
  const candidates = ['mariadb', 'mysql'].map((name) => join(prefix, 'share', name));
  return (
    candidates.find((folder) => existsSync(join(folder, 'english', 'errmsg.sys'))) ?? join(prefix, 'share', 'mysql')
  );
}

/** `lib/x86_64-linux-gnu` and the like. */
const libraryFolders = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.includes('-linux-'))
        .map((name) => join(folder, name))
    : [];

const HOW_TO_GET_IT =
  '`mariadbd` is missing: it is not on the PATH, and only on Debian and Ubuntu is it fetched by itself (apt-get, dpkg). ' +
  'Install it (`sudo apt-get install mariadb-server-core`, `brew install mariadb`), or use Docker, where an engine runs; on Windows there is only Docker.';
