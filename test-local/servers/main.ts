/**
 * `npm run local -- up|status|down|logs`: the real servers that jobs need, on this machine. By Docker where an engine answers, otherwise as
 * plain processes. They run until `down`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import {
  containerLog,
  hasDockerEngine,
  IN_COMPOSE,
  runningContainers,
  startContainers,
  stopContainers,
} from './containers.ts';
import { LOAD_USAGE, loadCommand } from '../kafka/load-topic.ts';
import { logTail } from './log-tail.ts';
import { isRunning } from './process-identity.ts';
import { startServer, stopServer } from './run-server.ts';
import { SERVER_NAMES, ServerUnavailableError, type RunningServer, type ServerName } from './server.ts';
import { logFile, readRecord, recordsIn } from './server-record.ts';

const USAGE = `npm run local -- up NAME…            start servers: ${SERVER_NAMES.join(', ')}
npm run local -- status             what runs, and where
npm run local -- down [NAME…]       stop them, or all; their data stay
npm run local -- logs NAME          the end of a server's log (--lines 100)
npm run local -- load kafka …       lines of a file into a topic; without more it says how

--folder FOLDER   holds data, logs and state; .millrace-local in the repository when left out
--no-docker       plain processes, even where a Docker engine answers`;

const line = process.argv.slice(2);
/** `load` has options of its own, and of these the folder. */
const folderAt = line[0] === 'load' ? line.indexOf('--folder') : -1;
const folderWords = folderAt < 0 ? [] : line.splice(folderAt, 2);
const { values, positionals } = parseArgs({
  args: line[0] === 'load' ? ['load', ...folderWords] : line,
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: fileURLToPath(new URL('../../.millrace-local', import.meta.url)) },
    lines: { type: 'string', default: '100' },
    docker: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const root = resolve(values.folder);
const WIDTH = 17;

try {
  await run();
} catch (thrown) {
  if (!(thrown instanceof ServerUnavailableError) && !isWrongOption(thrown)) throw thrown;
  console.error(thrown.message);
  process.exitCode = 1;
}

async function run(): Promise<void> {
  const [command, ...words] = positionals;
  if (values.help || command === undefined) console.log(USAGE);
  else if (command === 'up') await up(namesOf(words));
  else if (command === 'status') await status();
  else if (command === 'down') await down(words.length === 0 ? SERVER_NAMES : namesOf(words));
  else if (command === 'logs') for (const name of namesOf(words)) console.log(await logOf(name));
  else if (command === 'load') console.log(await load(line.slice(1)));
  else throw new ServerUnavailableError(`Unknown command "${command}".\n\n${USAGE}`);
}

function namesOf(words: readonly string[]): ServerName[] {
  const unknown = words.filter((word) => !SERVER_NAMES.some((name) => name === word));
  if (words.length === 0 || unknown.length > 0) {
    const what =
      words.length === 0 ? 'Name the servers' : `Unknown server ${unknown.map((word) => `"${word}"`).join(', ')}`;
    throw new ServerUnavailableError(`${what}. There are: ${SERVER_NAMES.join(', ')}.`);
  }
  return SERVER_NAMES.filter((name) => words.includes(name));
}

async function up(names: readonly ServerName[]): Promise<void> {
  const processes = runningProcesses().map(({ name }) => name);
  const docker = values.docker && (await hasDockerEngine());
  const inContainers = docker ? names.filter((name) => IN_COMPOSE.includes(name) && !processes.includes(name)) : [];
  if (inContainers.length > 0) for (const server of await startContainers(root, inContainers)) print(server);
  const started = names
    .filter((name) => !inContainers.includes(name))
    .map(async (name) => print(await startServer({ root, name, tell: (line) => console.error(line) })));
  const failures = (await Promise.allSettled(started)).flatMap((one) =>
    one.status === 'rejected' ? [one.reason] : [],
  );
  for (const failure of failures) {
    if (!(failure instanceof ServerUnavailableError)) throw failure;
    console.error(failure.message);
    process.exitCode = 1;
  }
}

async function status(): Promise<void> {
  const running = [...runningProcesses(), ...(await runningContainers(root))];
  for (const server of running) print(server);
  for (const { name, process: last } of recordsIn(root, SERVER_NAMES)) {
    if (running.some((server) => server.name === name)) continue;
    console.log(
      `${name.padEnd(WIDTH)}${last === null ? 'stopped' : `died; \`npm run local -- logs ${name}\` shows its log`}`,
    );
  }
  if (running.length === 0) console.log('No server runs.');
}

async function down(names: readonly ServerName[]): Promise<void> {
  const known = recordsIn(root, names).map(({ name }) => name);
  const stopped = await Promise.all(known.map(async (name) => ((await stopServer(root, name)) ? [name] : [])));
  const all = [...stopped.flat(), ...(await stopContainers(root, names))];
  for (const name of all) console.log(`${name.padEnd(WIDTH)}stopped`);
  if (all.length === 0) console.log('Nothing ran.');
}

async function logOf(name: ServerName): Promise<string> {
  const lines = Number(values.lines);
  if (readRecord(root, name) === null) return await containerLog(root, name, lines);
  const file = logFile(root, name);
  return existsSync(file) ? logTail(readFileSync(file, 'utf8'), lines) : `${join(file)} does not exist.`;
}

async function load(args: readonly string[]): Promise<string> {
  if (args.length < 2) return LOAD_USAGE;
  const running = [...runningProcesses(), ...(await runningContainers(root))];
  const kafka = running.find(({ name }) => name === 'kafka') ?? running.find(({ name }) => name === 'kafka-3.9');
  return await loadCommand(args, kafka?.settings['bootstrapServers'] ?? null);
}

function runningProcesses(): RunningServer[] {
  return recordsIn(root, SERVER_NAMES).filter((record) => record.process !== null && isRunning(record.process));
}

function isWrongOption(thrown: unknown): thrown is Error {
  return thrown instanceof TypeError && 'code' in thrown && String(thrown.code).startsWith('ERR_PARSE_ARGS');
}

function print({ name, settings }: RunningServer): void {
  const where = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  console.log(`${name.padEnd(WIDTH)}${where.join(' ')}`);
}
