/**
 * `npm run faults [-- aws] [-- --case NAME] [--list]`: every fault against real servers; `aws`: of a deployed job, on LocalStack. A line a case: what died,
 * where, what was checked. Exit 0: all is right. `--case` takes a part of a name as `--list` shows it, several with commas.
 */
import { parseArgs } from 'node:util';
import { AWS_FAULTS } from './aws/aws-cases.ts';
import { PROCESS_FAULTS } from './fault-cases.ts';
import { FaultServers } from './fault-servers.ts';
import { OUTCOME, resultLine } from './report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { case: { type: 'string' }, list: { type: 'boolean', default: false } },
});
const wanted = values.case?.split(',') ?? [''];
const all = positionals.length === 0 ? PROCESS_FAULTS : positionals.join(' ') === 'aws' ? AWS_FAULTS : [];
const chosen = all.filter(({ name }) => wanted.some((part) => name.includes(part)));

if (all.length === 0) {
  console.error(`There are no faults of "${positionals.join(' ')}": npm run faults, or npm run faults -- aws.`);
  process.exitCode = 2;
} else if (chosen.length === 0) {
  console.error(`No case is named ${wanted.join(' or ')}. Cases: ${all.map(({ name }) => name).join(', ')}.`);
  process.exitCode = 2;
} else if (values.list) {
  for (const { name, what } of chosen) console.log(`${name.padEnd(44)}${what}`);
} else {
  // With it end the servers, and the jobs that still run.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(130));
  const servers = new FaultServers();
  let failed = 0;
  try {
    for (const fault of chosen) {
      const result = await fault.run(servers);
      if (result.problems.length > 0) failed++;
      console.log(resultLine(fault, result));
    }
  } finally {
    await servers.close();
  }
  console.log(`${chosen.length} cases, ${failed} failed. Checked after each: ${OUTCOME}.`);
  process.exitCode = failed === 0 ? 0 : 1;
}
