/** 'auto' over the job's functions: fused while one process keeps up, as wide as the backlog in the epoch after it was seen, and back. */
import { expect, test } from 'vitest';
import { FannedOutWorld } from './fanned-out-world-fixture.ts';

const PARALLELISM = 4;

function inputOf(world: FannedOutWorld, rows: number): void {
  const from = world.source.positions.reduce((a, b) => a + b);
  world.filled(rows, from);
}

test('scales out within one epoch, and back when the backlog is gone', async () => {
  const world = new FannedOutWorld('auto', { parallelism: PARALLELISM, epochMs: 4_000 });
  // A second and a half for 1,500 rows.
  inputOf(world, 1_500);
  const first = await world.walk({ mostStatus: 'continue' });
  expect(world.path).toEqual(['continue']);
  world.clock.advance(first!.waitSeconds * 1000);
  // Eighteen seconds' work at once: an epoch of four, then the rest in three subtasks or four.
  inputOf(world, 18_000);
  await world.walk({ carry: first!.carry, mostStatus: 'continue', coordinatorSeconds: 600 });
  const widths = world.answers.flatMap(({ status, tasks }) => (status === 'stage' ? [tasks.length] : []));
  expect(widths[0]).toBe(PARALLELISM);
  expect(world.answers.at(-1)).toMatchObject({ status: 'continue', epoch: 3 });
  expect(world.sink.rows.length).toBeGreaterThan(0);
  const before = world.answers.length;
  inputOf(world, 200);
  world.source.end();
  expect(await world.walk({ carry: world.answers.at(-1)!.carry })).toMatchObject({ status: 'finished' });
  expect(world.path.slice(before)).toEqual(['finished']);
  const fused = new FannedOutWorld('fused', { epochMs: 4_000 });
  inputOf(fused, 19_700);
  fused.source.end();
  await fused.walk({ coordinatorSeconds: 600 });
  expect(world.results).toEqual(fused.results);
});
