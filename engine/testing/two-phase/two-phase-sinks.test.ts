/** Sinks in two phases in whole jobs, the versions of their committables, and what is refused or said at start. */
import { expect, test } from 'vitest';
import { StreamExecutionEnvironment } from '../../api/environment.ts';
import { ConfigError, FencedError, InvariantError } from '../../model/errors.ts';
import { TwoPhaseCommitSinkFunction } from '../../operators/two-phase/two-phase-commit-sink-function.ts';
import { TwoPhaseCommitSink, type CommitOutcome } from '../../operators/two-phase/two-phase-commit-sink.ts';
import type { SinkRecord, SinkTransaction, TransactionContext } from '../../operators/two-phase/transaction.ts';
import type { InvokeContext } from '../../operators/two-phase/two-phase-commit-sink-function.ts';
import type { SinkContext } from '../../ports/sink.ts';
import { MemoryBlobStore } from '../../embedded/memory-blob-store.ts';
import '../../index.ts';
import { ManualClock } from '../manual-clock.ts';
import { runInMemory } from '../run-in-memory.ts';
import { ToyDatabase, type Payment } from './toy-database.ts';

interface Committable {
  readonly id: string;
}

class PaymentsSink extends TwoPhaseCommitSink<Payment, Committable> {
  readonly database: ToyDatabase;
  /** The next commit has no answer. */
  silent = false;
  constructor(database: ToyDatabase) {
    super();
    this.database = database;
  }
  async prepare({ id }: SinkTransaction, records: readonly SinkRecord<Payment>[]): Promise<Committable> {
    this.database.prepare(
      id,
      records.map(({ value }) => value),
    );
    return { id };
  }
  async commit({ id }: Committable, _transaction: SinkTransaction): Promise<CommitOutcome> {
    if (this.silent) throw new Error('connection lost');
    return this.database.commitPrepared(id);
  }
  async abort({ id }: SinkTransaction): Promise<void> {
    this.database.rollbackPrepared(id);
  }
}

const ids = Array.from({ length: 12 }, (_, i) => ({ id: `p${String(i).padStart(2, '0')}` }));
const sortedIds = (rows: readonly Payment[]): string[] => rows.map(({ id }) => id).sort();

test('a job that dies at each of its steps writes every row once', async () => {
  for (let dieAt = 1; dieAt <= 60; dieAt++) {
    const database = new ToyDatabase();
    await runInMemory(
      ({ env }) => {
        env.fromData(...ids).sinkTo(new PaymentsSink(database));
      },
      { rowsPerEpoch: 4, crashAfter: [dieAt, 7] },
    );
    expect(sortedIds(database.rows)).toEqual(sortedIds(ids));
    expect([...database.prepared.keys()]).toEqual([]);
  }
});

function contextOf(): SinkContext {
  return { job: 'j', sink: 'out', clock: new ManualClock(), log: null, blobs: new MemoryBlobStore() };
}

/** Epoch 1 of slot 0 is prepared and decided, and its commit has had no answer. */
async function undecided(ctx: SinkContext, sink: PaymentsSink): Promise<() => ReturnType<typeof publish>> {
  const publisher = await sink.publisher(ctx);
  await publisher.stamp('r1', 0, 0);
  sink.silent = true;
  await expect(publish(ctx, sink)).rejects.toThrow(/slot 0, run r1, epoch 1: commit failed: connection lost/);
  sink.silent = false;
  return () => publish(ctx, sink);
}

async function publish(ctx: SinkContext, sink: PaymentsSink): Promise<'published' | 'already'> {
  const writer = sink.writer(ctx);
  writer.write(ids, new Float64Array(ids.length), ids.length);
  const { chunks, records } = writer.take();
  return await (await sink.publisher(ctx)).publish({ run: 'r1', epoch: 1, slot: 0, records, chunks });
}

class Second extends PaymentsSink {
  override readonly committableVersion = 2;
}

class Migrating extends Second {
  seen: readonly [unknown, number] | null = null;
  override migrateCommittable(committable: unknown, version: number): Committable {
    this.seen = [committable, version];
    return committable as Committable;
  }
}

