/** The command line over a deployed job: the same commands as over an embedded one, the same answers. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { millrace, type CliAnswer } from '../../engine/cli/cli-fixture.ts';
import type { MachineKind } from '../../infra/job-machine.ts';
import { topologyOf } from '../../infra/topology.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { job } from './counted-job.ts';
import { Deployment, wakeServices } from './deployment.ts';

const FILE = 'test-local/aws/counted-job.ts';
const TIMEOUT = ['--timeout', '90'];
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });
const KINDS = ['STANDARD', 'EXPRESS'] as const;
const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-aws-'));
const ID = randomUUID().slice(0, 8);
const stackOf = (kind: MachineKind): string => `cli-${kind.toLowerCase()}-${ID}`;
const settingsOf = (kind: MachineKind): Readonly<Record<string, string>> => ({ output: join(folder, kind) });
const deployments = new Map<MachineKind, Deployment>();

beforeAll(async () => {
  const aws = awsSettings((await useServer('localstack')).settings);
  vi.stubEnv('AWS_ENDPOINT_URL', aws.endpoint);
  vi.stubEnv('AWS_REGION', aws.region);
  vi.stubEnv('AWS_ACCESS_KEY_ID', aws.credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', aws.credentials.secretAccessKey);
  await wakeServices(aws);
  await Promise.all(
    KINDS.map(async (machine) => {
      const [stack, input] = [stackOf(machine), { settings: settingsOf(machine) }];
      const topology = topologyOf({ job: job.name, stack, machine, jobFile: FILE, input });
      deployments.set(machine, await Deployment.create(topology, aws));
    }),
  );
});
afterAll(async () => {
  for (const deployment of deployments.values()) {
    await deployment.destroy();
    deployment.close();
  }
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

type Aws = (...args: readonly string[]) => Promise<CliAnswer>;

const awsOf =
  (kind: MachineKind): Aws =>
  (...args) =>
    millrace([...args, '--aws', stackOf(kind)]);

async function jsonOf(answer: Promise<CliAnswer>): Promise<Readonly<Record<string, unknown>>> {
  const { out, err } = await answer;
  expect(err).toBe('');
  return JSON.parse(out) as Record<string, unknown>;
}

const epochOf = async (aws: Aws): Promise<number> => Number((await jsonOf(aws('state', job.name, '--json')))['epoch']);

async function reached(aws: Aws, epoch: number): Promise<void> {
  while ((await epochOf(aws)) < epoch) await sleep(200);
}

/** Names of fields, those inside of fields too; of lists, those of the first element. */
function fieldsOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(fieldsOf);
  if (typeof value !== 'object' || value === null) return null;
  return Object.fromEntries(Object.entries(value).map(([name, inside]) => [name, fieldsOf(inside)]));
}

test.each(KINDS)('a job of a %s machine is started, looked at, paused, resumed and cancelled', async (kind) => {
  const [stack, aws] = [stackOf(kind), awsOf(kind)];
  expect((await aws('list')).out).toBe('');
  expect((await aws('pause', job.name)).err).toContain(
    `there is no job "counted" in stack "${stack}": nothing to pause`,
  );

  const begun = await aws('resume', job.name, ...TIMEOUT);
  expect([begun.code, begun.err]).toEqual([0, '']);
  await reached(aws, 2);
  expect(await jsonOf(aws('list', '--json'))).toMatchObject({
    job: 'counted',
    stack,
    status: expect.stringMatching(/^(running|waiting)$/),
    committedAt: expect.any(Number),
  });
  // By the environment, and by the job's file.
  const byFile = await millrace(['state', FILE, '--set', `output=${settingsOf(kind)['output']}`], {
    env: { MILLRACE_AWS_STACK: stack },
  });
  expect(byFile.out).toMatch(/^Job "counted": (running|waiting), [^]*numbers\/g0of1: position \d+, backlog unknown/);

  const paused = await aws('pause', job.name, ...TIMEOUT);
  expect([paused.code, paused.out]).toEqual([
    0,
    expect.stringMatching(
      `^Job "counted" is paused after epoch \\d+. .millrace resume counted --aws ${stack}. ends that`,
    ),
  ]);
  const epoch = await epochOf(aws);
  await sleep(1_000);
  expect(await jsonOf(aws('state', job.name, '--json'))).toMatchObject({
    epoch,
    status: 'paused',
    phase: 'published',
    lease: null,
  });

  expect((await aws('resume', job.name, ...TIMEOUT)).out).toMatch(`Job "counted" goes on after epoch ${epoch}.`);
  await reached(aws, epoch + 1);
  expect(await jsonOf(aws('cancel', job.name, ...TIMEOUT, '--json'))).toEqual({
    job: 'counted',
    ending: 'cancelled',
    retained: true,
  });
  expect((await aws('list')).out).toMatch(/^counted +cancelled +epoch \d+ /);
  expect((await aws('resume', job.name)).out).toContain('is cancelled; there is nothing to resume');
});

