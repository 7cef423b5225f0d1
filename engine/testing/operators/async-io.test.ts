/** Async I/O: results in the order of the rows, timeouts, retries, capacity, failures and dead letters, fused and fanned out. */
import { describe, expect, test } from 'vitest';
import { AsyncDataStream, AsyncFunction } from '../../api/async-data-stream.ts';
import { RestartStrategies } from '../../api/job-settings.ts';
import { FixedDelayRetryStrategyBuilder, RetryPredicates } from '../../operators/async-retry.ts';
import type { ResultFuture } from '../../operators/async-request.ts';
import { runInMemory, type InMemoryOptions } from '../run-in-memory.ts';

const ROWS = Array.from({ length: 40 }, (_, i) => i);
const later = async (ms: number): Promise<void> => {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
};

describe.each<[string, InMemoryOptions]>([
  ['fused', {}],
  ['small epochs', { rowsPerEpoch: 7 }],
  ['four subtasks', { subtasks: 4, rowsPerEpoch: 11 }],
  ['two workers', { workers: 2 }],
  ['crashes', { rowsPerEpoch: 9, crashAfter: [5, 9, 3] }],
])('%s', (_name, options) => {
  test('results come in the order of the rows, whatever answers first', async () => {
    const run = await runInMemory(({ env, sink }) => {
      const rows = env.fromData(...ROWS);
      AsyncDataStream.unorderedWait(
        rows,
        async (x) => {
          await later((x * 7) % 5);
          return [x, x + 100];
        },
        1000,
      ).sinkTo(sink('out'));
    }, options);
    expect(run.values('out')).toEqual(ROWS.flatMap((x) => [x, x + 100]));
  });

  test('what follows sees timestamps and keys as ever', async () => {
    const run = await runInMemory(({ env, sink }) => {
      AsyncDataStream.orderedWait(env.fromData(...ROWS), async (x) => [x % 3], 1000)
        .keyBy((x) => x)
        .reduce((a, b) => a + b)
        .sinkTo(sink('out'));
    }, options);
    expect(run.values('out')).toHaveLength(40);
    expect(Math.max(...(run.values('out') as number[]))).toBe(26);
  });
});

test('no more than `capacity` requests are under way', async () => {
  let underWay = 0;
  let most = 0;
  await runInMemory(({ env, sink }) => {
    AsyncDataStream.orderedWait(
      env.fromData(...ROWS),
      async (x) => {
        most = Math.max(most, ++underWay);
        await later(1);
        underWay--;
        return [x];
      },
      1000,
      3,
    ).sinkTo(sink('out'));
  });
  expect(most).toBe(3);
});

test('many rows that are answered at once', async () => {
  class Doubler extends AsyncFunction<number, number> {
    asyncInvoke(x: number, future: ResultFuture<number>): void {
      future.complete([2 * x]);
      future.complete([0]);
    }
  }
  const many = Array.from({ length: 30_000 }, (_, i) => i);
  const run = await runInMemory(({ env, sink }) => {
    AsyncDataStream.orderedWait(env.fromData(...many), new Doubler(), 1000, 5).sinkTo(sink('out'));
  });
  expect(run.values('out')).toEqual(many.map((x) => 2 * x));
});

class Silent extends AsyncFunction<number, number> {
  asyncInvoke(): void {
    // Never answers.
  }
}

test('a request without an answer fails, naming the record', async () => {
  const run = runInMemory(({ env, sink }) => {
    AsyncDataStream.orderedWait(env.fromData(7), new Silent(), 5).sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/"Async Wait".*position 0.*not answered within 5 ms[^]*record: 7/);
});

test('timeout(…) may answer instead', async () => {
  class Patient extends Silent {
    override timeout(x: number, future: ResultFuture<number>): void {
      future.complete([-x]);
    }
  }
  const run = await runInMemory(({ env, sink }) => {
    AsyncDataStream.orderedWait(env.fromData(7), new Patient(), 5).sinkTo(sink('out'));
  });
  expect(run.values('out')).toEqual([-7]);
});

test('a failed request sends its record to the dead letters, and no other', async () => {
  const run = await runInMemory(({ env, sink }) => {
    env
      .deadLetters()
      .map((letter) => [letter.position, letter.record, letter.error])
      .sinkTo(sink('dead'));
    AsyncDataStream.orderedWait(
      env.fromData(1, 2, 3),
      async (x) => {
        if (x === 2) throw new Error('no such rate');
        return [x];
      },
      1000,
    ).sinkTo(sink('out'));
  });
  expect(run.values('out')).toEqual([1, 3]);
  expect(run.values('dead')).toEqual([[1, '2', 'no such rate']]);
});

describe('retries', () => {
  const attempts = (failures: number, strategy: FixedDelayRetryStrategyBuilder<number>): Promise<unknown[]> => {
    let asked = 0;
    return runInMemory(({ env, sink }) => {
      AsyncDataStream.orderedWaitWithRetry(
        env.fromData(1),
        async () => {
          if (++asked <= failures) throw new Error(`failure ${asked}`);
          return asked === failures + 1 ? [] : [asked];
        },
        1000,
        10,
        strategy.build(),
      ).sinkTo(sink('out'));
    }).then((run) => run.values('out'));
  };

  test('after errors and empty results', async () => {
    const strategy = new FixedDelayRetryStrategyBuilder<number>(5, 1)
      .ifException(RetryPredicates.HAS_EXCEPTION_PREDICATE)
      .ifResult(RetryPredicates.EMPTY_RESULT_PREDICATE);
    expect(await attempts(2, strategy)).toEqual([4]);
  });

  test('the last answer counts when there are no attempts left', async () => {
    const strategy = new FixedDelayRetryStrategyBuilder<number>(2, 1).ifException(() => true);
    await expect(attempts(100, strategy)).rejects.toThrow(/failure 12/);
  });

  test('all attempts share the time of the request', async () => {
    const run = runInMemory(({ env, sink }) => {
      AsyncDataStream.orderedWaitWithRetry(
        env.fromData(1),
        async () => {
          throw new Error('down');
        },
        20,
        10,
        new FixedDelayRetryStrategyBuilder<number>(1000, 8).ifException(() => true).build(),
      ).sinkTo(sink('out'));
    });
    await expect(run).rejects.toThrow(/not answered within 20 ms/);
  });
});

test.each([
  [() => new FixedDelayRetryStrategyBuilder(0, 1), /1 further attempt or more/],
  [() => new FixedDelayRetryStrategyBuilder(1, -1), /0 or more/],
])('a strategy that makes no sense is refused', (make, message) => {
  expect(make).toThrow(message);
});

test('so is a capacity of 0', async () => {
  const run = runInMemory(({ env, sink }) => {
    AsyncDataStream.orderedWait(env.fromData(1), async (x) => [x], 1000, 0).sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/capacity is the number of requests/);
});

test('requests that are never answered end with the checkpoint timeout', async () => {
  const run = runInMemory(({ env, sink }) => {
    env.getCheckpointConfig().setCheckpointTimeout(20);
    env.setRestartStrategy(RestartStrategies.noRestart());
    AsyncDataStream.orderedWait(env.fromData(7), new Silent(), 0).sinkTo(sink('out'));
  });
  await expect(run).rejects.toThrow(/"Async Wait": requests were not answered within the checkpoint timeout of 20 ms/);
});
