/**
 * CPU of an epoch with nothing in it (its one row is filtered out), and with one row that changes state, on disk, commit and
 * publication included. Prints one JSON line.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSink, jsonEncoder } from '../../engine/connectors/files/index.ts';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import { StreamExecutionEnvironment } from '../../engine/index.ts';

const EPOCHS = 300;
const WARM = 150;

interface Cost {
  readonly cpuMs: number;
  readonly wallMs: number;
}

async function costOfAnEpoch(keep: boolean): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env
    .fromData(...Array.from({ length: EPOCHS }, (_, i) => ({ k: i % 10, n: 1 })))
    .filter(() => keep)
    .keyBy('k')
    .sum('n')
    .filter((row) => row.n < 0)
    .sinkTo(FileSink.forRowFormat<object>(join(folder, 'out'), jsonEncoder()).build());
  let epochs = 0;
  let cpu = process.cpuUsage();
  let started = performance.now();
  const settings = { ...env.settings(), stateDir: join(folder, 'state') };
  await runEmbedded(env.toJobGraph(), settings, {
    maxRows: 1,
    onEpoch() {
      if (++epochs !== WARM) return;
      cpu = process.cpuUsage();
      started = performance.now();
    },
  });
  const used = process.cpuUsage(cpu);
  const measured = epochs - WARM;
  const cost = { cpuMs: (used.user + used.system) / 1000 / measured, wallMs: (performance.now() - started) / measured };
  rmSync(folder, { recursive: true, force: true });
  return cost;
}

const round = (ms: number): number => +ms.toFixed(2);
const empty = await costOfAnEpoch(false);
const oneRow = await costOfAnEpoch(true);
process.stdout.write(
  `${JSON.stringify({ bench: 'empty-epoch', emptyEpochCpuMs: round(empty.cpuMs), emptyEpochMs: round(empty.wallMs), oneRowEpochCpuMs: round(oneRow.cpuMs), oneRowEpochMs: round(oneRow.wallMs) })}\n`,
);
