/** A part of `npm run faults -- aws` that is quick: a case of each kind. The rest of the matrix runs by that command. */
import { afterAll, describe, expect, test } from 'vitest';
import { FaultServers } from '../fault-servers.ts';
import { AWS_FAULTS } from './aws-cases.ts';

const servers = new FaultServers();
afterAll(async () => await servers.close());

describe('exactly once to Kafka and to a database, from LocalStack', () => {
  test.for(AWS_FAULTS.filter(({ isQuick }) => isQuick))('$name', { timeout: 180_000 }, async (fault) => {
    const { problems } = await fault.run(servers);
    expect(problems, fault.what).toEqual([]);
  });
});
