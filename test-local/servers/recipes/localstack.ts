/**
 * LocalStack 4.14 (community, no token) in host mode: Lambda functions are local Node processes, DynamoDB is DynamoDB Local, and all of it
 * listens on the loopback interface only. What LocalStack would download when it runs is put where it looks for it.
 */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, installOnce } from '../install/cache-folder.ts';
import { requireJava } from '../install/java.ts';
import { copyJars } from '../install/maven.ts';
import { findTool, runTool } from '../install/run-tool.ts';
import type { Instance, Recipe, Tell } from '../recipe.ts';
import { ServerUnavailableError } from '../server.ts';

const HOST = '127.0.0.1';
const FOLDER = 'localstack-4.14.0';
const PYTHONS = ['3.13', '3.12'];
const ASSETS = fileURLToPath(new URL('../localstack', import.meta.url));
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_DEFAULT_REGION: 'us-east-1' };

export const localstack: Recipe = {
  portNames: () => ['gateway'],
  async install(tell) {
    await requireJava(tell);
    const python = await findPython();
    await installOnce(`${FOLDER}-dynamodb`, async (folder) => await installDynamoDb(folder, tell));
    // A virtual environment cannot be moved, and this one appears by a rename: packages go to a plain folder instead.
    await installOnce(`${FOLDER}-python`, async (folder) => await installPackages(python, folder, tell));
  },
  async prepare({ folder, ports, options }) {
    const files = join(folder, 'files');
    await placeDownloads(join(files, 'var', 'lib', 'localstack', 'lib'));
    mkdirSync(join(folder, 'lambda-pids'), { recursive: true });
    const gateway = `${HOST}:${ports['gateway']}`;
    return {
      program: await findPython(),
      args: ['-m', 'localstack.runtime.main'],
      env: {
        ...CREDENTIALS,
        PYTHONPATH: [join(ASSETS, 'python'), join(cacheFolder(), `${FOLDER}-python`)].join(delimiter),
        PYTHONDONTWRITEBYTECODE: '1',
        FILESYSTEM_ROOT: files,
        // A /.dockerenv makes it ignore FILESYSTEM_ROOT.
        OVERRIDE_IN_DOCKER: '0',
        GATEWAY_LISTEN: gateway,
        LOCALSTACK_HOST: gateway,
        GATEWAY_SERVER: 'twisted-loopback',
        LAMBDA_RUNTIME_EXECUTOR: 'local-process',
        MILLRACE_LAMBDA_RUNTIME: `${process.execPath} ${join(ASSETS, 'lambda-runtime.mjs')}`,
        MILLRACE_LAMBDA_PIDS: join(folder, 'lambda-pids'),
        DYNAMODB_IN_MEMORY: '1',
        DYNAMODB_HEAP_SIZE: '512m',
        SQS_ENDPOINT_STRATEGY: 'path',
        DNS_ADDRESS: '0',
        DISABLE_EVENTS: '1',
        SKIP_SSL_CERT_DOWNLOAD: '1',
        AWS_EC2_METADATA_DISABLED: 'true',
        NO_PROXY: `${HOST},localhost`,
        no_proxy: `${HOST},localhost`,
        JAVA_TOOL_OPTIONS: '',
        ...options.properties,
      },
    };
  },
  settings: (instance) => ({
    endpoint: address(instance),
    region: CREDENTIALS.AWS_DEFAULT_REGION,
    accessKeyId: CREDENTIALS.AWS_ACCESS_KEY_ID,
    secretAccessKey: CREDENTIALS.AWS_SECRET_ACCESS_KEY,
    lambdaPids: join(instance.folder, 'lambda-pids'),
  }),
  isReady: async (_, log) => /^Ready\.$/m.test(log),
  stopSignal: 'SIGTERM',
};

const address = ({ ports }: Instance): string => `http://${HOST}:${ports['gateway']}`;

/** LocalStack says that Python 3.10 is enough; its sources need 3.12. */
async function findPython(): Promise<string> {
  const names = PYTHONS.map((version) => findTool(`python${version}`)).filter((path) => path !== null);
  const versions = join(homedir(), '.pyenv', 'versions');
  const pyenv = existsSync(versions)
    ? PYTHONS.flatMap((version) => readdirSync(versions).filter((name) => name.startsWith(`${version}.`)))
    : [];
  const candidates = [...names, ...pyenv.map((name) => join(versions, name, 'bin', 'python3'))];
  for (const candidate of candidates) {
    const works = await runTool(candidate, ['-c', 'import ssl, sqlite3, sys; print(sys.version)']).catch(() => null);
    if (works !== null) return candidate;
  }
  throw new ServerUnavailableError(
    'LocalStack needs Python 3.12 or 3.13, and there is none on the PATH or under pyenv. Debian and Ubuntu: `sudo apt-get install python3.13 python3.13-venv` ' +
      'where the release has it; pyenv: `pyenv install 3.13`; macOS: `brew install python@3.13`.',
  );
}

