/** Jobs with real files, that die at any step and go on. */
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { jsonEncoder } from '../../formats/encoder.ts';
import { jsonLines } from '../../formats/json-lines.ts';
import { parquetEncoder } from '../../formats/parquet/parquet-encoder.ts';
import { parquetRows } from '../../formats/parquet/parquet-rows.ts';
import { p, parquetSchema } from '../../formats/parquet/parquet-schema.ts';
import { schema, t } from '../../formats/schema.ts';
import { runInMemory, type InMemoryOptions, type InMemoryRun, type JobScope } from '../../testing/run-in-memory.ts';
import { WatermarkStrategy } from '../../time/watermark-strategy.ts';
import { EventTimeBuckets } from './event-time-buckets.ts';
import { FileSink } from './file-sink.ts';
import { FileSource } from './file-source.ts';

const root = mkdtempSync(join(tmpdir(), 'millrace-files-job-'));
afterAll(() => rmSync(root, { recursive: true }));

const HOUR = 3_600_000;
const START = Date.parse('2024-01-31T22:00:00Z');
const order = schema({ id: t.int(), at: t.timestamp() });
const sale = parquetSchema({ id: p.int64(), at: p.timestamp(), amount: p.decimal(20, 2) });
const ORDERS = Array.from({ length: 240 }, (_, id) => ({ id, at: START + id * 60_000 }));
const input = join(root, 'orders.jsonl');
writeFileSync(input, ORDERS.map((row) => `${JSON.stringify(row)}\n`).join(''));
const byAt = WatermarkStrategy.forMonotonousTimestamps<{ at: number }>().withTimestampAssigner((row) => row.at);

let runs = 0;
const nextDirectory = (): string => join(root, `out-${++runs}`);

function orders({ env }: JobScope, path = input, splitSize = 3_000) {
  return env
    .fromSource(FileSource.forRecordStreamFormat(jsonLines(order), path).splitSize(splitSize).build(), byAt, 'orders')
    .uid('orders');
}

function toParquet(directory: string, splitSize?: number): (scope: JobScope) => void {
  return (scope) => {
    orders(scope, input, splitSize)
      .map(({ id, at }) => ({ id, at, amount: `${id}.50` }))
      .sinkTo(
        FileSink.forBulkFormat(directory, parquetEncoder(sale, { compression: 'zstd', rowGroupRows: 7 }))
          .withFileSuffix('.parquet')
          .withBucketAssigner(EventTimeBuckets.hourly())
          .withMaxPartBytes(4_000)
          .withPartitionCommit()
          .build(),
      )
      .uid('out');
  };
}

async function salesIn(directory: string, options: InMemoryOptions = {}, splitSize = 1_500): Promise<InMemoryRun> {
  return await runInMemory(({ env, sink }) => {
    const source = FileSource.forBulkFileFormat(parquetRows(sale), directory).splitSize(splitSize).build();
    env.fromSource(source, WatermarkStrategy.noWatermarks(), 'sales').sinkTo(sink('rows'));
  }, options);
}

const byId = (run: InMemoryRun): { id: number }[] =>
  (run.values('rows') as { id: number }[]).sort((a, b) => a.id - b.id);
const SALES = ORDERS.map(({ id, at }) => ({ id, at, amount: `${id}.50` }));

function filesIn(directory: string): string[] {
  return (readdirSync(directory, { recursive: true }) as string[])
    .filter((name) => statSync(join(directory, name)).isFile())
    .sort();
}

/** Files that were written after the success marker of their bucket. */
function filesAfterTheirMarker(directory: string): string[] {
  const writtenAt = (name: string): bigint => statSync(join(directory, name), { bigint: true }).mtimeNs;
  return filesIn(directory).filter((name) => writtenAt(name) > writtenAt(join(dirname(name), '_SUCCESS')));
}

