/**
 * `npm run bench -- shuffle [--repeats N]`: encode and decode of four fields of the orders, for two receivers, in one process. Three JSON lines:
 * lazy rows of a declared schema, plain objects, and JSON.parse of the same lines as the yardstick. CPU seconds of all threads.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import type { ExchangeBatch } from '../../engine/operators/exchange-batch.ts';
import { ShuffleReader } from '../../engine/runtime/shuffle/shuffle-reader.ts';
import { ShuffleWriter, type KeyedInput } from '../../engine/runtime/shuffle/shuffle-writer.ts';
import { lazyBatches, orderLines, valueBatches, type Order } from './order-rows.ts';

/** Few enough that the lines stay in the cache, as they are when a batch is sent right after it was scanned. */
const ROWS = 32_768;
const ROUNDS = 60;
const RECEIVERS = 2;
const SPLITS = 2;

export function benchShuffle(args: readonly string[]): void {
  const [flag, count] = args;
  const repeats = flag === '--repeats' ? Number(count) : 5;
  if ((flag !== undefined && flag !== '--repeats') || !Number.isInteger(repeats) || repeats < 1) {
    process.stderr.write('usage: bench shuffle [--repeats N]\n');
    process.exitCode = 2;
    return;
  }
  const lines = orderLines(ROWS);
  const kinds = [
    { rows: 'lazy', batches: lazyBatches(lines), keyColumn: 0, runs: [] as Run[] },
    { rows: 'plain objects', batches: valueBatches(lines), keyColumn: -1, runs: [] as Run[] },
  ];
  const yardstick: number[] = [];
  // The first round warms up; then all take turns, so that other load falls on all alike.
  for (let i = 0; i <= repeats; i++) {
    for (const kind of kinds) {
      const run = measure(kind.batches, kind.keyColumn);
      if (i > 0) kind.runs.push(run);
    }
    const parse = cpuSeconds(() => lines.forEach((line) => JSON.parse(line)));
    if (i > 0) yardstick.push(ROWS / parse);
  }
  for (const { rows, runs } of kinds) {
    const of = (get: (run: Run) => number): number => median(runs.map(get));
    print({
      bench: 'shuffle',
      rows,
      fields: 4,
      encodeRowsPerCpuSecond: Math.round(of((run) => run.encode)),
      decodeRowsPerCpuSecond: Math.round(of((run) => run.decode)),
      bothRowsPerCpuSecond: Math.round(of((run) => 1 / (1 / run.encode + 1 / run.decode))),
      bytesPerRow: +(runs[0]!.bytes / ROWS).toFixed(1),
      zstd1BytesPerRow: +(runs[0]!.zstdBytes / ROWS).toFixed(1),
      ratioToJsonParse: +(of((run) => 1 / (1 / run.encode + 1 / run.decode)) / median(yardstick)).toFixed(1),
      same: runs.every((run) => run.same),
    });
    if (!runs.every((run) => run.same)) process.exitCode = 1;
  }
  print({
    bench: 'shuffle',
    rows: 'JSON.parse of each line (yardstick)',
    rowsPerCpuSecond: Math.round(median(yardstick)),
  });
}

interface Run {
  readonly encode: number;
  readonly decode: number;
  readonly bytes: number;
  readonly zstdBytes: number;
  readonly same: boolean;
}

function measure(batches: readonly ExchangeBatch[], keyColumn: number): Run {
  const input: KeyedInput = { key: { kind: 'field', field: 'customer_id' }, keyColumn, input: 0, wmEnd: Infinity };
  const writer = new ShuffleWriter({ maxParallelism: 128, receivers: RECEIVERS });
  const reader = new ShuffleReader();
  let blocks: Uint8Array[] = [];
  const encode = cpuSeconds(() => {
    for (let round = 0; round < ROUNDS; round++) {
      batches.forEach((batch, i) => writer.add(input, batch, i % SPLITS));
      blocks = writer.finish().map((block) => block.bytes);
    }
  });
  const decode = cpuSeconds(() => {
    for (let round = 0; round < ROUNDS; round++) decoded(reader, blocks, () => undefined);
  });
  const sum = { cents: 0, rows: 0 };
  decoded(reader, blocks, (order) => count(sum, order));
  const expected = { cents: 0, rows: 0 };
  for (const batch of batches) for (let j = 0; j < batch.n; j++) count(expected, rowOf(batch, j));
  const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };
  return {
    encode: (ROWS * ROUNDS) / encode,
    decode: (ROWS * ROUNDS) / decode,
    bytes: blocks.reduce((n, block) => n + block.length, 0),
    zstdBytes: blocks.reduce((n, block) => n + zstdCompressSync(block, level).length, 0),
    same: sum.rows === expected.rows && sum.cents === expected.cents,
  };
}

function decoded(
  reader: ShuffleReader,
  blocks: readonly Uint8Array[],
  row: ((order: Order) => void) | (() => undefined),
): void {
  for (const block of blocks) {
    for (const channel of reader.read(block)) {
      for (let batch = channel.next(); batch !== null; batch = channel.next()) {
        if (row.length > 0) for (let j = 0; j < batch.n; j++) row(rowOf(batch, j));
        reader.release(batch);
      }
    }
  }
}

function rowOf(batch: ExchangeBatch, j: number): Order {
  if (!batch.lazy) return batch.values[j] as Order;
  const row = batch.source!.row!;
  row.__i = batch.index[j]!;
  return row as unknown as Order;
}

function count(sum: { cents: number; rows: number }, { amount, customer_id, status, event_ts }: Order): void {
  sum.rows++;
  // Whole numbers: their sum does not depend on the order of rows.
  sum.cents += Math.round(amount * 100) * (1 + (Number(customer_id.slice(5)) % 7)) + status.length + (event_ts % 1000);
}

function cpuSeconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
