/** Partitions and asynchronous requests of simulated jobs. Requests are answered at once, by a promise, or by the simulated clock. */
import { AsyncDataStream, AsyncFunction } from '../../api/async-data-stream.ts';
import type { DataStream, SingleOutputStreamOperator } from '../../api/data-stream.ts';
import type { ResultFuture } from '../../operators/async-request.ts';
import { FixedDelayRetryStrategyBuilder } from '../../operators/async-retry.ts';
import type { ExchangeSpec } from './operator-specs.ts';
import { answers, isPoison, isSlow, partitionOf, refuse, timedOut } from './row-functions.ts';
import type { Row } from './script.ts';
import { Tally } from './tally.ts';

const TIMEOUT_MS = 9;
/** Processes share the function, and with it the count of attempts: of two in a row one succeeds, whoever makes them. */
const MOST_ATTEMPTS = 50;

export function exchanged(rows: DataStream<Row>, op: ExchangeSpec, poison: number): SingleOutputStreamOperator<Row> {
  const same = (dealt: DataStream<Row>): SingleOutputStreamOperator<Row> => dealt.map((row) => row);
  const check = (row: Row): void => {
    if (isPoison(row, poison)) refuse(row, 'the other end');
  };
  switch (op) {
    case 'rebalance':
      return same(rows.rebalance());
    case 'shuffle':
      return same(rows.shuffle());
    case 'global':
      return same(rows.global());
    case 'copies':
      return same(rows.broadcast());
    case 'custom':
      return same(rows.partitionCustom(partitionOf, (row) => row.k));
    case 'tally':
      return rows.process(new Tally());
    case 'async': {
      const ask = async (row: Row): Promise<Row[]> => {
        check(row);
        return answers(row);
      };
      return AsyncDataStream.unorderedWait(rows, ask, 0, 3);
    }
    case 'async-retry': {
      const retry = new FixedDelayRetryStrategyBuilder<Row>(MOST_ATTEMPTS, 4)
        .ifException((error) => error instanceof TryAgain)
        .build();
      return AsyncDataStream.orderedWaitWithRetry(rows, new Flaky(check), 0, 2, retry);
    }
    case 'async-timeout':
      return AsyncDataStream.orderedWait(rows, new Slow(check), TIMEOUT_MS, 4);
  }
}

class TryAgain extends Error {}

/** Every other request for a row fails. */
class Flaky extends AsyncFunction<Row, Row> {
  readonly #check: (row: Row) => void;
  readonly #asked = new WeakMap<Row, number>();

  constructor(check: (row: Row) => void) {
    super();
    this.#check = check;
  }

  async asyncInvoke(row: Row, future: ResultFuture<Row>): Promise<void> {
    this.#check(row);
    const asked = (this.#asked.get(row) ?? 0) + 1;
    this.#asked.set(row, asked);
    if (asked % 2 === 1) throw new TryAgain('not now');
    future.complete(answers(row));
  }
}

/** Some rows are never answered, the others at once. */
class Slow extends AsyncFunction<Row, Row> {
  readonly #check: (row: Row) => void;

  constructor(check: (row: Row) => void) {
    super();
    this.#check = check;
  }

  asyncInvoke(row: Row, future: ResultFuture<Row>): void {
    this.#check(row);
    if (!isSlow(row)) future.complete(answers(row));
  }

  override timeout(row: Row, future: ResultFuture<Row>): void {
    future.complete([timedOut(row)]);
  }
}
