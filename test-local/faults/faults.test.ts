/** A part of `npm run faults` that is quick: a case of each kind. The rest of the matrix runs by that command. */
import { afterAll, describe, expect, test } from 'vitest';
import { PROCESS_FAULTS } from './fault-cases.ts';
import { FaultServers } from './fault-servers.ts';

const servers = new FaultServers();
afterAll(async () => await servers.close());

describe('exactly once to Kafka and to a database', () => {
  test.for(PROCESS_FAULTS.filter(({ isQuick }) => isQuick))('$name', { timeout: 120_000 }, async (fault) => {
    const { problems, folder } = await fault.run(servers);
    expect(problems, `${fault.what}; its state stays in ${folder}`).toEqual([]);
  });
});
