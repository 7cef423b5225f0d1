/** A quick part of `npm run chaos`: the main job's process, killed where something is half decided or half visible. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CRASH_POINTS, type CrashPoint } from '../../engine/runtime/crash-point.ts';
import { MAIN_JOB } from '../job-process.ts';
import { orderKills, planKills, seededRandom } from './kills.ts';
import { runChaos } from './run-chaos.ts';

const DELICATE: readonly CrashPoint[] = [
  'manifest-written',
  'commit-cas',
  'slot-published',
  'published-cas',
  'stamped',
  'end-cas',
];

test('killed at the most delicate points and once at random, the main job writes what it writes undisturbed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
  const kills = orderKills(DELICATE, 1, seededRandom(20));
  const result = await runChaos({ job: MAIN_JOB, folder, kills, parallelism: null });
  expect(Object.fromEntries(result.problems), `the state stays in ${folder}`).toEqual({});
  expect(result.killed).toHaveLength(DELICATE.length + 1);
  for (const { kill, phase } of result.killed) if (kill.kind === 'point') expect(phase).toBe(kill.point);
  // The restore that was killed is a run of its own.
  expect(result.runs).toBe(2);
  expect(result.rows['sessions']).toBeGreaterThan(20_000);
  rmSync(folder, { recursive: true });
});

test.for([0, 1, 2, 3, 4])('with as many kills as points, each point has one (seed %i)', (seed) => {
  const kills = planKills(20, seededRandom(seed));
  expect(kills).toHaveLength(20);
  const points = kills.flatMap((kill) => (kill.kind === 'point' ? [kill.point] : []));
  expect(points.toSorted()).toEqual(CRASH_POINTS.toSorted());
  expect(points.at(-1)).toBe('end-cas');
  expect(kills[0]).toMatchObject({ kind: 'point', restore: false });
  expect(planKills(20, seededRandom(seed))).toEqual(kills);
});
