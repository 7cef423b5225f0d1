/**
 * `npm run faults [-- --case NAME] [--list]`: every fault against real servers. A line a case: what died, where, what was checked. Exit 0: all is right.
 * `--case` takes a part of a name as `--list` shows it, several with commas.
 */
import { parseArgs } from 'node:util';
import { FAULT_CASES, variantName } from './fault-cases.ts';
import { FaultServers } from './fault-servers.ts';
import { OUTCOME, resultLine } from './report.ts';
import { runCase } from './run-case.ts';

const { values } = parseArgs({
  options: { case: { type: 'string' }, list: { type: 'boolean', default: false } },
});
const wanted = values.case?.split(',') ?? [''];
const all = FAULT_CASES.flatMap((fault) => fault.variants.map((variant) => ({ fault, variant })));
const chosen = all.filter(({ fault, variant }) => wanted.some((part) => variantName(fault, variant).includes(part)));

if (chosen.length === 0) {
  console.error(`No case is named ${wanted.join(' or ')}. Cases: ${FAULT_CASES.map(({ name }) => name).join(', ')}.`);
  process.exitCode = 2;
} else if (values.list) {
  for (const { fault, variant } of chosen) console.log(`${variantName(fault, variant).padEnd(44)}${fault.what}`);
} else {
  // With it end the servers, and the jobs that still run.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(130));
  const servers = new FaultServers();
  let failed = 0;
  try {
    for (const { fault, variant } of chosen) {
      const result = await runCase(servers, fault, variant);
      if (result.problems.length > 0) failed++;
      console.log(resultLine(fault, variant, result));
    }
  } finally {
    await servers.close();
  }
  console.log(`${chosen.length} cases, ${failed} failed. Checked after each: ${OUTCOME}.`);
  process.exitCode = failed === 0 ? 0 : 1;
}