describe('Parquet files by event time', () => {
  it('hold each row once, whatever dies', async () => {
    const whole = await runInMemory(toParquet(nextDirectory()), { rowsPerEpoch: 50 });
    for (let i = 1; i <= 6; i++) {
      const step = Math.ceil((whole.steps * i) / 6);
      const directory = nextDirectory();
      const run = await runInMemory(toParquet(directory), {
        rowsPerEpoch: 50,
        crashAfter: [step, Math.ceil(step / 2), 2],
        packings: [{}, { workers: 2 }],
      });
      expect(run.crashes.length).toBeGreaterThan(0);
      expect(byId(await salesIn(directory))).toEqual(SALES);
      const files = filesIn(directory);
      expect(files.filter((name) => name.endsWith('_SUCCESS'))).toEqual(
        ['01-31/hour=22', '01-31/hour=23', '02-01/hour=00', '02-01/hour=01'].map((b) => `dt=2024-${b}/_SUCCESS`),
      );
      expect(files.filter((name) => /_LATE|\.tmp$/.test(name))).toEqual([]);
      for (const name of files) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(4_000);
      expect(filesAfterTheirMarker(directory)).toEqual([]);
    }
  });

  it('are read the same in any cut, packing and after any death', async () => {
    const directory = nextDirectory();
    await runInMemory(toParquet(directory), { rowsPerEpoch: 120 });
    expect(filesIn(directory).filter((name) => name.includes('-p1.')).length).toBeGreaterThan(0);
    for (const [splitSize, workers] of [
      [1_000, 2],
      [300, 3],
      [1_000_000, 2],
    ] as const) {
      const run = await salesIn(
        directory,
        { rowsPerEpoch: [3, 40, 1], crashAfter: [9, 3, 17, 5], packings: [{}, { workers }], stopEvery: 4 },
        splitSize,
      );
      expect(run.crashes.length).toBeGreaterThan(0);
      expect(byId(run)).toEqual(SALES);
    }
  });

  it('go on from the row, not from the row group', async () => {
    const directory = nextDirectory();
    await runInMemory(toParquet(directory, 1_000_000), {});
    const run = await salesIn(directory, { rowsPerEpoch: 5, stopEvery: 1 }, 1_000_000);
    expect(run.manifests.length).toBeGreaterThan(40);
    expect(byId(run)).toEqual(SALES);
  });
});

