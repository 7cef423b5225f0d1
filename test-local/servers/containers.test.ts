/** The way through Docker, with a `docker` that writes down what it is asked: there is no engine in CI. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runLocal, type CommandRun } from './command-run.ts';
import { IN_COMPOSE } from './containers.ts';
import { SERVER_NAMES } from './server.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-docker-'));
  mkdirSync(join(folder, 'bin'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function docker(script: string): void {
  const file = join(folder, 'bin', 'docker');
  writeFileSync(file, `#!/bin/sh\necho "$MILLRACE_KAFKA_PORT: $@" >> ${join(folder, 'calls')}\n${script}\n`);
  chmodSync(file, 0o755);
}

async function local(...args: string[]): Promise<CommandRun> {
  const PATH = [join(folder, 'bin'), process.env['PATH']].join(delimiter);
  return await runLocal([...args, '--folder', join(folder, 'local')], { PATH });
}

const calls = (): string[] => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');

test('where an engine answers, servers are containers of a project of this folder, on ports that stay', async () => {
  docker('case "$*" in *" ps "*) echo kafka;; *" logs "*) echo from the container;; esac');
  const up = await local('up', 'kafka');
  expect(up).toMatchObject({ code: 0, stderr: '' });
  const port = /^kafka +bootstrapServers=127\.0\.0\.1:(\d+)\n$/.exec(up.stdout)?.[1];
  expect(calls().at(-1)).toMatch(
    new RegExp(`^${port}: compose -f \\S+/compose.yaml -p millrace-local-[0-9a-f]{8} up -d --wait kafka$`),
  );
  expect((await local('up', 'kafka')).stdout).toBe(up.stdout);
  expect((await local('status')).stdout).toBe(up.stdout);
  expect((await local('logs', 'kafka')).stdout).toContain('from the container');
  expect((await local('down')).stdout).toMatch(/^kafka +stopped\n$/);
  expect(calls().at(-1)).toMatch(/ rm --stop --force kafka$/);
});

test('a client without an engine is no Docker', async () => {
  docker('exit 1');
  const up = await local('up', 'postgres');
  expect(up).toMatchObject({ code: 0, stdout: expect.stringMatching(/^postgres +url=/) });
  expect(calls().map((call) => call.split(' ')[1])).toEqual(['info']);
  await local('down');
});

test('what compose says is shown when it fails', async () => {
  docker('case "$*" in *" up "*) echo no space left on device >&2; exit 17;; esac');
  expect(await local('up', 'kafka')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no space left on device'),
  });
});

test('the file has every server, pinned, on the loopback interface', () => {
  const text = readFileSync(new URL('compose.yaml', import.meta.url), 'utf8');
  const services = text.slice(text.indexOf('\nservices:'), text.indexOf('\nconfigs:'));
  expect([...services.matchAll(/^ {2}(\S+):$/gm)].map((match) => match[1])).toEqual(SERVER_NAMES);
  // A process also where an engine runs: `up` never names it to compose.
  expect(SERVER_NAMES.filter((name) => !IN_COMPOSE.includes(name))).toEqual(['localstack']);
  expect([...services.matchAll(/image: \S+:\d+\.\d+\S*$/gm)]).toHaveLength(SERVER_NAMES.length);
  expect([...services.matchAll(/ports: \['127\.0\.0\.1:/g)]).toHaveLength(SERVER_NAMES.length);
});
