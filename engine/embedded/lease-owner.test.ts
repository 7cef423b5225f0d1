import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { describeOwner, isAlive, leaseOwner } from './lease-owner.ts';

/** The identity of this process with some parts changed. */
function like(change: Partial<Record<'machine' | 'boot' | 'namespace' | 'pid' | 'start', string>>): string {
  const [machine, boot, namespace, pid, start] = leaseOwner().split('/') as [string, string, string, string, string];
  const parts = { machine, boot, namespace, pid, start, ...change };
  return [parts.machine, parts.boot, parts.namespace, parts.pid, parts.start].join('/');
}

describe('leaseOwner', () => {
  it('is this process, and always the same', () => {
    expect(leaseOwner()).toBe(leaseOwner());
    expect(isAlive(leaseOwner())).toBe('alive');
    expect(describeOwner(leaseOwner())).toBe(`process ${process.pid}`);
  });

  it('is dead after a reboot, or when its pid belongs to another process', () => {
    expect(isAlive(like({ boot: 'an-earlier-boot' }))).toBe('dead');
    expect(isAlive(like({ start: '1' }))).toBe('dead');
    expect(isAlive(like({ pid: '4194304' }))).toBe('dead');
  });

  it('is unknown on another machine, in another container, or when it is no identity', () => {
    expect(isAlive(like({ machine: 'elsewhere' }))).toBe('unknown');
    expect(isAlive(like({ namespace: '1' }))).toBe('unknown');
    for (const text of ['', 'x', 'a/b/c/d/e', 'a/b/c/1/2/3']) expect(isAlive(text)).toBe('unknown');
  });

  it('follows another process into death', async () => {
    const code = `import(${JSON.stringify(new URL('./lease-owner.ts', import.meta.url).href)}).then((m) => { console.log(m.leaseOwner()); setInterval(() => {}, 1000); })`;
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    const owner = await new Promise<string>((resolve) =>
      child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim())),
    );
    expect(isAlive(owner)).toBe('alive');
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
    expect(isAlive(owner)).toBe('dead');
  });
});