async function installPackages(python: string, folder: string, tell: Tell): Promise<void> {
  tell(`LocalStack 4.14.0: installing 113 Python packages into ${join(cacheFolder(), `${FOLDER}-python`)}`);
  const pip = ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '--no-deps', '--target', folder];
  await runTool(python, [...pip, '-r', join(ASSETS, 'requirements.lock.txt')]);
  // A copy: setuptools builds beside the sources.
  const plugin = join(folder, 'plugin-sources');
  cpSync(join(ASSETS, 'plugin'), plugin, { recursive: true });
  await runTool(python, [...pip, plugin]);
  rmSync(plugin, { recursive: true });
}

/** Maven's jar names its libraries otherwise than Maven does, so it gets a thin jar that names them as they are. */
async function installDynamoDb(folder: string, tell: Tell): Promise<void> {
  tell(`LocalStack 4.14.0: downloading DynamoDB Local into ${join(cacheFolder(), `${FOLDER}-dynamodb`)}`);
  const libraries = join(folder, LIBRARIES);
  mkdirSync(libraries, { recursive: true });
  const artifacts = [
    { group: 'software.amazon.dynamodb', artifact: 'DynamoDBLocal', version: '3.0.0' },
    { group: 'org.javassist', artifact: 'javassist', version: '3.30.2-GA' },
  ];
  await copyJars(artifacts, libraries, tell);
  for (const native of readdirSync(libraries).filter((name) => /^libsqlite4java-linux-amd64-.*\.so$/.test(name)))
    copyFileSync(join(libraries, native), join(libraries, 'libsqlite4java-linux-amd64.so'));
  const jars = readdirSync(libraries).filter((name) => name.endsWith('.jar'));
  await makeJar(folder, 'DynamoDBLocal.jar', {
    'Main-Class': 'software.amazon.dynamodb.services.local.main.ServerRunner',
    'Class-Path': jars.map((name) => `${LIBRARIES}/${name}`).join(' '),
  });
  const javassist = `${LIBRARIES}/javassist-3.30.2-GA.jar`;
  await runTool('javac', ['--release', '17', '-cp', javassist, '-d', 'agent', join(ASSETS, 'LoopbackAgent.java')], {
    cwd: folder,
  });
  // LocalStack starts DynamoDB Local with an agent of this name.
  await makeJar(
    folder,
    'ddb-local-loader-0.1.jar',
    { 'Premain-Class': 'LoopbackAgent', 'Class-Path': javassist },
    'agent',
  );
}

const LIBRARIES = 'DynamoDBLocal_lib';

async function makeJar(
  folder: string,
  name: string,
  manifest: Readonly<Record<string, string>>,
  classes?: string,
): Promise<void> {
  const file = join(folder, `${name}.manifest`);
  writeFileSync(
    file,
    Object.entries(manifest)
      .map(([key, value]) => manifestLine(`${key}: ${value}`))
      .join(''),
  );
  const content = classes === undefined ? [] : ['-C', classes, '.'];
  await runTool('jar', ['--create', '--file', name, '--manifest', file, ...content], { cwd: folder });
}

/** Lines of a manifest have at most 72 bytes; they go on behind a blank. */
function manifestLine(line: string): string {
  const pieces = [line.slice(0, 70)];
  for (let at = 70; at < line.length; at += 69) pieces.push(` ${line.slice(at, at + 69)}`);
  return `${pieces.join('\n')}\n`;
}

/** Where LocalStack looks for what it would download. */
async function placeDownloads(lib: string): Promise<void> {
  if (existsSync(lib)) return;
  mkdirSync(join(lib, 'dynamodb-local'), { recursive: true });
  mkdirSync(join(lib, 'java'), { recursive: true });
  symlinkSync(join(cacheFolder(), `${FOLDER}-dynamodb`), join(lib, 'dynamodb-local', '2'));
  // It asks for Java 21; 17 is enough.
  const java = findTool('java');
  if (java !== null) symlinkSync(dirname(dirname(realpathSync(java))), join(lib, 'java', '21'));
}
