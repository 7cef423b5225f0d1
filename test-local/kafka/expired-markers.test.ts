/** A job that stood still for so long that the brokers dropped its markers. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DataGeneratorSource } from '../../engine/connectors/datagen/index.ts';
import { StreamExecutionEnvironment, WatermarkStrategy } from '../../engine/index.ts';
import { useServer } from '../servers/index.ts';
import { readCommitted } from './independent-reader.ts';
import { openClient, sinkBuilderOn } from './sink-trial.ts';

const ROWS = 400;

test('it goes on without a question where all of it was published', async () => {
  const servers = (await useServer('kafka')).settings['bootstrapServers']!;
  const topic = `expired-${randomUUID().slice(0, 8)}`;
  const client = await openClient(servers);
  await client.createTopic(topic, 2, 1, {});
  const folder = await mkdtemp(join(tmpdir(), 'expired-'));
  const environment = (rowsPerSecond: number): StreamExecutionEnvironment => {
    const env = new StreamExecutionEnvironment('expired').enableCheckpointing(50);
    env.getCheckpointConfig().setCheckpointStorage(folder);
    const rows = new DataGeneratorSource({ generator: (i) => ({ id: `row-${i}` }), count: ROWS, rowsPerSecond });
    env
      .fromSource(rows, WatermarkStrategy.noWatermarks(), 'rows')
      .uid('rows')
      .sinkTo(sinkBuilderOn(servers, topic).build())
      .uid('out');
    return env;
  };
  try {
    const first = environment(200).executeAsync();
    while ((await client.offsets([{ topic, partition: 0 }], 'latest', 'read_committed'))[0] === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await first.stop()).ending).toBe('stopped');
    for (let slot = 0; slot < 8; slot++) await client.deleteGroup(`${topic}-${slot}`);
    expect((await environment(10_000).execute()).ending).toBe('finished');
    const read = (await readCommitted(servers, topic)).map(({ value }) => value!);
    expect(read.toSorted()).toEqual(Array.from({ length: ROWS }, (_, i) => `row-${i}`).toSorted());
  } finally {
    await client.close();
    await rm(folder, { recursive: true, force: true });
  }
});
