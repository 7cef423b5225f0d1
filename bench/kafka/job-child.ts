/** One run of one job in a process of its own: JOB BOOTSTRAP INPUT OUTPUT FOLDER. One JSON line at the end, if it ends. */
import { join } from 'node:path';
import { runEmbedded } from '../../engine/embedded/executor.ts';
import { kafkaJob, type KafkaJobName } from './kafka-job.ts';

const [name, bootstrapServers, input, output, folder] = process.argv.slice(2) as [
  KafkaJobName,
  string,
  string,
  string,
  string,
];
const env = kafkaJob(name, { bootstrapServers, input, output });
const settings = { ...env.settings(), stateDir: join(folder, 'state') };
const startedCpu = process.cpuUsage();
const started = performance.now();
const result = await runEmbedded(env.toJobGraph(), settings);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(startedCpu);
process.stdout.write(
  `${JSON.stringify({
    rows: result.counts['recordsIn'] ?? 0,
    emitted: result.counts['recordsOut'] ?? 0,
    epochs: result.epochs,
    seconds: +seconds.toFixed(3),
    cpuSeconds: +((user + system) / 1e6).toFixed(3),
    longestPauseMs: Math.round(result.longestPauseMs),
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
  })}\n`,
);
