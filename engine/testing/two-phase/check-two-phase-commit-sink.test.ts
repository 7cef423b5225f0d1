import { describe, expect, test } from 'vitest';
import { TwoPhaseCommitSinkFunction } from '../../operators/two-phase/two-phase-commit-sink-function.ts';
import { TwoPhaseCommitSink, type CommitOutcome } from '../../operators/two-phase/two-phase-commit-sink.ts';
import type { SinkRecord, SinkTransaction, TransactionContext } from '../../operators/two-phase/transaction.ts';
import { checkTwoPhaseCommitSink, type TwoPhaseReport } from './check-two-phase-commit-sink.ts';
import { ToyDatabase, type Payment } from './toy-database.ts';

interface Committable {
  readonly id: string;
}

class PaymentsSink extends TwoPhaseCommitSink<Payment, Committable> {
  override readonly description: string = 'payments';
  readonly #database: ToyDatabase;
  constructor(database: ToyDatabase) {
    super();
    this.#database = database;
  }
  async prepare({ id }: SinkTransaction, records: readonly SinkRecord<Payment>[]): Promise<Committable> {
    this.#database.prepare(
      id,
      records.map(({ value }) => value),
    );
    return { id };
  }
  async commit({ id }: Committable, _transaction: SinkTransaction): Promise<CommitOutcome> {
    return this.#database.commitPrepared(id);
  }
  async abort({ id }: SinkTransaction): Promise<void> {
    this.#database.rollbackPrepared(id);
  }
}

type Transaction = ReturnType<ToyDatabase['begin']>;

