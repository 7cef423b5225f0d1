/** `npm run bench -- keys [--keys N]`: the orders job's shape with many keys and no window closing during the run, epochs of 1 s. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export function benchKeys(args: readonly string[]): void {
  const { values } = parseArgs({ args: [...args], options: { keys: { type: 'string', default: '1000000' } } });
  const path = fileURLToPath(new URL('child.ts', import.meta.url));
  const child = spawnSync(process.execPath, [path, values.keys], { stdio: ['ignore', 'inherit', 'inherit'] });
  process.exitCode = child.status ?? 1;
}
