/** A machine that lacks something is told what, and how to get it: played by a PATH and a cache of its own. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runLocal, type CommandRun } from './command-run.ts';
import { findTool } from './install/run-tool.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tools-'));
  mkdirSync(join(folder, 'bin'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function up(name: string): Promise<CommandRun> {
  const env = { PATH: join(folder, 'bin'), MILLRACE_CACHE: join(folder, 'cache') };
  return await runLocal(['up', name, '--folder', join(folder, 'local')], env);
}

function program(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, 'bin', name), 0o755);
}

test.for(['kafka', 'kafka-3.9', 'schema-registry'])('%s without Java', async (name) => {
  const { code, stdout, stderr } = await up(name);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('`java` is missing');
  expect(stderr).toContain('sudo apt-get install default-jre-headless');
  expect(existsSync(join(folder, 'local', name, 'server.json'))).toBe(false);
});

test('an old Java', async () => {
  program('java', 'echo openjdk 11.0.2 2019-01-15');
  expect((await up('kafka')).stderr).toContain('Java 17 or later is needed; the `java` on the PATH is 11.');
  program('java', 'exit 1');
  expect((await up('kafka')).stderr).toContain('older than 9');
});

test('Java without Maven', async () => {
  program('java', 'echo openjdk 21.0.1 2023-10-17');
  const { code, stderr } = await up('kafka');
  expect(code).toBe(1);
  expect(stderr).toContain('`mvn` is missing');
  expect(stderr).toContain('sudo apt-get install maven');
});

test('Maven that fails: what it said; nothing half done is taken for an installation', async () => {
  program('java', 'echo openjdk 21.0.1 2023-10-17');
  program('mvn', 'echo Could not resolve dependencies; exit 1');
  for (const round of [1, 2]) {
    const { code, stderr } = await up('kafka');
    expect({ round, code }).toEqual({ round, code: 1 });
    expect(stderr).toContain('Could not resolve dependencies');
  }
  expect(existsSync(join(folder, 'cache', 'kafka-4.3.1'))).toBe(false);
});

test('root has what is missing installed by apt-get, from lists of its own', async () => {
  const calls = join(folder, 'calls');
  program('dpkg', 'exit 0');
  program('apt-get', `echo "$@" >> ${calls}; case "$*" in *install*) echo E: no such package >&2; exit 100;; esac`);
  const { stderr } = await up('kafka');
  const asked = process.getuid?.() === 0;
  expect(stderr).toContain(asked ? 'E: no such package' : '`java` is missing');
  expect(existsSync(calls)).toBe(asked);
});

test('one server that cannot run does not keep the others from it', async () => {
  for (const tool of ['sh', 'env']) symlinkSync(findTool(tool)!, join(folder, 'bin', tool));
  const env = { PATH: join(folder, 'bin') };
  const local = async (...args: string[]) =>
    await runLocal([...args, '--folder', join(folder, 'local'), '--no-docker'], env);
  const { code, stdout, stderr } = await local('up', 'kafka', 'postgres');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^postgres +url=/);
  expect(stderr).toContain('`java` is missing');
  expect((await local('down')).stdout).toMatch(/^postgres +stopped$/m);
});
