/** January's flights through `flight-delays`, embedded and deployed, with the same settings: what they write has to be the same. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { job } from '../../functions/flight-delays.ts';
import { DeployedJob } from './deployed-run.ts';
import type { Ground } from './ground.ts';
import type { Mode } from './modes.ts';
import type { ModeReport } from './report.ts';
import { compare, resultsOf, type Results } from './results.ts';

/** The input comes in so many parts while the deployed job runs. */
const PARTS = 4;

/** The oracle. */
export async function embeddedResults(ground: Ground): Promise<Results> {
  const target = await ground.target('embedded');
  await ground.feed(target, 0, 1);
  const folder = await mkdtemp(join(tmpdir(), 'e2e-'));
  try {
    const env = job.instantiate(target.settings);
    env.getCheckpointConfig().setCheckpointStorage(folder);
    await env.execute();
    return await resultsOf(ground.bootstrapServers, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function runMode(ground: Ground, mode: Mode, expected: Results, keep: boolean): Promise<ModeReport> {
  const target = await ground.target(mode.name);
  const deployed = await DeployedJob.create(ground.localstack.settings, `e2e-${ground.word}-${mode.name}`);
  let leftovers: readonly string[] | null = null;
  let ran;
  try {
    let part = 0;
    const run = await deployed.run({ ...target.settings, ...mode.settings }, async () => {
      await ground.feed(target, part, PARTS);
      return ++part < PARTS;
    });
    ran = { run, cost: run.status === 'finished' ? deployed.cost() : '' };
  } finally {
    if (!keep) leftovers = await deployed.destroy();
  }
  const comparisons = compare(expected, await resultsOf(ground.bootstrapServers, target));
  return { mode: mode.name, ...ran, flights: ground.flights.length, comparisons, leftovers };
}
