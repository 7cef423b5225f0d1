/**
 * `npm run chaos -- [--kills 20] [--seed S] [--parallelism N] [--job FILE] [--keep]`: kills the main job's real process and says whether its output is
 * that of an undisturbed run (exit 0) or how it differs (exit 1). `--seed` repeats the kills; moments still depend on the machine.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MAIN_JOB } from '../job-process.ts';
import { planKills, seededRandom } from './kills.ts';
import { killHeader, killLine, resultText } from './report.ts';
import { runChaos } from './run-chaos.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    seed: { type: 'string' },
    parallelism: { type: 'string' },
    job: { type: 'string', default: MAIN_JOB },
    keep: { type: 'boolean', default: false },
  },
});
const count = wholeNumber('kills', values.kills);
const seed = values.seed === undefined ? randomInt(2 ** 31) : wholeNumber('seed', values.seed);
const parallelism = values.parallelism === undefined ? null : wholeNumber('parallelism', values.parallelism);

const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
const startedMs = performance.now();
let keep = true;
try {
  console.log(`${values.job}: ${count} kills, seed ${seed} (--seed ${seed} repeats them), in ${folder}`);
  console.log(killHeader);
  const result = await runChaos({
    job: values.job,
    folder,
    kills: planKills(count, seededRandom(seed)),
    parallelism,
    onKilled: (killed) => console.log(killLine(killed)),
  });
  console.log(resultText(result));
  keep = values.keep || result.problems.size > 0;
  process.exitCode = result.problems.size === 0 ? 0 : 1;
} finally {
  if (keep) console.log(`State, output and traces stay in ${folder}.`);
  else rmSync(folder, { recursive: true, force: true });
  console.log(`${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`--${name} ${text}: it must be a whole number.`);
  return Number(text);
}