test('state has the fields that it has of an embedded job', async () => {
  const aws = awsOf('STANDARD');
  const state = ['--state', join(folder, 'embedded')];
  const set = ['--set', `output=${join(folder, 'embedded-out')}`];
  await millrace(['run', FILE, ...state, ...set], { interruptAt: 'epoch 1' });
  expect((await millrace(['cancel', FILE, ...state, ...set])).code).toBe(0);
  const [embedded, deployed] = await Promise.all([
    jsonOf(millrace(['state', job.name, ...state, '--epochs', '1', '--json'])),
    jsonOf(aws('state', job.name, '--epochs', '1', '--json')),
  ]);
  expect(fieldsOf(deployed)).toEqual(fieldsOf(embedded));
});

test('logs of all functions, in order of time, and those that come', async () => {
  const [stack, aws] = [stackOf('STANDARD'), awsOf('STANDARD')];
  const lines = async (...args: readonly string[]): Promise<Readonly<Record<string, unknown>>[]> =>
    (await aws('logs', job.name, '--json', '--limit', '1000', ...args)).out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  // LocalStack writes them after the invocation.
  let all = await lines();
  const untilMs = performance.now() + 30_000;
  while (!all.some(({ kind, status }) => kind === 'answer' && status === 'cancelled')) {
    expect(performance.now(), JSON.stringify(all.at(-1))).toBeLessThan(untilMs);
    await sleep(300);
    all = await lines();
  }
  const times = all.map(({ time }) => Number(time));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const epochs = all.filter(({ kind }) => kind === 'epoch');
  expect(epochs.length).toBeGreaterThan(1);
  for (const line of epochs) {
    expect(line).toMatchObject({
      ...{ function: 'coordinator', job: 'counted', level: 'info', run: expect.any(String), epoch: expect.any(Number) },
      ...{ generation: expect.any(Number), requestId: expect.any(String), execution: expect.any(String) },
      // The same line has the metrics.
      ...{ _aws: { CloudWatchMetrics: [{ Namespace: 'Millrace' }] }, Job: 'counted', RecordsIn: expect.any(Number) },
    });
  }
  expect((await lines('--limit', '2')).length).toBe(2);
  expect(await lines('--since', '2999-01-01T00:00:00Z')).toEqual([]);
  expect((await aws('logs', job.name)).out).toMatch(/ info {2}\[coordinator\] epoch \d+: \d+ records in, \d+ out/);

  const following = millrace(['logs', job.name, '--aws', stack, '--follow', '--since', '1s'], {
    interruptAt: 'cancelled',
  });
  await sleep(1_500);
  const deployment = deployments.get('STANDARD')!;
  await deployment.invoke(deployment.nameOf('coordinator'), { input: { settings: settingsOf('STANDARD') } });
  expect((await following).out).toMatch(/ info {2}\[coordinator\] .*cancelled/);
});

test('a stack or a job that is not there is named', async () => {
  const [stack, aws] = [stackOf('STANDARD'), awsOf('STANDARD')];
  const nowhere = await millrace(['list', '--aws', 'nowhere']);
  expect([nowhere.code, nowhere.err]).toEqual([2, expect.stringContaining('nowhere-table')]);
  expect(await aws('logs', 'other')).toMatchObject({
    code: 2,
    err: expect.stringContaining(
      `there are no logs of job "other" in stack "${stack}". It holds: counted; give another stack with --aws`,
    ),
  });
  expect((await millrace(['list', '--aws', 'a', '--state', 'b'])).err).toContain('give one of them');
});
