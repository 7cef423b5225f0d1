/** A job whose function ends its worker thread once, at a chosen row, or never returns: for worker-death.test.ts. */
import { existsSync, writeFileSync } from 'node:fs';
import { DataGeneratorSource } from '../engine/connectors/datagen/index.ts';
import { FileSink, jsonEncoder } from '../engine/connectors/files/index.ts';
import { defineJob, RestartStrategies, WatermarkStrategy } from '../engine/index.ts';

export const job = defineJob({
  name: 'dying-worker',
  config: { flag: '', output: '', how: 'exits' },
  build(env, { flag, output, how }) {
    env.enableCheckpointing(50).setRestartStrategy(RestartStrategies.fixedDelayRestart(3, 1));
    const rows = new DataGeneratorSource({
      generator: (i) => ({ k: `k${i % 50}`, n: 1, i }),
      count: 20_000,
      splits: 4,
    });
    env
      .fromSource(rows, WatermarkStrategy.noWatermarks(), 'rows')
      .map((row) => {
        if (row.i === 9_001 && !existsSync(flag)) {
          writeFileSync(flag, how);
          if (how === 'exits') process.exit(3);
          // oxlint-disable-next-line no-constant-condition
          for (;;);
        }
        return row;
      })
      .keyBy('k')
      .sum('n')
      .filter((row) => row.n === 400)
      .sinkTo(FileSink.forRowFormat<object>(output, jsonEncoder()).withFileSuffix('.jsonl').build());
  },
});