describe('success markers', () => {
  it('are made when the watermark has passed the end of the bucket', async () => {
    const directory = nextDirectory();
    const seen: string[] = [];
    await runInMemory(toParquet(directory, 1_000_000), {
      rowsPerEpoch: 30,
      onEpoch: (manifest) => {
        const marked = filesIn(directory).filter((name) => name.endsWith('_SUCCESS'));
        seen.push(`${manifest.epoch}: ${marked.map((name) => dirname(name).slice(-2)).join(' ')}`);
      },
    });
    // Rows come a minute apart, 60 an hour; the watermark is a millisecond behind.
    expect(seen.slice(0, 8)).toEqual([
      '1: ',
      '2: ',
      '3: 22',
      '4: 22',
      '5: 22 23',
      '6: 22 23',
      '7: 22 23 00',
      '8: 22 23 00',
    ]);
    expect(filesIn(directory).filter((name) => name.endsWith('_SUCCESS')).length).toBe(4);
  });

  it.each([undefined, 2])('wait for splits that are behind or not read yet, workers: %s', async (workers) => {
    const folder = nextDirectory();
    mkdirSync(folder);
    for (const name of ['a.jsonl', 'b.jsonl']) copyFileSync(input, join(folder, name));
    const directory = nextDirectory();
    const job = (scope: JobScope): void => {
      orders(scope, folder, 1_000_000)
        .sinkTo(
          FileSink.forRowFormat<{ at: number }>(directory, jsonEncoder())
            .withBucketAssigner(EventTimeBuckets.hourly())
            .withPartitionCommit()
            .build(),
        )
        .uid('out');
    };
    let early = 0;
    const onEpoch = (): void => {
      if (filesIn(directory).some((name) => name.endsWith('_SUCCESS'))) early++;
    };
    await runInMemory(job, { rowsPerEpoch: 70, onEpoch, ...(workers === undefined ? {} : { workers }) });
    expect(early).toBeGreaterThan(workers === undefined ? 1 : 0);
    const files = filesIn(directory);
    expect(files.filter((name) => name.endsWith('_SUCCESS')).length).toBe(4);
    expect(files.filter((name) => name.includes('_LATE'))).toEqual([]);
  });

  it('wait for keyed operators', async () => {
    const directory = nextDirectory();
    const first: (string | undefined)[] = [];
    await runInMemory(
      (scope) => {
        orders(scope, input, 3_000)
          .keyBy('id')
          .reduce((a) => a)
          .sinkTo(
            FileSink.forRowFormat<{ id: number; at: number }>(directory, jsonEncoder())
              .withBucketAssigner(EventTimeBuckets.hourly<{ at: number }>().withTimestamp((row) => row.at))
              .withPartitionCommit()
              .build(),
          )
          .uid('out');
      },
      { rowsPerEpoch: 30, onEpoch: () => first.push(filesIn(directory).find((name) => name.endsWith('_SUCCESS'))) },
    );
    expect(first.findIndex((name) => name !== undefined)).toBeGreaterThan(1);
    expect(filesIn(directory).filter((name) => name.endsWith('_SUCCESS')).length).toBe(4);
  });

  it('count late rows beside the marker, once, and leave it as it is', async () => {
    const late = [...ORDERS.slice(0, 130), { id: 900, at: START }, { id: 901, at: START + 1 }, ...ORDERS.slice(130)];
    const path = join(root, 'late.jsonl');
    writeFileSync(path, late.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const run = async (crashAfter: number[]): Promise<string> => {
      const directory = nextDirectory();
      const job = (scope: JobScope): void => {
        orders(scope, path, 1_000_000)
          .sinkTo(
            FileSink.forRowFormat<{ at: number }>(directory, jsonEncoder())
              .withBucketAssigner(EventTimeBuckets.hourly())
              .withPartitionCommit({ successFile: '_DONE' })
              .build(),
          )
          .uid('out');
      };
      const { steps } = await runInMemory(job, { rowsPerEpoch: 100, crashAfter });
      const bucket = join(directory, 'dt=2024-01-31/hour=22');
      const names = readdirSync(bucket);
      const counts = names
        .filter((name) => name.startsWith('_LATE'))
        .map((name) => readFileSync(join(bucket, name), 'utf8'));
      const marker = JSON.parse(readFileSync(join(bucket, '_DONE'), 'utf8')) as { epoch: number };
      expect(filesIn(directory).filter((name) => name.includes('_LATE')).length).toBe(1);
      return `${counts.join()} ${marker.epoch} ${steps > 0}`;
    };
    expect(await run([])).toBe('2\n 1 true');
    for (let step = 1; step < 30; step += 4) expect(await run([step])).toBe('2\n 1 true');
  });

  it('by process-time come so long after the first file, and at the end', async () => {
    const directory = nextDirectory();
    await runInMemory((scope) => {
      orders(scope)
        .sinkTo(
          FileSink.forRowFormat<{ at: number }>(directory, jsonEncoder())
            .withBucketAssigner(({ at }) => `h=${at % HOUR === 0}`)
            .withPartitionCommit({ trigger: 'process-time', delayMs: 1e12 })
            .build(),
        )
        .uid('out');
    });
    expect(filesIn(directory).filter((name) => name.endsWith('_SUCCESS'))).toEqual([
      'h=false/_SUCCESS',
      'h=true/_SUCCESS',
    ]);
  });
});

it('fails a job whose rows have no time to be put into a bucket by', async () => {
  const job = ({ env }: JobScope): void => {
    env
      .fromData(1, 2)
      .sinkTo(
        FileSink.forRowFormat<number>(nextDirectory(), jsonEncoder())
          .withBucketAssigner(EventTimeBuckets.daily())
          .build(),
      );
  };
  await expect(runInMemory(job)).rejects.toThrow('a row without a timestamp has no bucket: assign timestamps');
});

it('hands rows that do not fit their columns to the dead letters, with their numbers', async () => {
  const directory = nextDirectory();
  await runInMemory(toParquet(directory), {});
  const narrow = parquetSchema({ id: p.int64(), amount: p.decimal(4, 2) });
  const run = await runInMemory(
    ({ env, sink }) => {
      env
        .fromSource(
          FileSource.forBulkFileFormat(parquetRows(narrow), directory).build(),
          WatermarkStrategy.noWatermarks(),
          's',
        )
        .uid('s')
        .sinkTo(sink('rows'));
      env.deadLetters().sinkTo(sink('letters'));
    },
    { rowsPerEpoch: 33 },
  );
  expect(byId(run)).toEqual(SALES.slice(0, 100).map(({ id, amount }) => ({ id, amount })));
  const letters = run.values('letters') as { position: number; record: string; error: string }[];
  expect(letters.length).toBe(140);
  const hundred = letters.find(({ error }) => error.includes(' 10050 '))!;
  expect(hundred.error).toBe('column "amount": the unscaled value 10050 has more than 4 digits');
  expect(hundred.record).toMatch(/^\{"id":100,"amount":"/);
});
