/**
 * A bounded job on Lambda, from Kafka to Kafka exactly once: the standard machine invokes the coordinator until the input has ended. Whatever is
 * killed, doubled or stopped on the way, the results are those of the embedded run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { JobTrial, MICROS, TrialGround, type TrialOptions } from './job-trial.ts';
import { job } from './paced-revenue-job.ts';

vi.setConfig({ testTimeout: 120_000 });

let ground: TrialGround;
const begin = async (options: TrialOptions = {}): Promise<JobTrial> => await JobTrial.begin(ground, options);

beforeAll(async () => {
  ground = await TrialGround.prepare();
});
afterAll(async () => await ground.close());

test('runs to its end in several invocations, each of which answers in time', async () => {
  const trial = await begin({ limits: { maxMs: 2_500, marginMs: 500 } });
  const execution = await trial.start();
  const { answer } = await trial.ended(execution);
  expect(answer).toMatchObject({ status: 'finished', job: job.name, error: null });
  expect(await trial.eventsOf(execution, 'TaskSucceeded')).toBeGreaterThan(2);
  expect(await trial.eventsOf(execution, 'TaskFailed')).toBe(0);
  expect(ground.expected.length).toBeGreaterThan(3_000);
  expect(await trial.rows()).toEqual(ground.expected);
  expect((await trial.control('state')).state).toMatchObject({ phase: 'finished', lease: null });
  // Late and once more: nothing.
  expect(await trial.coordinator()).toMatchObject({ status: 'finished', epochs: 0 });
});

test('goes on in a chain of executions', async () => {
  const trial = await begin({ limits: { maxMs: 2_500, marginMs: 500 }, units: 1 });
  const first = await trial.start();
  expect(JSON.parse((await trial.ended(first)).output!)).toMatchObject({ next: 1 });
  let chain = await trial.deployment.executions();
  while (chain.some(({ status }) => status === 'RUNNING')) {
    await sleep(250);
    chain = await trial.deployment.executions();
  }
  const name = first.split(':').at(-1)!;
  expect(chain.map((one) => one.name).toSorted()).toEqual(
    [name, ...chain.slice(1).map((_, i) => `${name}-${i + 1}`)].toSorted(),
  );
  expect(chain.length).toBeGreaterThan(1);
  expect(await trial.coordinator()).toMatchObject({ status: 'finished', epochs: 0 });
  expect(await trial.rows()).toEqual(ground.expected);
});

test('killed twice in the middle of an epoch', async () => {
  const trial = await begin({ limits: { leaseTtlMs: 1_500 } });
  const execution = await trial.start();
  for (const epoch of [1, 3]) {
    await trial.reached(epoch);
    expect(trial.kill()).toBe(1);
  }
  expect((await trial.ended(execution)).answer).toMatchObject({ status: 'finished' });
  expect(await trial.eventsOf(execution, 'TaskFailed')).toBe(2);
  expect(await trial.rows()).toEqual(ground.expected);
});

test('two executions at once, and an invocation by hand: one has the job, the others are told', async () => {
  const trial = await begin({ limits: { tickMs: 1_000 } });
  const slower = { micros: String(2 * MICROS) };
  const executions = await Promise.all([trial.start(slower), trial.start(slower)]);
  await trial.reached(1);
  expect(await trial.coordinator(slower)).toMatchObject({ status: 'busy', epochs: 0, nextWakeMs: 1_000 });
  for (const execution of executions)
    expect((await trial.ended(execution)).answer).toMatchObject({ status: 'finished' });
  expect(await trial.rows()).toEqual(ground.expected);
});

test('stopped by a command of the machine after an epoch, it stays so until it is started again', async () => {
  const trial = await begin();
  const stopped = await trial.start();
  await trial.reached(2);
  const pause = await trial.ended(await trial.deployment.start({ command: 'pause' }));
  expect(pause.answer).toMatchObject({ command: { number: 1, kind: 'stop' } });
  const { answer } = await trial.ended(stopped);
  expect(answer).toMatchObject({ status: 'stopped' });
  expect((await trial.control('state')).state).toMatchObject({ phase: 'published', lease: null, epoch: answer.epoch });
  expect(await trial.coordinator()).toMatchObject({ status: 'stopped', epochs: 0, epoch: answer.epoch });
  expect(await trial.control('resume')).toMatchObject({ command: { number: 2, kind: 'start' }, started: true });
  const resumed = (await trial.deployment.executions()).find(({ name }) => name.startsWith('command-2-'))!;
  expect((await trial.ended(resumed.executionArn)).answer).toMatchObject({ status: 'finished' });
  expect(await trial.rows()).toEqual(ground.expected);
});

test('idle where there is nothing to read, until it is cancelled', async () => {
  const trial = await begin({ limits: { lingerMs: 300, tickMs: 1_000 }, settings: { bounded: 'false', micros: '0' } });
  const first = await trial.coordinator();
  expect(first).toMatchObject({ status: 'idle', waitSeconds: 1 });
  expect(first.epochs).toBeGreaterThan(0);
  expect(await trial.coordinator()).toMatchObject({ status: 'idle', epochs: 0, epoch: first.epoch });
  const execution = await trial.start();
  await trial.control('cancel');
  expect((await trial.ended(execution)).answer).toMatchObject({ status: 'cancelled' });
  expect((await trial.control('state')).state).toMatchObject({ phase: 'cancelled', lease: null });
});

test('a job that cannot run fails the execution with the reason', async () => {
  const trial = await begin();
  const execution = await trial.start({ micros: 'many' });
  const found = await trial.deployment.ended(execution);
  expect(found).toMatchObject({ status: 'FAILED', error: 'config' });
  expect(found.cause).toContain('setting "micros" is a number; got "many"');
});
