/** `npm run bench -- operators [FILE]`: windows, timers and joins over Nexmark events, a process per run. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { OPERATORS } from './operator-jobs.ts';

const EVENTS = 2_000_000;
/** Of event time: five and a half hours in all. */
const EVENTS_PER_SECOND = 100;

export function benchOperators(args: readonly string[]): void {
  const { values: options, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { repeats: { type: 'string', default: '3' }, only: { type: 'string' } },
  });
  const repeats = Number(options.repeats);
  const file = positionals[0] ?? generated();
  if (file === null || !existsSync(file) || !Number.isInteger(repeats) || repeats < 1) {
    process.stderr.write(
      'bench operators: name a FILE of Nexmark events, as ../shared/oracle/gen/gen_nexmark.py makes them (N SEED FILE.jsonl mixed), and --repeats as a whole number\n',
    );
    process.exitCode = 2;
    return;
  }
  const child = fileURLToPath(new URL('child.ts', import.meta.url));
  const wanted = OPERATORS.filter((name) => options.only === undefined || name === options.only);
  const runs = new Map<string, Record<string, number>[]>(wanted.map((name) => [name, []]));
  for (let i = 0; i < repeats; i++) {
    for (const name of wanted) {
      const { stdout, status } = spawnSync(process.execPath, [child, name, file], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      if (status !== 0) throw new Error(`bench operators: ${name} failed`);
      process.stdout.write(stdout);
      runs.get(name)!.push(JSON.parse(stdout) as Record<string, number>);
    }
  }
  for (const [operator, lines] of runs) {
    const median = (field: string): number =>
      lines.map((line) => line[field]!).sort((a, b) => a - b)[Math.floor(lines.length / 2)]!;
    const fields = ['rowsPerCpuSecond', 'emitted', 'stateBytes', 'keys', 'longestPauseMs', 'peakRssMb'];
    const medians = Object.fromEntries(fields.map((field) => [field, median(field)]));
    process.stdout.write(`${JSON.stringify({ bench: 'operators-summary', operator, ...medians })}\n`);
  }
}

/** The events of the oracle's generator, made once. */
function generated(): string | null {
  const script = fileURLToPath(new URL('../../../shared/oracle/gen/gen_nexmark.py', import.meta.url));
  if (!existsSync(script)) return null;
  const file = join(tmpdir(), `millrace-nexmark-${EVENTS}.jsonl`);
  if (existsSync(file)) return file;
  process.stderr.write(`making ${EVENTS} events …\n`);
  const { status } = spawnSync('python3', [script, String(EVENTS), '42', file, 'mixed', String(EVENTS_PER_SECOND)], {
    stdio: 'inherit',
  });
  return status === 0 ? file : null;
}
