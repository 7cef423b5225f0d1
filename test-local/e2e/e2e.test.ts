/** `npm run e2e` in one mode: the others run by that command. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { useServer } from '../servers/index.ts';
import { embeddedResults, runMode } from './end-to-end.ts';
import { Ground } from './ground.ts';
import { MODES } from './modes.ts';
import { problemsOf, reportText } from './report.ts';

const PATIENCE_MS = 240_000;

test(
  'flight-delays, fanned out on Lambda, writes what the embedded run writes, and leaves nothing',
  { timeout: PATIENCE_MS },
  async () => {
    const ground = await Ground.prepare(useServer, randomBytes(3).toString('hex'));
    const mode = MODES.find(({ name }) => name === 'fanned-out')!;
    const report = await runMode(ground, mode, await embeddedResults(ground), false);
    expect(problemsOf(report), reportText(report)).toEqual([]);
    expect(report.run.epochs).toBeGreaterThan(2);
    expect(report.run.invocations['subtask']).toBeGreaterThan(report.run.epochs);
    expect(report.cost).toContain('per million records');
    expect(await ground.clear()).toEqual([]);
  },
);
