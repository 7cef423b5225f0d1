/** Asynchronous I/O (Flink: AsyncDataStream, AsyncFunction). */
import { ConfigError } from '../model/errors.ts';
import type { RuntimeContext } from '../model/runtime-context.ts';
import type { AsyncLogic, ResultFuture } from '../operators/async-request.ts';
import type { AsyncRetryStrategy } from '../operators/async-retry.ts';
import { AsyncWaitFactory } from '../operators/async-wait-operator.ts';
import { SingleOutputStreamOperator, type DataStream } from './data-stream.ts';
import type { Nothing } from './functions.ts';

/** Class form; the answer goes to `resultFuture`, at once or later. Flink's default capacity is 100 requests. */
export abstract class AsyncFunction<IN, OUT> {
  /** May be an async method: what it throws completes the future exceptionally. */
  abstract asyncInvoke(input: IN, resultFuture: ResultFuture<OUT>): Nothing | Promise<void>;
  /** Called when no answer came in time; default: the request fails. */
  timeout?(input: IN, resultFuture: ResultFuture<OUT>): Nothing;
  open?(ctx: RuntimeContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** Function form: answers with the rows. */
export type AsyncLookup<IN, OUT> = (input: IN) => Promise<Iterable<OUT>>;

const DEFAULT_CAPACITY = 100;

function wait<IN, OUT>(
  stream: DataStream<IN>,
  fn: AsyncFunction<IN, OUT> | AsyncLookup<IN, OUT>,
  timeoutMs: number,
  capacity: number,
  retry: AsyncRetryStrategy<OUT> | null,
): SingleOutputStreamOperator<OUT> {
  const logic: AsyncLogic = fn instanceof AsyncFunction ? fn : lookupLogic(fn);
  const factory = new AsyncWaitFactory({
    logic,
    timeoutMs,
    capacity,
    retry,
  });
  const node = stream.ctx.graph.add('Async Wait', { kind: 'keyed', factory }, stream.exchanged());
  return new SingleOutputStreamOperator<OUT>(stream.ctx, node);
}

function lookupLogic<IN, OUT>(lookup: AsyncLookup<IN, OUT>): AsyncLogic {
  if (typeof lookup !== 'function')
    throw new ConfigError('AsyncDataStream takes an AsyncFunction or a function that returns a promise of rows.');
  return {
    asyncInvoke: (input: IN, future: ResultFuture<OUT>) => {
      Promise.resolve(lookup(input)).then(
        (rows) => future.complete(rows),
        (error: unknown) => future.completeExceptionally(error),
      );
    },
  };
}

const plain = <IN, OUT>(
  stream: DataStream<IN>,
  fn: AsyncFunction<IN, OUT> | AsyncLookup<IN, OUT>,
  timeoutMs: number,
  capacity: number = DEFAULT_CAPACITY,
): SingleOutputStreamOperator<OUT> => wait(stream, fn, timeoutMs, capacity, null);

const retried = <IN, OUT>(
  stream: DataStream<IN>,
  fn: AsyncFunction<IN, OUT> | AsyncLookup<IN, OUT>,
  timeoutMs: number,
  capacity: number,
  retry: AsyncRetryStrategy<OUT>,
): SingleOutputStreamOperator<OUT> => wait(stream, fn, timeoutMs, capacity, retry);

/**
 * Requests to something outside, many at a time. `timeoutMs` per row, retries included; 0: none. `capacity`: requests under way at a
 * time, per subtask. All requests of an epoch are finished before it commits, and results are emitted in the order of the rows:
 * 'unordered' differs from 'ordered' in name only, since an epoch's results become visible together.
 *
 * ```ts
 * AsyncDataStream.orderedWait(orders, async (order) => [{ ...order, rate: await rateOf(order.currency) }], 1000, 50)
 * ```
 */
export const AsyncDataStream = {
  orderedWait: plain,
  unorderedWait: plain,
  orderedWaitWithRetry: retried,
  unorderedWaitWithRetry: retried,
} as const;
