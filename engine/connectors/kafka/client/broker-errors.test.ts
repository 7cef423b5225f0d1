import { describe, expect, it } from 'vitest';
import { ConfigError, FencedError, RetryableError } from '../../../model/errors.ts';
import { brokerErrorName, BrokerRefusal, errorOf, reactionTo } from './broker-errors.ts';

describe('broker errors', () => {
  it.each([
    [29, ConfigError, 'Grant the principal the right to this topic'],
    [30, ConfigError, 'Grant the principal the right to this group'],
    [53, ConfigError, 'Grant the principal the right to this transactional id'],
    [3, ConfigError, 'Create the topic'],
    [10, ConfigError, 'max.message.bytes'],
    [50, ConfigError, 'transaction.max.timeout.ms'],
    [87, ConfigError, 'only records with a key'],
    [47, FencedError, 'A newer producer'],
    [90, FencedError, 'A newer producer'],
    [48, RetryableError, 'has to be done again'],
    [120, RetryableError, 'has to be done again'],
    [6, RetryableError, 'NOT_LEADER_OR_FOLLOWER'],
    [9999, RetryableError, 'error 9999'],
  ])('%i is one class, with what to do', (code, type, words) => {
    const at = { topic: 'orders' };
    const error = errorOf(new BrokerRefusal(code, 'detail'), 'Produce to orders-3', at);
    expect(error.constructor).toBe(type);
    expect(error.at).toBe(at);
    expect(error.message).toContain(`Produce to orders-3: the broker answers ${brokerErrorName(code)} (detail)`);
    expect(error.message).toContain(words);
  });

  it('those that pass are tried again', () => {
    const passing = [5, 6, 7, 14, 15, 16, 19, 20, 51, 75, 88];
    expect(passing.map(reactionTo)).toEqual(passing.map(() => 'retry'));
    expect([reactionTo(3), reactionTo(29)]).toEqual(['missing', 'config']);
  });
});
