/**
 * A job without an end on Lambda: the express machine runs its epochs while there is something to read. It sleeps when there is not, and wakes
 * by the doorbell or a tick, at once or doubled, until it is told otherwise.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { DoorbellPoller } from './doorbell-poller.ts';
import { JobTrial, TrialGround, type TrialOptions } from './job-trial.ts';
import { Ticker } from './ticker.ts';

vi.setConfig({ testTimeout: 120_000 });
const ENDLESS = { bounded: 'false', micros: '0' };

let ground: TrialGround;
const begin = async ({ settings = {}, ...more }: TrialOptions = {}): Promise<JobTrial> =>
  await JobTrial.begin(ground, {
    limits: { lingerMs: 300 },
    machine: 'EXPRESS',
    settings: { ...ENDLESS, ...settings },
    ...more,
  });

beforeAll(async () => {
  ground = await TrialGround.prepare();
});
afterAll(async () => await ground.close());

/** Records that it has committed. */
async function readOf(trial: JobTrial): Promise<number> {
  const { state } = await trial.control('state');
  return (state?.splits ?? []).reduce((sum, { position }) => sum + position, 0);
}

test('an execution ends with an idle job, and the next one goes on', async () => {
  const trial = await begin();
  const found = await trial.deployment.startSync(trial.input);
  expect(found, `${found.error}: ${found.cause}`).toMatchObject({ status: 'SUCCEEDED' });
  expect(JSON.parse(found.output!)).toMatchObject({ status: 'idle', error: null });
  const next = await trial.deployment.startSync(trial.input);
  expect(JSON.parse(next.output!)).toMatchObject({ status: 'idle', epochs: 0 });
});

test('it sleeps, a record arrives, the doorbell wakes it; and so does a tick', async () => {
  const inputTopic = `woken-${ground.inputTopic}`;
  await ground.load(100, inputTopic);
  const trial = await begin({ settings: { inputTopic } });
  const { deployment } = trial;
  const ticker = new Ticker(deployment);
  await deployment.startSync(trial.input);
  expect(await readOf(trial)).toBe(100);
  const { kafka, bootstrapServers } = ground;
  const poller = await DoorbellPoller.start({
    deployment,
    kafka,
    bootstrapServers,
    topics: [inputTopic],
    everyMs: 100,
  });
  await ground.load(50, inputTopic);
  await trial.until(async () => (await readOf(trial)) === 150, '150 records read');
  await poller.stop();
  expect(poller.answers.map(({ did }) => did)).toContain('rung');
  await ground.load(50, inputTopic);
  expect(await readOf(trial)).toBe(150);
  await ticker.tick();
  await trial.until(async () => (await readOf(trial)) === 200, '200 records read');
});

test('paused, no tick and no ring starts it; resumed, it is started; cancelled, it ends', async () => {
  const trial = await begin();
  const ticker = new Ticker(trial.deployment);
  expect(await trial.control('pause')).toMatchObject({ started: false });
  const asked = await trial.deployment.startSync(trial.input);
  expect(JSON.parse(asked.output!)).toMatchObject({ status: 'stopped', epochs: 0 });
  expect(await trial.deployment.invoke(trial.deployment.nameOf('doorbell'), {})).toMatchObject({ did: 'stopped' });
  expect(await trial.control('resume')).toMatchObject({ started: true });
  await trial.reached(1);
  await trial.control('cancel');
  await ticker.tick();
  await trial.until(async () => (await trial.control('state')).state?.phase === 'cancelled', 'cancelled');
  expect(await trial.deployment.invoke(trial.deployment.nameOf('doorbell'), {})).toMatchObject({ did: 'ended' });
});

test('two executions at once, and a tick meanwhile: the results are those of one', async () => {
  const trial = await begin({ settings: { bounded: 'true', micros: '500' } });
  const executions = [trial.deployment.startSync(trial.input), trial.deployment.startSync(trial.input)];
  await trial.reached(1);
  await new Ticker(trial.deployment).tick();
  const both = await Promise.all(executions);
  for (const { status, error, cause } of both)
    expect([status, error, cause]).toEqual(['SUCCEEDED', undefined, undefined]);
  await trial.until(async () => (await trial.control('state')).state?.phase === 'finished', 'finished');
  expect(await trial.rows()).toEqual(ground.expected);
});

test('where an execution waits for the next epoch, a tick finds the job held, and ends', async () => {
  const trial = await begin({ settings: { epochMs: '30000' } });
  const waiting = await trial.deployment.start(trial.input);
  expect(waiting).toContain('paced-revenue-epochs');
  await trial.reached(1);
  const tick = await trial.deployment.startSync(trial.input);
  expect(JSON.parse(tick.output!)).toMatchObject({ status: 'busy', epochs: 0, epoch: 1, error: null });
  await trial.control('stop');
});

test('a job that cannot run is stopped, with the reason, until somebody starts it again', async () => {
  const trial = await begin({ settings: { micros: 'many' } });
  const found = await trial.deployment.startSync(trial.input);
  expect(found).toMatchObject({ status: 'FAILED', error: 'config' });
  const { command } = await trial.control('state');
  expect(command).toMatchObject({ kind: 'stop' });
  expect(command!.reason).toContain('setting "micros" is a number; got "many"');
});

test('nothing is left of a stack that was destroyed', async () => {
  const trial = await begin();
  await trial.deployment.startSync(trial.input);
  const stack = trial.deployment;
  const made = await stack.leftovers();
  expect(made.length).toBe(2 + 2 + stack.topology.functions.length + stack.topology.logGroups.length);
  await stack.destroy();
  expect(await stack.leftovers()).toEqual([]);
});
