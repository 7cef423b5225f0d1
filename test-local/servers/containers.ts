/**
 * The other way to run the servers: containers by `compose.yaml`, one project a root folder. Their ports are remembered in
 * `<root>/docker.json`; their data are in volumes of the project.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './file-lock.ts';
import { freePort } from './free-port.ts';
import { findTool, runTool } from './install/run-tool.ts';
import { RECIPES } from './recipes.ts';
import { SERVER_NAMES, type RunningServer, type ServerName } from './server.ts';

const COMPOSE = fileURLToPath(new URL('compose.yaml', import.meta.url));

const ANSWER_LIMIT_MS = 10_000;

/** Those that `up` runs as containers where it can. The rest are processes, also where a Docker engine runs. */
export const IN_COMPOSE: readonly ServerName[] = ['kafka', 'kafka-3.9', 'postgres', 'mariadb', 'schema-registry'];

type Ports = Partial<Record<ServerName, number>>;

/** Whether a Docker engine answers, and its client can compose. A client alone is not enough. */
export async function hasDockerEngine(): Promise<boolean> {
  if (findTool('docker') === null) return false;
  const answers = async (...args: string[]): Promise<boolean> =>
    await runTool('docker', args, { limitMs: ANSWER_LIMIT_MS }).then(
      () => true,
      () => false,
    );
  return (await answers('info', '--format', '{{.ServerVersion}}')) && (await answers('compose', 'version'));
}

export async function startContainers(root: string, names: readonly ServerName[]): Promise<RunningServer[]> {
  return await withLock(join(root, 'docker.lock'), async () => {
    const ports = readPorts(root);
    for (const name of names) ports[name] ??= await freePort();
    writePorts(root, ports);
    await compose(root, ['up', '-d', '--wait', ...names]);
    return names.map((name) => describe(root, name, ports));
  });
}

/** Those that run. None without asking Docker when this root never had any. */
export async function runningContainers(root: string): Promise<RunningServer[]> {
  const ports = readPorts(root);
  if (Object.keys(ports).length === 0) return [];
  const running = new Set((await compose(root, ['ps', '--services', '--status', 'running'])).split(/\s+/));
  return SERVER_NAMES.filter((name) => running.has(name)).map((name) => describe(root, name, ports));
}

/** Removes containers, keeps volumes. Returns the names that ran. */
export async function stopContainers(root: string, names: readonly ServerName[]): Promise<ServerName[]> {
  const running = (await runningContainers(root)).map(({ name }) => name).filter((name) => names.includes(name));
  if (running.length > 0) await compose(root, ['rm', '--stop', '--force', ...running]);
  return running;
}

export async function containerLog(root: string, name: ServerName, lines: number): Promise<string> {
  return await compose(root, ['logs', '--no-color', '--no-log-prefix', '--tail', String(lines), name]);
}

async function compose(root: string, args: readonly string[]): Promise<string> {
  const project = `millrace-local-${createHash('sha256').update(resolve(root)).digest('hex').slice(0, 8)}`;
  const entries = Object.entries(readPorts(root)).map(([name, port]) => [portVariable(name), String(port)]);
  return await runTool('docker', ['compose', '-f', COMPOSE, '-p', project, ...args], {
    env: Object.fromEntries(entries),
  });
}

const portVariable = (name: string): string => `MILLRACE_${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_PORT`;

/** Containers have the addresses and accounts of the processes; their one port is the first of the recipe. */
function describe(root: string, name: ServerName, ports: Ports): RunningServer {
  const recipe = RECIPES[name];
  const port = ports[name];
  const first = recipe.portNames({})[0];
  if (port === undefined || first === undefined) throw new Error(`${name} has no port in ${portsFile(root)}.`);
  return { name, settings: recipe.settings({ name, folder: root, ports: { [first]: port }, options: {} }) };
}

const portsFile = (root: string): string => join(root, 'docker.json');

function readPorts(root: string): Ports {
  const file = portsFile(root);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Ports) : {};
}

function writePorts(root: string, ports: Ports): void {
  mkdirSync(root, { recursive: true });
  writeFileSync(`${portsFile(root)}.part`, JSON.stringify(ports));
  renameSync(`${portsFile(root)}.part`, portsFile(root));
}
