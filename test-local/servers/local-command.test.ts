/** `npm run local`, the whole command, with plain processes. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runLocal } from './command-run.ts';
import { familyOf, isRunning, type ProcessIdentity } from './process-identity.ts';
import { ownRoot, runFolder } from './run-folder.ts';
import { startServer, stopServer } from './run-server.ts';
import { readRecord, writeRecord, type ServerRecord } from './server-record.ts';
import type { ServerName } from './server.ts';

// In the run's folder: whatever a failing test leaves running ends with the run.
const root = ownRoot(runFolder());
const local = async (...args: string[]) => await runLocal([...args, '--no-docker', '--folder', root]);
const NAMES = ['kafka', 'postgres'] as const;

beforeAll(async () => {
  const { code, stderr } = await local('up', ...NAMES);
  if (code !== 0) throw new Error(stderr);
});
afterAll(async () => await local('down'));

const record = (name: ServerName): ServerRecord => readRecord(root, name)!;

async function connects(port: number, host: string): Promise<boolean> {
  const socket = createConnection({ port, host });
  return await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy());
}

test('up again is harmless, also from several at once: the same processes and addresses', async () => {
  const before = NAMES.map((name) => record(name).process);
  const again = await Promise.all([local('up', ...NAMES), local('up', ...NAMES)]);
  for (const { code, stdout } of again) {
    expect(code).toBe(0);
    expect(stdout).toContain(`bootstrapServers=127.0.0.1:${record('kafka').ports['broker']}`);
    expect(stdout).toContain(`url=jdbc:postgresql://127.0.0.1:${record('postgres').ports['postgres']}/postgres`);
  }
  expect(NAMES.map((name) => record(name).process)).toEqual(before);
});

test('they listen on the loopback interface alone', async () => {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const outside = addresses.filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const port of NAMES.flatMap((name) => Object.values(record(name).ports))) {
    expect(await connects(port, '127.0.0.1')).toBe(true);
    for (const { address } of outside) expect([address, await connects(port, address)]).toEqual([address, false]);
  }
});

test('status says where they are, logs what they wrote', async () => {
  const status = await local('status');
  expect(status.stdout).toMatch(/^kafka +bootstrapServers=127\.0\.0\.1:\d+$/m);
  expect(status.stdout).toMatch(/^postgres +url=jdbc:postgresql:\S+ .*user=postgres password=postgres/m);
  expect((await local('logs', 'postgres')).stdout).toContain('database system is ready to accept connections');
});

test('down leaves no process and no port, also of what a server started itself; up finds the same ports', async () => {
  const families = NAMES.flatMap((name) => familyOf(record(name).process!));
  const ports = NAMES.flatMap((name) => Object.values(record(name).ports));
  expect(families.length).toBeGreaterThan(NAMES.length);
  expect((await local('down')).stdout).toMatch(/^kafka +stopped\npostgres +stopped\n$/);
  expect(families.filter((one) => isRunning(one))).toEqual([]);
  for (const port of ports) expect(await connects(port, '127.0.0.1')).toBe(false);
  expect((await local('status')).stdout).toMatch(/^kafka +stopped\npostgres +stopped\nNo server runs\.\n$/);
  expect((await local('down')).stdout).toBe('Nothing ran.\n');
  await local('up', 'postgres');
  expect(Object.values(record('postgres').ports)).toEqual(ports.slice(-1));
});

test('a process that has only the pid of a server that died is not touched', async () => {
  const foreign = spawn('sleep', ['60']);
  const { process: last } = record('postgres');
  await stopServer(root, 'postgres');
  const stale: ProcessIdentity = { pid: foreign.pid!, start: last!.start };
  writeRecord(root, { ...record('postgres'), process: stale });
  expect((await local('status')).stdout).toMatch(/^postgres +died/m);
  expect((await local('down')).stdout).toBe('Nothing ran.\n');
  expect(foreign.exitCode ?? foreign.signalCode).toBeNull();
  const started = await startServer({ root, name: 'postgres' });
  expect(started.process!.pid).not.toBe(foreign.pid);
  expect(foreign.kill()).toBe(true);
});

test('records are whole at any moment', async () => {
  const before = record('postgres');
  const writing = (async () => {
    for (let i = 0; i < 200; i++) {
      writeRecord(root, { ...before, options: { properties: { filler: 'x'.repeat(i * 100) } } });
      await new Promise(setImmediate);
    }
  })();
  const file = `${root}/postgres/server.json`;
  for (let i = 0; i < 200; i++) {
    expect(() => JSON.parse(readFileSync(file, 'utf8')) as unknown).not.toThrow();
    await new Promise(setImmediate);
  }
  await writing;
  writeRecord(root, before);
});

test('words that are no command or server are refused with those there are', async () => {
  expect(await local('up')).toMatchObject({ code: 1, stderr: expect.stringContaining('There are: kafka, kafka-3.9') });
  expect(await local('up', 'oracle')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Unknown server "oracle"'),
  });
  expect(await local('start')).toMatchObject({ code: 1, stderr: expect.stringContaining('Unknown command "start"') });
});
