import { Kafka } from 'kafkajs';
import { expect, test } from 'vitest';
import { connectionPools, firstConnection } from './kafkajs-internals.ts';

test('the installed kafkajs has what the transport stands on', async () => {
  const pools = connectionPools(new Kafka({ brokers: ['127.0.0.1:1'] }));
  const connection = firstConnection(await pools.build({ host: '127.0.0.1', port: 1, rack: null }));
  expect(connection.isConnected()).toBe(false);
});

test.each<[string, () => unknown]>([
  ['private:Kafka:createCluster', () => connectionPools({})],
  [
    'Cluster.connectionPoolBuilder',
    () => connectionPools({ [Symbol('private:Kafka:createCluster')]: () => ({ connectionPool: {} }) }),
  ],
  ['ConnectionPool.pool', () => firstConnection({ pool: [] })],
  ['ConnectionPool.pool', () => firstConnection({ pool: [{ isConnected: () => true }] })],
])('another version is refused by name: %s', (missing, look) => {
  expect(look).toThrow(`The installed kafkajs lacks "${missing}"`);
  expect(look).toThrow('Install kafkajs 2.2.4');
});
