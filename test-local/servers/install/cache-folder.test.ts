import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runNode } from '../command-run.ts';
import { installOnce } from './cache-folder.ts';

let cache = '';
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'millrace-cache-'));
});
afterEach(() => rmSync(cache, { recursive: true, force: true }));

test('several processes at once install one time, and all see it whole', async () => {
  const script = `
    const { installOnce } = await import('${new URL('cache-folder.ts', import.meta.url).href}');
    const { readdirSync, writeFileSync } = await import('node:fs');
    const folder = await installOnce('thing', async (to) => {
      writeFileSync(to + '/first', '');
      await new Promise((resolve) => setTimeout(resolve, 300));
      writeFileSync(to + '/second', '');
      console.log('filled');
    });
    console.log(readdirSync(folder).join());
  `;
  const env = { MILLRACE_CACHE: cache };
  const runs = await Promise.all(
    [1, 2, 3].map(async () => await runNode(['--input-type=module', '--eval', script], env)),
  );
  expect(runs.map(({ stderr }) => stderr)).toEqual(['', '', '']);
  const said = runs.flatMap(({ stdout }) => stdout.trim().split('\n')).toSorted();
  expect(said).toEqual(['filled', 'first,second', 'first,second', 'first,second']);
});

test('what failed half way is not there, and the next try starts from nothing', async () => {
  const half = async (to: string): Promise<void> => {
    writeFileSync(join(to, 'half'), '');
    await Promise.reject(new Error('cut'));
  };
  await expect(installOnce('thing', half, cache)).rejects.toThrow('cut');
  expect(existsSync(join(cache, 'thing'))).toBe(false);
  const folder = await installOnce('thing', async (to) => writeFileSync(join(to, 'whole'), 'yes'), cache);
  expect(readdirSync(folder)).toEqual(['whole']);
  expect(readFileSync(join(folder, 'whole'), 'utf8')).toBe('yes');
});
