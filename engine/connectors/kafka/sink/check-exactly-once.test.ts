/** `millrace check kafka` where a step fails; that all go well is tried on real brokers. */
import { expect, test } from 'vitest';
import { ConfigError } from '../../../model/errors.ts';
import { checkExactlyOnce } from './check-exactly-once.ts';
import { FakeKafka } from './fake-kafka-fixture.ts';
import { producerSettingsOf } from './producer-properties.ts';

test('a step that fails is named, and leaves no transaction open in the topic that was given', async () => {
  const kafka = new FakeKafka();
  kafka.topics.set('orders', 1);
  const client = kafka.client(async (step) => {
    if (step === 'before write the marker') throw new ConfigError('GROUP_AUTHORIZATION_FAILED');
  });
  const said: string[] = [];
  const checked = checkExactlyOnce(client, {
    topic: 'orders',
    transactionalIdPrefix: 'pre',
    settings: producerSettingsOf({}),
    word: 'word',
    nowMs: () => 0,
    say: (line) => said.push(line.replace(/ {2}\(.*/, '')),
  });
  await expect(checked).rejects.toThrow('GROUP_AUTHORIZATION_FAILED');
  expect(kafka.open()).toEqual([]);
  expect(said.slice(5)).toEqual([
    'ok      write a record in a transaction',
    'FAILED  commit a group offset in it: GROUP_AUTHORIZATION_FAILED',
    'ok      abort what is open',
    'FAILED  tidy up: not part of the fake',
  ]);
});