test('a committable of an older version is migrated, or refused before anything is written', async () => {
  const ctx = contextOf();
  const database = new ToyDatabase();
  await undecided(ctx, new PaymentsSink(database));
  const refused = new Second(database);
  await expect(refused.validate(ctx)).rejects.toThrow(ConfigError);
  await expect(refused.validate(ctx)).rejects.toThrow(
    /job "j", sink "out": .* version 1, .*committableVersion is 2 and no migrateCommittable/,
  );
  expect(database.rows).toEqual([]);
  const migrating = new Migrating(database);
  await migrating.validate(ctx);
  expect(await publish(ctx, migrating)).toBe('published');
  expect(migrating.seen).toEqual([{ id: 'j/out/0/r1/1/1' }, 1]);
  expect(sortedIds(database.rows)).toEqual(sortedIds(ids));
  await refused.validate(ctx);
});

test('a committable of a newer version is refused', async () => {
  const ctx = contextOf();
  const database = new ToyDatabase();
  await undecided(ctx, new Second(database));
  await expect(new PaymentsSink(database).validate(ctx)).rejects.toThrow(/version 2, .* is 1, which is older/);
});

test('a transaction that the target has dropped is prepared again', async () => {
  const ctx = contextOf();
  const database = new ToyDatabase();
  const again = await undecided(ctx, new PaymentsSink(database));
  database.prepared.clear();
  expect(await again()).toBe('published');
  expect(await again()).toBe('already');
  expect(sortedIds(database.rows)).toEqual(sortedIds(ids));
});

test('a run that was replaced is fenced; records that are gone are a question', async () => {
  const ctx = contextOf();
  const database = new ToyDatabase();
  const sink = new PaymentsSink(database);
  const publisher = await sink.publisher(ctx);
  await publisher.stamp('r2', 0, 0);
  await expect(publish(ctx, sink)).rejects.toThrow(FencedError);
  await expect(publisher.stamp('r1', 0, 0)).rejects.toThrow(FencedError);
  await expect(publish(contextOf(), sink)).rejects.toThrow(InvariantError);
  expect(database.prepared.size + database.rows.length).toBe(0);
});

interface Written {
  readonly text: string;
  readonly at: number | null;
}

class ListFunction extends TwoPhaseCommitSinkFunction<string, Written[]> {
  readonly written: Written[] = [];
  aborted = 0;
  contexts: TransactionContext[] = [];
  beginTransaction(ctx: TransactionContext): Written[] {
    this.contexts.push(ctx);
    return [];
  }
  invoke(transaction: Written[], text: string, ctx: InvokeContext): void {
    if (text === 'bad') throw new Error('bad row');
    transaction.push({ text, at: ctx.timestamp() });
  }
  preCommit(): void {}
  commit(transaction: Written[]): void {
    this.written.push(...transaction);
  }
  abort(): void {
    this.aborted += 1;
  }
}

test('EXACTLY_ONCE without isCommitted is refused; at least once is said at start', async () => {
  const strict = new (class extends ListFunction {})({ deliveryGuarantee: 'EXACTLY_ONCE' });
  await expect(strict.validate(contextOf())).rejects.toThrow(/asked for EXACTLY_ONCE, but has no isCommitted/);
  const sink = new ListFunction();
  expect(sink.guarantee).toBe('AT_LEAST_ONCE');
  const said = new Promise<Error>((resolve) => process.once('warning', resolve));
  const env = StreamExecutionEnvironment.getExecutionEnvironment();
  env.fromData('a', 'b').sinkTo(sink).uid('list');
  await env.execute('notice');
  expect((await said).message).toMatch(/is at least once: it has no isCommitted.*; sink list$/);
  expect(sink.written).toEqual([
    { text: 'a', at: null },
    { text: 'b', at: null },
  ]);
  expect(sink.contexts[0]).toMatchObject({ job: 'notice', sink: 'list', slot: 0, epoch: 1 });
});

test('a row that invoke refuses rolls the transaction back', async () => {
  const sink = new ListFunction();
  const ctx = contextOf();
  const writer = sink.writer(ctx);
  writer.write(['good', 'bad'], Float64Array.of(1, 2), 2);
  const publisher = await sink.publisher(ctx);
  const publication = { run: 'r1', epoch: 1, slot: 0, ...writer.take() };
  await expect(publisher.publish(publication)).rejects.toThrow(
    /job "j", sink "out", slot 0, run r1, epoch 1: .*bad row/,
  );
  expect(sink.aborted).toBe(1);
  expect(sink.written).toEqual([]);
});

test('rows come back as they were staged; what cannot be staged is refused', () => {
  const writer = new ListFunction().writer(contextOf());
  class Point {
    x = 1;
  }
  expect(() => writer.write([new Point()] as never[], new Float64Array(1), 1)).toThrow(/instance of class Point/);
  expect(writer.take().records).toBe(0);
});
