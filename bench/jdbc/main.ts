/**
 * `npm run bench -- jdbc [--repeats N] [--rows N]`: epochs of upserts into PostgreSQL and MariaDB, exactly once with the ledger: all keys are there already,
 * six columns, the servers' defaults (every commit is on disk). The databases take turns. Rows per second from the first row that a writer
 * is given to the commit's answer; and the processor time of this process, the servers' aside.
 */
import { parseArgs } from 'node:util';
import {
  JdbcConnectionOptionsBuilder,
  JdbcSink,
  type JdbcConnectionOptions,
} from '../../engine/connectors/jdbc/index.ts';
import { dialectOf } from '../../engine/connectors/jdbc/dialects.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import type { SinkPublisher, SinkWriter } from '../../engine/ports/sink.ts';
import { startOwn } from '../../test-local/servers/index.ts';

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly amount: string;
  readonly quantity: number;
  readonly paid: boolean;
  readonly updated: number;
}

const DATABASES = ['postgres', 'mariadb'] as const;
const RUN = 'r00000000000001-bench';
const BATCH_ROWS = 1024;

interface Contestant {
  readonly name: string;
  readonly writer: SinkWriter<Order>;
  readonly publisher: SinkPublisher;
  readonly rates: number[];
  readonly processor: number[];
}

export async function benchJdbc(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { repeats: { type: 'string', default: '15' }, rows: { type: 'string', default: '10000' } },
  });
  const [repeats, rows] = [Number(values.repeats), Number(values.rows)];
  if (!Number.isInteger(repeats) || repeats < 1 || !Number.isInteger(rows) || rows < 1) {
    process.stderr.write('bench jdbc: --repeats and --rows are whole numbers from 1\n');
    process.exitCode = 2;
    return;
  }
  const servers = await Promise.all(DATABASES.map(async (name) => await startOwn(name)));
  try {
    const contestants: Contestant[] = [];
    for (const { name, settings } of servers) {
      const connection = new JdbcConnectionOptionsBuilder()
        .withUrl(settings['url']!)
        .withUsername(settings['user']!)
        .withPassword(settings['password']!)
        .build();
      contestants.push(await contestant(name, connection));
    }
    // The first epoch inserts, the second compiles: neither is counted.
    for (let epoch = 1; epoch <= repeats + 2; epoch++)
      for (const one of contestants) await runEpoch(one, epoch, rows, epoch > 2);
    for (const { name, rates, processor, publisher } of contestants) {
      await publisher.close();
      process.stdout.write(
        `${JSON.stringify({ bench: 'jdbc-summary', database: name, rowsPerEpoch: rows, epochs: repeats, rowsPerSecond: Math.round(quantile(rates, 0.5)), slowQuartile: Math.round(quantile(rates, 0.25)), fastQuartile: Math.round(quantile(rates, 0.75)), rowsPerCpuSecond: Math.round(quantile(processor, 0.5)) })}\n`,
      );
    }
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function contestant(name: string, connection: JdbcConnectionOptions): Promise<Contestant> {
  const dialect = dialectOf(connection.url);
  const admin = await dialect.connect(connection, true);
  await admin.run(
    'CREATE TABLE orders (id BIGINT PRIMARY KEY, customer VARCHAR(40) NOT NULL, amount DECIMAL(12, 2) NOT NULL, quantity INT NOT NULL, paid BOOLEAN NOT NULL, updated TIMESTAMP NOT NULL)',
  );
  await admin.close();
  const sink = JdbcSink.builder<Order>()
    .withTable({
      name: 'orders',
      columns: ['id', 'customer', 'amount', 'quantity', 'paid', 'updated'],
      keyFields: ['id'],
    })
    .buildExactlyOnce(connection);
  const ctx = { job: 'bench', sink: 'out', clock: new SystemClock(), log: null, blobs: null };
  await sink.validate(ctx);
  const publisher = await sink.publisher(ctx);
  await publisher.stamp(RUN, 0, 0);
  return { name, writer: sink.writer(ctx), publisher, rates: [], processor: [] };
}

async function runEpoch(one: Contestant, epoch: number, rows: number, counts: boolean): Promise<void> {
  const batches = batchesOf(epoch, rows);
  const timestamps = new Float64Array(BATCH_ROWS);
  const started = performance.now();
  const cpu = process.cpuUsage();
  for (const batch of batches) one.writer.write(batch, timestamps, batch.length);
  await one.publisher.publish({ run: RUN, epoch, slot: 0, ...one.writer.take() });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const line = {
    bench: 'jdbc',
    database: one.name,
    epoch,
    rows,
    ms: Math.round(seconds * 1000),
    rowsPerSecond: Math.round(rows / seconds),
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  if (!counts) return;
  one.rates.push(rows / seconds);
  one.processor.push((rows * 1e6) / (user + system));
}

function batchesOf(epoch: number, rows: number): Order[][] {
  const batches: Order[][] = [];
  for (let from = 0; from < rows; from += BATCH_ROWS)
    batches.push(
      Array.from({ length: Math.min(BATCH_ROWS, rows - from) }, (_, i) => {
        const n = from + i;
        // Keys in no order, as a stream has them.
        return {
          id: (n * 7919) % rows,
          customer: `customer-${n % 1000}`,
          amount: `${n % 5000}.${10 + (epoch % 90)}`,
          quantity: epoch,
          paid: n % 3 === 0,
          updated: 1_700_000_000_000 + n + epoch * 1000,
        };
      }),
    );
  return batches;
}

function quantile(values: readonly number[], at: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))]!;
}
