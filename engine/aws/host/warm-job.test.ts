/** What all functions of a job have in common: settings that refer to secrets, and what an invocation uses. */
import { expect, test } from 'vitest';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import { MemoryStateStore } from '../../embedded/memory-state-store.ts';
import { ConsumptionMeter } from '../../model/consumption.ts';
import { ConfigError, RetryableError } from '../../model/errors.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { SECRET_MAX_AGE_MS, SecretSettings } from '../secrets.ts';
import { coordinatorOf } from './coordinator-host.ts';
import { jsonLog } from './lambda.ts';
import { thrownAs, WarmJob, type DeployedJob, type JobHost } from './warm-job.ts';

class House {
  readonly clock = new ManualClock();
  readonly meter = new ConsumptionMeter();
  readonly lines: string[] = [];
  password = 'hunter22';
  readonly built: unknown[] = [];
  fails: ((password: string) => Error) | null = null;
  readonly job: DeployedJob = {
    name: 'j',
    instantiate: (overrides) => {
      this.built.push(overrides);
      if (this.fails !== null) throw this.fails(overrides!['password']!);
      return { toJobGraph: () => ({}) as never, settings: () => ({}) as never };
    },
  };
  readonly host: JobHost;

  constructor() {
    const { clock, meter } = this;
    const secrets = new SecretSettings(
      () => ({
        parameter: async () => this.password,
        secret: async () => null,
        close: () => undefined,
      }),
      clock,
    );
    this.host = {
      clock,
      env: { MILLRACE_TABLE: 't', MILLRACE_BUCKET: 'b', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '2048' },
      log: jsonLog((line) => this.lines.push(secrets.redact(line)), { job: 'j' }),
      secrets,
      openPorts: () => ({
        store: new MemoryStateStore(),
        blobs: new MemoryBlobStore(),
        meter,
        quiesce: () => undefined,
      }),
    };
  }

  warm(): WarmJob<{ quiesce(): Promise<void>; close(): Promise<void> }> {
    return new WarmJob(this.job, this.host, async () => ({ quiesce: async () => {}, close: async () => {} }));
  }
}

const input = { settings: { password: 'ssm:/j/password', topic: 'orders' }, settingsObject: null };

test('a job is built with the values that its settings refer to, and anew when one was rotated', async () => {
  const house = new House();
  const warm = house.warm();
  const use = async (): Promise<void> =>
    await warm.use(
      input,
      async () => {},
      () => true,
    );
  await use();
  await use();
  expect(house.built).toEqual([{ password: 'hunter22', topic: 'orders' }]);
  house.password = 'rotated22';
  await house.clock.advance(SECRET_MAX_AGE_MS);
  await use();
  expect(house.built.slice(1)).toEqual([{ password: 'rotated22', topic: 'orders' }]);
});

test('no line and no answer has such a value, whoever writes it', async () => {
  const house = new House();
  house.fails = (password) => new ConfigError(`setting "port" is a number; got "${password}".`);
  const invoke = coordinatorOf(house.job, house.host);
  const answer = await invoke({ input }, { awsRequestId: 'r', getRemainingTimeInMillis: () => 60_000 });
  expect(answer).toMatchObject({
    status: 'failed',
    error: { code: 'config', message: 'setting "port" is a number; got "[secret]".' },
  });
  expect(house.lines.join('\n')).toContain('got \\"[secret]\\"');
  expect(house.lines.join('\n')).not.toContain('hunter22');
});

test('an invocation counts itself, the first one from the start of its process', async () => {
  const house = new House();
  await house.clock.advance(500);
  const warm = house.warm();
  const taken: unknown[] = [];
  const use = async (): Promise<void> =>
    await warm.use(
      input,
      async ({ consumed }) => {
        await house.clock.advance(1_000);
        taken.push(consumed?.());
        await house.clock.advance(250);
      },
      () => true,
    );
  await use();
  await house.clock.advance(9_000);
  await use();
  expect(taken).toEqual([
    { lambdaRequests: 1, lambdaGbSeconds: 3 },
    { lambdaRequests: 1, lambdaGbSeconds: 2.5 },
  ]);
});

test('what a function throws quotes no secret, neither its message nor its stack', async () => {
  const house = new House();
  const work = async (thrown: unknown): Promise<Error> => {
    await house.warm().use(
      input,
      async () => null,
      () => true,
    );
    return thrownAs(thrown, house.host);
  };
  const thrown = await work(new TypeError('no login as hunter22'));
  expect([thrown.name, thrown.message]).toEqual(['TypeError', 'no login as [secret]']);
  expect(thrown.stack).toContain('TypeError: no login as [secret]\n    at ');
  expect(thrown.stack).not.toContain('hunter22');
  const away = await work(new RetryableError('hunter22 is away'));
  expect([away.name, away.message]).toEqual(['Millrace.Retryable', '[secret] is away']);
  // Whatever user code throws.
  expect((await work('as hunter22')).message).toBe('as [secret]');
  expect((await work(Object.freeze(new Error('as hunter22')))).message).toBe('as [secret]');
});
