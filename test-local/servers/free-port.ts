/**
 * Free ports of the loopback interface, below the range from which systems take the ports of outgoing connections: a server that is killed
 * finds its port free again. A claim keeps others who choose at the same moment from the same choice.
 */
import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const FIRST = 20_000;
const LAST = 32_000;
const CLAIM_MS = 120_000;
const TRIES = 500;

export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(FIRST, LAST);
    if (claim(port) && (await isFree(port))) return port;
  }
  throw new Error(`No free port between ${FIRST} and ${LAST} on 127.0.0.1 in ${TRIES} tries.`);
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function claim(port: number): boolean {
  const folder = join(tmpdir(), `millrace-ports-${userInfo().uid}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, String(port));
  const age = Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity);
  if (age > CLAIM_MS) rmSync(file, { force: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return false;
    throw thrown;
  }
}
