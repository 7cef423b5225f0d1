/** A job of numbers through a keyed operator into files, in epochs of 20 ms, in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiskStateStore } from '../embedded/disk-state-store.ts';

export const ROWS = 3_000;
export const everything: readonly number[] = Array.from({ length: ROWS }, (_, i) => i);
/** Settings with which the job takes a while. */
export const SLOW: readonly string[] = ['--set', 'rate=2000'];

export interface Trial {
  readonly file: string;
  /** Arguments that say where its state is. */
  readonly at: readonly [flag: string, folder: string];
  readonly store: DiskStateStore;
  /** What its sink has published. */
  readonly rows: () => Promise<readonly number[]>;
  /** Until it has committed an epoch or two. */
  readonly underWay: () => Promise<void>;
}

export class Trials {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'millrace-trials-'));

  /** Of all state folders. */
  get root(): string {
    return join(this.folder, 'root');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  async begin(name: string): Promise<Trial> {
    const [engine, datagen, files] = ['index.ts', 'connectors/datagen/index.ts', 'connectors/files/index.ts'].map(
      (path) => JSON.stringify(new URL(`../${path}`, import.meta.url).href),
    );
    const [file, out, state] = [
      join(this.folder, `${name}.ts`),
      join(this.folder, `${name}-out`),
      join(this.root, name),
    ];
    await writeFile(
      file,
      `import { defineJob, WatermarkStrategy } from ${engine};
import { DataGeneratorSource } from ${datagen};
import { FileSink, jsonEncoder } from ${files};
export const job = defineJob({ name: '${name}', config: { rate: 0 }, build(env, { rate }) {
  env.enableCheckpointing(20);
  const rows = { generator: (i) => ({ k: i % 7, i }), count: ${ROWS}, ...(rate === 0 ? {} : { rowsPerSecond: rate }) };
  env.fromSource(new DataGeneratorSource(rows), WatermarkStrategy.noWatermarks(), 'rows')
    .keyBy('k').max('i').sinkTo(FileSink.forRowFormat(${JSON.stringify(out)}, jsonEncoder()).build());
} });\n`,
    );
    const store = new DiskStateStore(join(state, 'state'));
    return {
      file,
      at: ['--state', state],
      store,
      rows: async () => {
        const texts = await Promise.all((await readdir(out)).map((part) => readFile(join(out, part), 'utf8')));
        const lines = texts.flatMap((text) => text.trimEnd().split('\n'));
        return lines.map((line) => (JSON.parse(line) as { i: number }).i).toSorted((a, b) => a - b);
      },
      underWay: async () => {
        while ((await store.listItems(name, 'manifest/')).length < 2) await sleep(10);
      },
    };
  }
}

export const jsonOf = (out: string): Readonly<Record<string, unknown>> => JSON.parse(out) as Record<string, unknown>;
