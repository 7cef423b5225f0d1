/** CPU of an epoch with next to nothing in it: one row each, keyed state and a sink, on disk. Prints one JSON line. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSink, jsonEncoder } from '../../engine/connectors/files/index.ts';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import { StreamExecutionEnvironment } from '../../engine/index.ts';

const EPOCHS = 300;
const WARM = 100;
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
const env = StreamExecutionEnvironment.getExecutionEnvironment();
env
  .fromData(...Array.from({ length: EPOCHS }, (_, i) => ({ k: i % 10, n: 1 })))
  .keyBy('k')
  .sum('n')
  .filter((row) => row.n < 0)
  .sinkTo(FileSink.forRowFormat<object>(join(folder, 'out'), jsonEncoder()).build());
let epochs = 0;
let cpu = process.cpuUsage();
let started = performance.now();
await runEmbedded(
  env.toJobGraph(),
  { ...env.settings(), stateDir: join(folder, 'state') },
  {
    maxRows: 1,
    onEpoch() {
      if (++epochs !== WARM) return;
      cpu = process.cpuUsage();
      started = performance.now();
    },
  },
);
const used = process.cpuUsage(cpu);
const measured = epochs - WARM;
const emptyEpochCpuMs = +((used.user + used.system) / 1000 / measured).toFixed(2);
process.stdout.write(`${JSON.stringify({ bench: 'empty-epoch', epochs: measured, emptyEpochCpuMs, emptyEpochMs: +((performance.now() - started) / measured).toFixed(2) })}\n`);
rmSync(folder, { recursive: true, force: true });
