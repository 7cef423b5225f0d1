/** The broker is killed while a job runs, and stays away for longer than the job's restart budget. */
import { expect, test } from 'vitest';
import { DataGeneratorSource } from '../../engine/connectors/datagen/index.ts';
import { RestartStrategies, StreamExecutionEnvironment, WatermarkStrategy } from '../../engine/index.ts';
import { startOwn } from '../servers/index.ts';
import { readCommitted } from './independent-reader.ts';
import { openClient, sinkBuilderOn } from './sink-trial.ts';

const ROWS = 600;
const PAUSES = 4;

test('the job pauses, says so, and loses and doubles nothing', async () => {
  const broker = await startOwn('kafka');
  const servers = broker.settings['bootstrapServers']!;
  const client = await openClient(servers);
  await client.createTopic('out', 2, 1, {});
  await client.close();

  const env = new StreamExecutionEnvironment('outage');
  env.enableCheckpointing(200).setRestartStrategy(RestartStrategies.fixedDelayRestart(1, 10));
  const rows = new DataGeneratorSource({
    generator: (i) => ({ id: `row-${i}` }),
    count: ROWS,
    rowsPerSecond: 300,
  });
  const sink = sinkBuilderOn(servers, 'out')
    .setProperties({ 'default.api.timeout.ms': '500', 'request.timeout.ms': '1000' })
    .build();
  env.fromSource(rows, WatermarkStrategy.noWatermarks(), 'rows').sinkTo(sink).uid('out');

  let pauses = 0;
  let hasPaused = (): void => undefined;
  const paused = new Promise<void>((resolve) => (hasPaused = resolve));
  const onWarning = ({ name, message }: Error): void => {
    if (name !== 'MillraceNotice' || !message.includes('the job pauses, and tries again')) return;
    if (++pauses === PAUSES) hasPaused();
  };
  process.on('warning', onWarning);
  try {
    const running = env.execute();
    await Promise.race([firstRow(servers), running]);
    await broker.kill();
    await Promise.race([paused, running]);
    await broker.restart();
    await running;
  } finally {
    process.off('warning', onWarning);
  }
  expect(pauses).toBeGreaterThanOrEqual(PAUSES);
  const read = (await readCommitted(servers, 'out')).map(({ value }) => value!);
  expect(read.toSorted()).toEqual(Array.from({ length: ROWS }, (_, i) => `row-${i}`).toSorted());
  const after = await openClient(servers);
  expect((await after.listTransactions()).filter(({ state }) => state === 'Ongoing')).toEqual([]);
  await after.close();
  await broker.stop();
}, 120_000);

/** Resolves when something is visible. */
async function firstRow(servers: string): Promise<void> {
  const client = await openClient(servers);
  const partitions = [0, 1].map((partition) => ({ topic: 'out', partition }));
  while ((await client.offsets(partitions, 'latest', 'read_committed')).every((offset) => offset === 0))
    await new Promise((resolve) => setTimeout(resolve, 20));
  await client.close();
}
