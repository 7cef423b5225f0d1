/** Secrets of a real Parameter Store and Secrets Manager, as LocalStack has them. */
import { randomUUID } from 'node:crypto';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { beforeAll, expect, test } from 'vitest';
import { awsSecretReader, SecretSettings } from '../../engine/aws/secrets.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';

const clock = new SystemClock();
const id = randomUUID().slice(0, 8);
let settings: ReturnType<typeof awsSettings>;
let arn = '';

beforeAll(async () => {
  settings = awsSettings((await useServer('localstack')).settings);
  const parameter = { Name: `/millrace/${id}/password`, Value: 'hunter22', Type: 'SecureString' } as const;
  await new SSMClient(settings).send(new PutParameterCommand(parameter));
  const secret = { Name: `millrace-${id}`, SecretString: '{"user":"u","password":"s3cret"}' };
  arn = (await new SecretsManagerClient(settings).send(new CreateSecretCommand(secret))).ARN!;
});

const own = (): SecretSettings => new SecretSettings(() => awsSecretReader(clock, settings), clock);

test('are read decrypted, by name and by ARN, whole and by field', async () => {
  expect(
    await own().resolve({
      a: `ssm:/millrace/${id}/password`,
      b: `secretsmanager:millrace-${id}#password`,
      c: `secretsmanager:${arn}#user`,
      d: `secretsmanager:millrace-${id}`,
    }),
  ).toEqual({ a: 'hunter22', b: 's3cret', c: 'u', d: '{"user":"u","password":"s3cret"}' });
});

test('that are not there are refused with their names', async () => {
  for (const reference of [`ssm:/millrace/${id}/none`, `secretsmanager:millrace-${id}-none`]) {
    const resolved = own().resolve({ password: reference });
    await expect(resolved).rejects.toMatchObject({ code: 'config' });
    await expect(resolved).rejects.toThrow(`setting "password" is ${reference}: there is none of that name`);
  }
});
