import { beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, RetryableError } from '../model/errors.ts';
import { SECRET_MAX_AGE_MS, SecretSettings } from './secrets.ts';

const parameters = new Map<string, string>();
const secrets = new Map<string, string>();
let reads: string[] = [];
let open = 0;
let nowMs = 0;
let fails: Error | null = null;

beforeEach(() => {
  parameters.clear();
  secrets.clear();
  reads = [];
  open = nowMs = 0;
  fails = null;
});

const settings = (): SecretSettings =>
  new SecretSettings(
    () => {
      open += 1;
      const look = (kind: string, of: Map<string, string>) => async (name: string) => {
        reads.push(`${kind} ${name}`);
        if (fails !== null) throw fails;
        return of.get(name) ?? null;
      };
      return {
        parameter: look('parameter', parameters),
        secret: look('secret', secrets),
        close: () => void (open -= 1),
      };
    },
    { monotonicMs: () => nowMs },
  );

test('references become values, and all else stays', async () => {
  parameters.set('/job/password', 'hunter22');
  secrets.set('db', '{"user":"u","port":5432,"password":"s3cret"}');
  secrets.set('arn:aws:secretsmanager:us-east-1:1:secret:plain-x', 'whole#text');
  const resolved = await settings().resolve({
    topic: 'ssm-orders',
    password: 'ssm:/job/password',
    again: 'ssm:/job/password',
    dbPassword: 'secretsmanager:db#password',
    port: 'secretsmanager:db#port',
    plain: 'secretsmanager:arn:aws:secretsmanager:us-east-1:1:secret:plain-x',
  });
  expect(resolved).toEqual({
    topic: 'ssm-orders',
    password: 'hunter22',
    again: 'hunter22',
    dbPassword: 's3cret',
    port: '5432',
    plain: 'whole#text',
  });
  expect(reads.filter((read) => read === 'parameter /job/password')).toHaveLength(1);
  expect(open).toBe(0);
});

test('a value is looked up again when it is old, and a rotated one taken up', async () => {
  parameters.set('/p', 'first');
  const own = settings();
  const value = async (): Promise<string | undefined> => (await own.resolve({ p: 'ssm:/p' }))['p'];
  expect(await value()).toBe('first');
  parameters.set('/p', 'second');
  nowMs = SECRET_MAX_AGE_MS - 1;
  expect(await value()).toBe('first');
  nowMs = SECRET_MAX_AGE_MS;
  expect(await value()).toBe('second');
  expect(own.redact('first, second')).toBe('[secret], [secret]');
});

test('settings without references ask nobody', async () => {
  expect(await settings().resolve({ a: 'b' })).toEqual({ a: 'b' });
  expect(reads).toEqual([]);
});

describe('what cannot be resolved is named by setting and reference', () => {
  const refused = async (reference: string): Promise<ConfigError> =>
    await settings()
      .resolve({ password: reference })
      .then(() => expect.fail('resolved'))
      .catch((error: unknown) => error as ConfigError);
  const named = (name: string): Error => Object.assign(new Error('User: x is not authorized'), { name });

  test.for<[string, string, Error | null]>([
    ['ssm:/none', 'it holds no text', null],
    ['ssm:', 'it names nothing', null],
    ['ssm:/none', 'there is none of that name (ParameterNotFound)', named('ParameterNotFound')],
    [
      'secretsmanager:x',
      "could not be read (AccessDeniedException). The function's role needs secretsmanager:GetSecretValue",
      new ConfigError('GetSecretValue: AccessDeniedException', {}, named('AccessDeniedException')),
    ],
  ])('%s: %s', async ([reference, why, error]) => {
    fails = error;
    const { message, code } = await refused(reference);
    expect(code).toBe('config');
    expect(message).toContain(`setting "password" is ${reference}: `);
    expect(message).toContain(why);
    expect(open).toBe(0);
  });

  test('without its value', async () => {
    secrets.set('text', 'top-secret-text');
    secrets.set('object', '{"other":"top-secret-text","nested":{"a":1}}');
    for (const reference of ['text#a', 'object#a', 'object#nested', 'object#toString']) {
      const error = await refused(`secretsmanager:${reference}`);
      expect(error).toBeInstanceOf(ConfigError);
      expect(`${error.message} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('top-secret');
    }
  });

  test('but what was away may be there again', async () => {
    fails = new RetryableError('GetParameter: 8 attempts failed');
    await expect(settings().resolve({ p: 'ssm:/p' })).rejects.toBe(fails);
  });
});

test('values are taken out of what others write, in JSON and URLs too; short ones are words', async () => {
  parameters.set('/a', 'p"ä ss');
  parameters.set('/b', 'on');
  const own = settings();
  await own.resolve({ a: 'ssm:/a', b: 'ssm:/b' });
  const line = JSON.stringify({ text: 'bad p"ä ss', url: `postgres://u:${encodeURIComponent('p"ä ss')}@h`, on: 'on' });
  expect(own.redact(line)).toBe('{"text":"bad [secret]","url":"postgres://u:[secret]@h","on":"on"}');
});