class PaymentsFunction extends TwoPhaseCommitSinkFunction<Payment, Transaction> {
  readonly #database: ToyDatabase;
  constructor(database: ToyDatabase) {
    super();
    this.#database = database;
  }
  beginTransaction(ctx: TransactionContext): Transaction | Promise<Transaction> {
    return { ...this.#database.begin(), marker: ctx.id };
  }
  invoke(transaction: Transaction, value: Payment): void {
    transaction.rows.push(value);
  }
  preCommit(): void {}
  commit(transaction: Transaction): void | Promise<void> {
    this.#database.commit(transaction);
  }
  abort(): void {}
}

class MarkedFunction extends PaymentsFunction {
  readonly #markers: ReadonlySet<string>;
  constructor(database: ToyDatabase) {
    super(database);
    this.#markers = database.markers;
  }
  override isCommitted(ctx: TransactionContext): boolean {
    return this.#markers.has(ctx.id);
  }
}

type Make = (database: ToyDatabase) => TwoPhaseCommitSink<Payment, Committable> | PaymentsFunction;

async function check(make: Make, deaths: 1 | 2 = 1): Promise<TwoPhaseReport> {
  const database = new ToyDatabase();
  return await checkTwoPhaseCommitSink(() => make(database), {
    rows: (n) => [{ id: `${n}-a` }, { id: `${n}-b` }],
    readCommitted: async () => database.rows,
    pending: async () => [...database.prepared.keys()],
    deaths,
  });
}

test('a sink that keeps its contract passes every case, two deaths included', async () => {
  const report = await check((database) => new PaymentsSink(database), 2);
  expect(report.problems).toEqual([]);
  expect(report.cases).toBeGreaterThan(400);
});

test('one sink object may serve all processes', async () => {
  const database = new ToyDatabase();
  const { problems } = await checkTwoPhaseCommitSink(new PaymentsSink(database), {
    rows: (n) => [{ id: `${n}` }],
    readCommitted: async () => database.rows,
  });
  expect(problems).toEqual([]);
});

test('a function with isCommitted is exactly once', async () => {
  const report = await check((database) => new MarkedFunction(database), 2);
  expect(report.problems).toEqual([]);
  expect(report.cases).toBeGreaterThan(60);
});

test('a function without isCommitted loses nothing, and is not asked for more', async () => {
  const database = new ToyDatabase();
  const make = (): PaymentsFunction => new UnmarkedFunction(database);
  const { problems } = await checkTwoPhaseCommitSink(make, {
    rows: (n) => [{ id: `${n}` }],
    readCommitted: async () => database.rows,
  });
  expect(problems).toEqual([]);
  expect(new Set(database.rows.map(({ id }) => id)).size).toBeLessThan(database.rows.length);
});

class UnmarkedFunction extends PaymentsFunction {
  override beginTransaction(): Transaction {
    return { rows: [], marker: null };
  }
}

describe('what is wrong is told in words', () => {
  test.for<[string, Make, RegExp]>([
    [
      'commit that takes "gone" for "never"',
      (database) =>
        new (class extends PaymentsSink {
          override async commit(committable: Committable, transaction: SinkTransaction): Promise<CommitOutcome> {
            const outcome = await super.commit(committable, transaction);
            return outcome === 'already' ? 'never' : outcome;
          }
        })(database),
      /the process died after commit, whose answer did not arrive: 2 rows written twice/,
    ],
    [
      'commit that takes "gone" for "already"',
      (database) =>
        new (class extends PaymentsSink {
          override async commit(committable: Committable, transaction: SinkTransaction): Promise<CommitOutcome> {
            const outcome = await super.commit(committable, transaction);
            return outcome === 'never' ? 'already' : outcome;
          }
        })(database),
      /commit after abort answered "already" instead of "never"/,
    ],
    [
      'abort that does nothing',
      (database) =>
        new (class extends PaymentsSink {
          override async abort(): Promise<void> {}
        })(database),
      /the process died after prepare, whose answer did not arrive: 1 transaction left open/,
    ],
    [
      'prepare that is visible',
      (database) =>
        new (class extends PaymentsSink {
          override async prepare(
            transaction: SinkTransaction,
            records: readonly SinkRecord<Payment>[],
          ): Promise<Committable> {
            const committable = await super.prepare(transaction, records);
            database.commitPrepared(committable.id);
            return committable;
          }
        })(database),
      /^prepare: 2 rows visible|^prepare: 2 rows/,
    ],
    [
      'abort that undoes a commit',
      (database) =>
        new (class extends PaymentsSink {
          override async abort(transaction: SinkTransaction): Promise<void> {
            await super.abort(transaction);
            if (database.committed.delete(transaction.id)) database.rows.splice(-2);
          }
        })(database),
      /abort after commit \(it must change nothing\): 2 rows lost/,
    ],
    [
      'a committable that lives in memory',
      (database) => new SinkWithMemory(database),
      /the process died .*: publishing again|failed: .*unknown committable|unknown committable/,
    ],
    [
      'a marker outside of the transaction',
      (database) =>
        new (class extends MarkedFunction {
          override async commit(transaction: Transaction): Promise<void> {
            database.commit({ ...transaction, marker: null });
            await Promise.resolve();
            database.markers.add(transaction.marker!);
          }
        })(database),
      /another process published first before commit: 2 rows written twice/,
    ],
    [
      'an isCommitted that guesses',
      (database) =>
        new (class extends MarkedFunction {
          override isCommitted(): boolean {
            return true;
          }
        })(database),
      /2 rows lost/,
    ],
  ])('%s', async ([, make, problem]) => {
    const { problems } = await check(make);
    expect(problems.some((text) => problem.test(text))).toBe(true);
  });
});

class SinkWithMemory extends PaymentsSink {
  readonly #known = new Set<string>();
  override async prepare(transaction: SinkTransaction, records: readonly SinkRecord<Payment>[]): Promise<Committable> {
    this.#known.add(transaction.id);
    return await super.prepare(transaction, records);
  }
  override async commit(committable: Committable, transaction: SinkTransaction): Promise<CommitOutcome> {
    if (!this.#known.has(transaction.id)) throw new Error('unknown committable');
    return await super.commit(committable, transaction);
  }
}

describe('a sink that waits for its rival', () => {
  /** Of the target: one holds it. */
  class Lock {
    private held: Promise<void> = Promise.resolve();
    async take(): Promise<() => void> {
      const before = this.held;
      let free = (): void => undefined;
      this.held = new Promise((resolve) => (free = resolve));
      await before;
      return free;
    }
  }

  const limited = async (sink: () => TwoPhaseCommitSink<Payment, Committable> | PaymentsFunction, rows: ToyDatabase) =>
    await checkTwoPhaseCommitSink(sink, {
      rows: (n) => [{ id: `${n}-a` }],
      readCommitted: async () => rows.rows,
      stepTimeoutMs: 50,
    });

  test('the check ends, and says which call waits and what to do', async () => {
    const database = new ToyDatabase();
    const lock = new Lock();
    class Locking extends MarkedFunction {
      #free = (): void => undefined;
      override async beginTransaction(ctx: TransactionContext): Promise<Transaction> {
        this.#free = await lock.take();
        return await super.beginTransaction(ctx);
      }
      override async commit(transaction: Transaction): Promise<void> {
        await super.commit(transaction);
        this.#free();
      }
      override abort(): void {
        this.#free();
      }
    }
    const { problems } = await limited(() => new Locking(database), database);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^the process died at step \d+: beginTransaction did not answer within 50 ms.*a lock that the sink keeps.*kill.*stepTimeoutMs$/,
    );
  });

  test('so it does where one method never answers', async () => {
    const database = new ToyDatabase();
    class Silent extends PaymentsSink {
      override async commit(): Promise<CommitOutcome> {
        return await new Promise(() => undefined);
      }
    }
    const { problems } = await limited(() => new Silent(database), database);
    expect(problems[0]).toMatch(/^prepare, commit and abort one by one: commit did not answer within 50 ms/);
    expect(problems).toHaveLength(1);
  });
});
