/** Generated numbers, counted by key into files, without an end: a job that needs no server but AWS's. */
import { DataGeneratorSource } from '../../engine/connectors/datagen/index.ts';
import { FileSink, jsonEncoder } from '../../engine/connectors/files/index.ts';
import { defineJob, WatermarkStrategy } from '../../engine/index.ts';

interface Counted {
  readonly key: number;
  readonly n: number;
}

export const job = defineJob({
  name: 'counted',
  config: { output: '', rowsPerSecond: 200, epochMs: 300 },
  build(env, { output, rowsPerSecond, epochMs }) {
    env.enableCheckpointing(epochMs);
    env
      .fromSource(
        new DataGeneratorSource<Counted>({
          generator: (i) => ({ key: i % 5, n: 1 }),
          count: Infinity,
          rowsPerSecond,
        }),
        WatermarkStrategy.noWatermarks(),
        'numbers',
      )
      .uid('numbers')
      .keyBy('key')
      .sum('n')
      .uid('counts')
      .sinkTo(FileSink.forRowFormat<Counted>(output, jsonEncoder()).build())
      .uid('files');
  },
});
