/** One run of one job; prints one JSON line. Arguments: job, file of events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSink, jsonEncoder } from '../../engine/connectors/files/index.ts';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import { StreamExecutionEnvironment } from '../../engine/index.ts';
import { operatorJob, type OperatorName } from './operator-jobs.ts';

const [operator, file] = process.argv.slice(2) as [OperatorName, string];
const folder = mkdtempSync(join(tmpdir(), 'millrace-operators-'));
const env = StreamExecutionEnvironment.getExecutionEnvironment().enableCheckpointing(1000);
operatorJob(env, operator, file).sinkTo(FileSink.forRowFormat(join(folder, 'out'), jsonEncoder()).build());
const settings = { ...env.settings(), stateDir: join(folder, 'state') };
let stateBytes = 0;
let keys = 0;
const startedCpu = process.cpuUsage();
const started = performance.now();
const result = await runEmbedded(env.toJobGraph(), settings, {
  onEpoch: ({ state, keys: live }) => {
    const parts = [...(state.base?.snapshots ?? []), ...state.log];
    stateBytes = Math.max(
      stateBytes,
      parts.reduce((sum, { object }) => sum + object.bytes, 0),
    );
    keys = Math.max(keys, ...Object.values(live));
  },
});
const cpu = process.cpuUsage(startedCpu);
const rows = result.counts['recordsIn'] ?? 0;
process.stdout.write(
  `${JSON.stringify({
    bench: 'operators',
    operator,
    rows,
    emitted: result.counts['recordsOut'] ?? 0,
    epochs: result.epochs,
    rowsPerSecond: Math.round(rows / ((performance.now() - started) / 1000)),
    rowsPerCpuSecond: Math.round(rows / ((cpu.user + cpu.system) / 1e6)),
    /** The most that base and log held at the end of an epoch, compressed. */
    stateBytes,
    keys,
    longestPauseMs: Math.round(result.longestPauseMs),
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
  })}\n`,
);
rmSync(folder, { recursive: true, force: true });
