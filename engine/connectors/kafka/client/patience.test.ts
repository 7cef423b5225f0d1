import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ConfigError, InvariantError, RetryableError } from '../../../model/errors.ts';
import { BrokerRefusal } from './broker-errors.ts';
import { ConnectionLost, Patience, retrying } from './patience.ts';

const LOADING = 14;
const UNKNOWN_TOPIC = 3;
const NO_RIGHT = 29;

describe('patience', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  /** Tries at which it was asked, in milliseconds, and how it ended. */
  async function triesOf(failure: unknown, retryForMs: number): Promise<{ tries: number[]; end: unknown }> {
    const start = performance.now();
    const tries: number[] = [];
    const ending = retrying(new Patience('Fetch of orders-3', { topic: 'orders' }, retryForMs), async () => {
      tries.push(performance.now() - start);
      throw failure;
    }).catch((error: unknown) => error);
    await vi.runAllTimersAsync();
    return { tries, end: await ending };
  }

  it('doubles its pauses up to a second, and ends after its time', async () => {
    const { tries, end } = await triesOf(new BrokerRefusal(LOADING), 3000);
    expect(tries).toEqual([0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3000]);
    expect(end).toBeInstanceOf(RetryableError);
    expect(String(end)).toContain(
      'Fetch of orders-3: the broker answers COORDINATOR_LOAD_IN_PROGRESS. Tried again for 3.0 s',
    );
  });

  it('tries lost connections again, missing topics for a moment, and nothing that no time cures', async () => {
    const lost = await triesOf(new ConnectionLost('broker b:1 cannot be reached', false), 100);
    expect([lost.tries, lost.end instanceof RetryableError]).toEqual([[0, 10, 30, 70, 100], true]);
    const missing = await triesOf(new BrokerRefusal(UNKNOWN_TOPIC), 60_000);
    expect([missing.tries.at(-1), missing.end instanceof ConfigError]).toEqual([2000, true]);
    const refused = await triesOf(new BrokerRefusal(NO_RIGHT), 60_000);
    expect([refused.tries, refused.end instanceof ConfigError]).toEqual([[0], true]);
    const bug = new InvariantError('a bug');
    expect(await triesOf(bug, 60_000)).toEqual({ tries: [0], end: bug });
  });
});
