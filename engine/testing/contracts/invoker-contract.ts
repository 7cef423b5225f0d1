/**
 * What every Invoker must do (ports/invoker.ts). `make` gives one with these functions: `echo` answers `{ got: event }`, `retryable` throws
 * 'Millrace.Retryable: away', `broken` throws 'TypeError: oh'; `settled` resolves once what was started has run, and answers echo's events so far.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Invoker } from '../../ports/invoker.ts';

export interface InvokerUnderTest {
  readonly invoker: Invoker;
  settled(): Promise<readonly unknown[]>;
}

export function describeInvoker(name: string, make: () => Promise<InvokerUnderTest>): void {
  describe(`Invoker contract: ${name}`, { timeout: 60_000 }, () => {
    let given: InvokerUnderTest;
    beforeEach(async () => {
      given = await make();
    });

    it('answers what the function answers', async () => {
      const event = { text: 'ä"\n', list: [1, null, { deep: true }] };
      expect(await given.invoker.invoke('echo', event)).toEqual({ got: event });
      expect(await given.invoker.invoke('echo', null)).toEqual({ got: null });
    });

    it("tells the function's errors apart, by name and message", async () => {
      await expect(given.invoker.invoke('retryable', {})).rejects.toMatchObject({
        code: 'retryable',
        message: expect.stringContaining('away') as string,
        at: { error: 'Millrace.Retryable' },
      });
      await expect(given.invoker.invoke('broken', {})).rejects.toMatchObject({
        code: 'invariant',
        message: expect.stringContaining('oh') as string,
        at: { error: 'TypeError' },
      });
    });

    it('refuses a function that is not there', async () => {
      await expect(given.invoker.invoke('nobody', {})).rejects.toMatchObject({ code: 'config' });
      await expect(given.invoker.start('nobody', {})).rejects.toMatchObject({ code: 'config' });
    });

    it('starts without waiting for the end', async () => {
      await given.invoker.start('echo', { n: 1 });
      await given.invoker.start('broken', {});
      expect(await given.settled()).toContainEqual({ n: 1 });
    });
  });
}
