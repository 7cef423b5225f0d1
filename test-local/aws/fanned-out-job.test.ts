/**
 * A job whose epochs are fanned out: plan, stages, commit and publication as states of the machine, each subtask and each slot a Lambda invocation.
 * The results are those of the embedded run, whoever is killed on the way.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { JobTrial, TrialGround } from './job-trial.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
const FANNED_OUT = { epochMode: 'fanned-out', parallelism: '3', epochMs: '1500', micros: '300' };
let ground: TrialGround;

beforeAll(async () => {
  ground = await TrialGround.prepare();
});
afterAll(async () => {
  await ground.close();
});

test('runs to its end, a subtask and a slot each in an invocation of its own', async () => {
  const trial = await JobTrial.begin(ground, { settings: FANNED_OUT });
  const execution = await trial.start();
  const { answer } = await trial.ended(execution);
  expect(answer).toMatchObject({ status: 'finished', error: null });
  expect(await trial.rows()).toEqual(ground.expected);
  expect(await trial.eventsOf(execution, 'MapIterationSucceeded')).toBeGreaterThanOrEqual(8);
  expect(await trial.eventsOf(execution, 'MapIterationFailed')).toBe(0);
  expect(await trial.eventsOf(execution, 'TaskFailed')).toBe(0);
  expect((await trial.control('state')).state).toMatchObject({ phase: 'finished', lease: null });
});

test('subtasks, the coordinator and a publisher are killed', async () => {
  const trial = await JobTrial.begin(ground, { settings: { ...FANNED_OUT, micros: '600' } });
  const execution = await trial.start();
  for (const entry of ['subtask', 'coordinator', 'publisher', 'subtask'] as const)
    await trial.until(async () => trial.kill(entry) > 0, `a process of ${entry}`);
  expect((await trial.ended(execution)).answer).toMatchObject({ status: 'finished' });
  expect(await trial.rows()).toEqual(ground.expected);
});
