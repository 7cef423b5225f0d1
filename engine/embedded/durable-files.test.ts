import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { removeFile, writeTemporary } from './durable-files.ts';
import { leaseOwner } from './lease-owner.ts';

it('removes temporary files of dead processes at once, of unknown ones by age, of live ones never', () => {
  const tmp = mkdtempSync(join(tmpdir(), 'millrace-temporaries-'));
  const me = leaseOwner().split('/');
  const left = (owner: readonly string[], n: number): string => `${owner.join(',')}~0123456789ab-${n}`;
  const dead = left([...me.slice(0, 4), '1'], 0);
  const alive = left(me, 1);
  const elsewhere = ['another-machine', ...me.slice(1)];
  const names = { dead, alive, recent: left(elsewhere, 2), old: left(elsewhere, 3), foreign: 'note.txt' };
  for (const name of Object.values(names)) writeFileSync(join(tmp, name), 'half');
  for (const name of [names.alive, names.old]) utimesSync(join(tmp, name), 1, 1);
  removeFile(writeTemporary(tmp, [Buffer.from('whole')]));
  expect(readdirSync(tmp).toSorted()).toEqual([names.alive, names.foreign, names.recent].toSorted());
  rmSync(tmp, { recursive: true });
});
