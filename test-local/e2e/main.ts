/**
 * `npm run e2e [-- --mode fused,fanned-out] [--keep] [--folder FOLDER]`: `flight-delays` on LocalStack, from a clean state to nothing left, Kafka in, Kafka and
 * PostgreSQL out, compared with the embedded run. On the servers of `npm run local -- up`; what is missing is started. `--keep`: the stacks, topics and
 * databases stay. Exit 0: no difference, no orphan, no leftover.
 */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { embeddedResults, runMode } from './end-to-end.ts';
import { Ground, localServers } from './ground.ts';
import { MODES } from './modes.ts';
import { problemsOf, reportText } from './report.ts';

const { values } = parseArgs({
  options: {
    mode: { type: 'string', default: MODES.map(({ name }) => name).join(',') },
    keep: { type: 'boolean', default: false },
    folder: { type: 'string', default: fileURLToPath(new URL('../../.millrace-local', import.meta.url)) },
  },
});
const words = values.mode.split(',');
const unknown = words.filter((word) => !MODES.some(({ name }) => name === word));

if (unknown.length > 0) {
  console.error(`Unknown mode "${unknown.join(', ')}". There are: ${MODES.map(({ name }) => name).join(', ')}.`);
  process.exitCode = 2;
} else {
  const start = localServers(resolve(values.folder), (line) => console.error(line));
  const ground = await Ground.prepare(start, randomBytes(3).toString('hex'));
  let problems = 0;
  try {
    const expected = await embeddedResults(ground);
    console.log(`${ground.flights.length.toLocaleString('en-US')} flights; stacks e2e-${ground.word}-MODE\n`);
    for (const mode of MODES.filter(({ name }) => words.includes(name))) {
      const report = await runMode(ground, mode, expected, values.keep);
      problems += problemsOf(report).length;
      console.log(`${reportText(report)}\n`);
    }
  } finally {
    const left = values.keep ? [] : await ground.clear();
    problems += left.length;
    for (const one of left) console.log(`left: ${one}`);
  }
  console.log(problems === 0 ? 'All is right.' : `${problems} problems.`);
  process.exitCode = problems === 0 ? 0 : 1;
}
