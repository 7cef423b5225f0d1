/** A part of `npm run faults` that is quick: a case of each kind. The rest of the matrix runs by that command. */
import { afterAll, describe, expect, test } from 'vitest';
import { FAULT_CASES, variantName } from './fault-cases.ts';
import { FaultServers } from './fault-servers.ts';
import { runCase } from './run-case.ts';

const servers = new FaultServers();
afterAll(async () => await servers.close());

describe('exactly once to Kafka and to a database', () => {
  const quick = FAULT_CASES.filter(({ isQuick }) => isQuick === true);
  test.for(quick.map((fault) => ({ fault, name: variantName(fault, fault.variants[0]!) })))(
    '$name',
    { timeout: 120_000 },
    async ({ fault }) => {
      const { problems, folder } = await runCase(servers, fault, fault.variants[0]!);
      expect(problems, `${fault.what}; its state stays in ${folder}`).toEqual([]);
    },
  );
});
