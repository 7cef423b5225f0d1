/**
 * The simulator's command: `npm run sim -- [--seeds N] [--seed S] [--mutants] [--trace]`
 *
 *     --seeds N   how many runs (default 1,000, with --seed one; with --mutants: seeds tried per mutant at most)
 *     --seed S    the first seed (default 1)
 *     --trace     prints every event of the runs
 *     --mutants   switches off one guard after another; each must be noticed
 *     --mutant M  only the mutants whose name contains M
 *
 * A failing seed is printed with its shrunk trace. Exit code 1: a law was broken, or a mutant survived.
 */
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
  },
});

function whole(name: string, text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) {
    console.error(`--${name} takes a whole number, not "${text}".`);
    process.exit(2);
  }
  return n;
}

const first = whole('seed', values.seed ?? '1');
const MUTANT_SEEDS = 5000;
/** After so many failing seeds there is enough to look at. */
const MOST_FAILURES = 10;
/** Of a shrunk trace: its end tells most. */
const MOST_LINES = 150;

async function runSeeds(count: number): Promise<number> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const ends: Record<string, number> = {};
  let failures = 0;
  let runs = 0;
  let epochs = 0;
  let faults = 0;
  for (let seed = first; seed < first + count && failures < MOST_FAILURES; seed++) {
    const result = await simulate(seed, values.trace ? { trace: (line) => console.log(line) } : {});
    runs++;
    epochs += result.epochs;
    faults += result.faults.length;
    ends[result.end] = (ends[result.end] ?? 0) + 1;
    if (result.broken === null) continue;
    failures++;
    await report(seed, result.broken);
  }
  const seconds = (performance.now() - started) / 1000;
  const used = process.cpuUsage(cpu);
  const cpuSeconds = (used.user + used.system) / 1e6;
  console.log(
    `${runs} seeds, ${failures} failed; ${epochs} epochs, ${faults} faults; ends: ${JSON.stringify(ends)}; ` +
      `${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of CPU): ${Math.round((runs / seconds) * 60)} seeds/min, ${Math.round((runs / cpuSeconds) * 60)} per CPU minute`,
  );
  return failures === 0 ? 0 : 1;
}

async function report(seed: number, broken: string): Promise<void> {
  console.log(`\nseed ${seed} FAILED: ${broken}`);
  if (values.trace) return;
  const { options, result, runs } = await shrink(seed);
  console.log(`shrunk in ${runs} runs to ${result.records} records, ${result.faults.length} faults: ${result.broken}`);
  console.log(JSON.stringify(result.spec));
  const lines: string[] = [];
  await simulate(seed, { ...options, trace: (line) => lines.push(`  ${line.slice(0, 200)}`) });
  if (lines.length > MOST_LINES)
    console.log(
      `  … ${lines.length - MOST_LINES} lines before (--seed ${seed} --trace prints the whole run, not shrunk)`,
    );
  console.log(lines.slice(-MOST_LINES).join('\n'));
}

async function runMutants(most: number): Promise<number> {
  const chosen = MUTANTS.filter((mutant) => values.mutant === undefined || mutant.name.includes(values.mutant));
  let survivors = 0;
  console.log(`${'mutant'.padEnd(30)} ${'law'.padEnd(10)} seed  broken`);
  for (const mutant of chosen) {
    let caught: string | null = null;
    for (let seed = first; seed < first + most && caught === null; seed++) {
      const graphs = mutant.graphs ?? 'all';
      const { broken } = await simulate(seed, {
        mutant,
        graphs,
        ...(values.trace ? { trace: (line: string) => console.log(line) } : {}),
      });
      // A run that breaks with all guards on says nothing of the mutant.
      if (broken !== null && (await simulate(seed, { graphs })).broken === null)
        caught = `${String(seed).padStart(4)}  ${broken.slice(0, 110)}`;
    }
    if (caught === null) survivors++;
    console.log(
      `${mutant.name.padEnd(30)} ${mutant.law.padEnd(10)} ${caught ?? `SURVIVED ${most} seeds: ${mutant.what}`}`,
    );
  }
  console.log(`${chosen.length} mutants, ${chosen.length - survivors} caught`);
  return survivors === 0 ? 0 : 1;
}

const count = values.seeds === undefined ? null : whole('seeds', values.seeds);
process.exitCode =
  values.mutants || values.mutant !== undefined
    ? await runMutants(count ?? MUTANT_SEEDS)
    : await runSeeds(count ?? (values.seed === undefined ? 1000 : 1));
