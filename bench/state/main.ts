/**
 * What an epoch costs with the state backend `table`, by the size of the state: 5,000 rows of as many keys out of ever more. The table is made up:
 * a key's record is computed when it is asked for, so that any size fits; it counts the requests that DynamoDB would get.
 *
 *     node bench/state/main.ts
 */
import { keyedProcess, valueState } from '../../engine/api/functions.ts';
import { StreamExecutionEnvironment } from '../../engine/api/environment.ts';
import type { BaseRef, Manifest, Plan } from '../../engine/checkpoint/records.ts';
import { MemoryBlobStore } from '../../engine/embedded/memory-blob-store.ts';
import { MemoryStateTable } from '../../engine/embedded/memory-state-table.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { attemptId } from '../../engine/model/ids.ts';
import type { Collector } from '../../engine/operators/collector.ts';
import { CollectionSource } from '../../engine/operators/collection-source.ts';
import type { KeyAddress, KeyRecord, TablePlace } from '../../engine/ports/state-table.ts';
import { FusedRunner } from '../../engine/runtime/fused-runner.ts';
import { foldJob } from '../../engine/runtime/table/fold-job.ts';
import { packKeyRecord } from '../../engine/state/key-record.ts';
import { CommittedRows } from '../../engine/testing/committed-rows.ts';
import { WatermarkStrategy } from '../../engine/time/watermark-strategy.ts';

const ROWS = 5000;
/** No factor of the numbers of keys: rows of an epoch are all of different keys. */
const STEP = 7919;
const EPOCHS = 6;
const VALUE = 'v'.repeat(180);
const RECORD_BYTES = 200;
const BATCH = 100;

/** Every key is there. */
class AnyKeyTable extends MemoryStateTable {
  readonly requests = { get: 0, put: 0 };
  override async read(place: TablePlace, keys: readonly KeyAddress[]): Promise<readonly (KeyRecord | null)[]> {
    this.requests.get += Math.ceil(keys.length / BATCH);
    const found = await super.read(place, keys);
    return found.map((record, i) => record ?? this.#made(keys[i]!));
  }

  #made({ key }: KeyAddress): KeyRecord {
    const name = Buffer.from(key).subarray(1).toString();
    const bytes = packKeyRecord(name, new Map([['', { name: 'value:last', sub: null, value: VALUE }]]));
    return {
      epoch: 1,
      bytes,
      eventTime: Infinity,
      processingTime: Infinity,
    };
  }

  override async write(...args: Parameters<MemoryStateTable['write']>): ReturnType<MemoryStateTable['write']> {
    this.requests.put += args[1].length;
    return args[1].map(() => 'written' as const);
  }
}

class CountingBlobs extends MemoryBlobStore {
  created = 0;
  bytes = 0;
  override async create(name: string, chunks: readonly Uint8Array[]): Promise<'created' | 'exists'> {
    this.created++;
    for (const chunk of chunks) this.bytes += chunk.length;
    return await super.create(name, chunks);
  }
}

const last = keyedProcess({
  state: { last: valueState<string>({ defaultValue: '' }) },
  processElement(row: { readonly k: string; readonly n: number }, ctx, out: Collector<number>) {
    const { state } = ctx;
    if (row.n % 100 === 0) out.collect(state.last.value().length);
    state.last.update(`${row.n}${VALUE}`);
  },
});

function graphOf(keys: number) {
  const rows = Array.from({ length: ROWS * EPOCHS }, (_, n) => ({ k: `customer-${(n * STEP) % keys}`, n }));
  const env = new StreamExecutionEnvironment('bench');
  env
    .fromSource(new CollectionSource(rows), WatermarkStrategy.noWatermarks(), 'rows')
    .keyBy('k')
    .process(last)
    .uid('last')
    .sinkTo(new CommittedRows<number>());
  return env.toJobGraph();
}

async function measure(keys: number): Promise<void> {
  const graph = graphOf(keys);
  const table = new AnyKeyTable();
  const blobs = new CountingBlobs();
  const clock = new SystemClock();
  const limits = { residentKeys: 0 };
  const runner = new FusedRunner({
    job: 'bench',
    graph,
    clock,
    blobs,
    log: null,
    table: { table, isUsed: true, limits },
  });
  const offers = await runner.discover(new Map());
  const base: BaseRef = {
    epoch: 1 as BaseRef['epoch'],
    snapshots: [],
    table: { namespace: 'run-1', operators: ['last'], due: {} },
  };
  let plan = {
    format: 1,
    run: 'run',
    epoch: 2,
    generation: 1,
    clock: 0,
    graphHash: graph.hash,
    base: null,
    splits: offers.map(({ id, startPosition }) => ({ id, from: startPosition, to: null, state: null })),
    skip: [],
    subtasks: runner.subtasks(),
    state: { base, log: [] },
    watermarks: {},
    replan: null,
  } as unknown as Plan;
  const budget = { intervalMs: Infinity, timeoutMs: Infinity, maxRows: ROWS, signal: new AbortController().signal };
  const times: number[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const startedMs = performance.now();
    const { ack } = await runner.run(plan, attemptId(`a${epoch}`), budget);
    times.push(performance.now() - startedMs);
    const state = { base: plan.state.base, log: [...plan.state.log, ...ack.segments] };
    runner.committed({ state, watermarks: ack.watermarks, epoch: plan.epoch } as unknown as Manifest);
    const splits = ack.ranges.map(({ id, to, state: split }) => ({ id, from: to, to: null, state: split }));
    plan = { ...plan, epoch: (plan.epoch + 1) as Plan['epoch'], splits, state, watermarks: ack.watermarks };
  }
  await runner.close();
  const { get } = table.requests;
  const foldMs = performance.now();
  const breathe = async (): Promise<void> => undefined;
  await foldJob(
    { job: 'bench', blobs, table: { table, isUsed: true }, maxParallelism: 128, breathe },
    plan.state,
    'run',
    'tag',
  );
  const round = (n: number): string => n.toFixed(0).padStart(7);
  // The first epoch compiles; the job's end is the last one.
  const epochMs = times.slice(1, -1).reduce((a, b) => a + b, 0) / (times.length - 2);
  console.log(
    `${round((keys * RECORD_BYTES) / 1e6)} MB of state:${round(epochMs)} ms an epoch,${round(get / EPOCHS)} reads of ${BATCH} keys,` +
      `${round(blobs.created / EPOCHS)} objects of${round(blobs.bytes / blobs.created / 1000)} KB; a fold of ${EPOCHS}: ${round(table.requests.put)} writes,${round(performance.now() - foldMs)} ms`,
  );
}

for (const keys of [20_000, 5000, 500_000, 5_000_000]) await measure(keys);
