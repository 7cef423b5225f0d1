/** The contract over a stand-in of Lambda's API, in the words that Lambda answers in; and what is lost, throttled or dead on the way. */
import type { InvokeCommand, InvokeCommandOutput, LambdaClient } from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { describeInvoker } from '../testing/contracts/invoker-contract.ts';
import { MemoryInvoker } from '../testing/memory-invoker.ts';
import { LambdaInvoker, MAX_START_BYTES } from './lambda-invoker.ts';

type Fault = 'throttled' | 'answer lost' | 'request lost' | 'timed out' | 'none';

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

class StandIn {
  readonly ran: unknown[] = [];
  sent = 0;
  #running: Promise<unknown> = Promise.resolve();
  readonly #faults: Fault[];
  readonly invoker: LambdaInvoker;

  constructor(faults: readonly Fault[] = []) {
    this.#faults = [...faults];
    const client = { send: (command: InvokeCommand) => this.#send(command) };
    this.invoker = new LambdaInvoker(client as Pick<LambdaClient, 'send'>, { sleep: async () => undefined });
  }

  async settled(): Promise<readonly unknown[]> {
    await this.#running;
    return this.ran;
  }

  async #send({ input }: InvokeCommand): Promise<Pick<InvokeCommandOutput, 'Payload' | 'FunctionError'>> {
    this.sent += 1;
    const fault = this.#faults.shift() ?? 'none';
    if (fault === 'throttled') throw named('TooManyRequestsException', 'Rate Exceeded.');
    if (fault === 'request lost') throw named('TimeoutError', 'socket hang up');
    if (fault === 'timed out')
      return payload({ errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out after 3.00 seconds' }, 'Unhandled');
    const { FunctionName, Payload, InvocationType } = input;
    if (!['echo', 'retryable', 'broken'].includes(FunctionName!))
      throw named('ResourceNotFoundException', `Function not found: ${FunctionName}`);
    const work = this.#run(FunctionName!, JSON.parse(Buffer.from(Payload as Uint8Array).toString()));
    if (InvocationType === 'Event') {
      this.#running = this.#running.then(() => work);
      if (fault === 'answer lost') throw named('TimeoutError', 'socket hang up');
      return {};
    }
    const answer = await work;
    if (fault === 'answer lost') throw named('TimeoutError', 'socket hang up');
    return answer;
  }

  async #run(name: string, event: unknown): Promise<Pick<InvokeCommandOutput, 'Payload' | 'FunctionError'>> {
    if (name === 'retryable') return payload({ errorType: 'Millrace.Retryable', errorMessage: 'away' }, 'Unhandled');
    if (name === 'broken') return payload({ errorType: 'TypeError', errorMessage: 'oh' }, 'Unhandled');
    this.ran.push(event);
    return payload({ got: event });
  }
}

function payload(value: unknown, FunctionError?: string): Pick<InvokeCommandOutput, 'Payload' | 'FunctionError'> {
  const Payload = Buffer.from(JSON.stringify(value)) as unknown as NonNullable<InvokeCommandOutput['Payload']>;
  return { Payload, ...(FunctionError === undefined ? {} : { FunctionError }) };
}

describeInvoker('Lambda', async () => new StandIn());
describeInvoker('memory', async () => {
  const ran: unknown[] = [];
  const invoker = new MemoryInvoker({
    echo: async (event) => {
      ran.push(event);
      return { got: event };
    },
    retryable: async () => {
      throw named('Millrace.Retryable', 'away');
    },
    broken: async () => {
      throw new TypeError('oh');
    },
  });
  return {
    invoker,
    settled: async () => {
      await invoker.runStarted();
      return ran;
    },
  };
});

describe('on the way', () => {
  test('what was throttled is sent again, and in the end nothing ran', async () => {
    const some = new StandIn(['throttled', 'throttled']);
    expect(await some.invoker.invoke('echo', 1)).toEqual({ got: 1 });
    expect(some.ran).toEqual([1]);
    const all = new StandIn(Array.from({ length: 20 }, () => 'throttled' as const));
    await expect(all.invoker.invoke('echo', 1)).rejects.toMatchObject({ code: 'retryable' });
    expect([all.ran.length, all.sent]).toEqual([0, 8]);
  });

  test.each(['answer lost', 'request lost'] as const)(
    '%s: the outcome is unknown, and it is not sent again',
    async (fault) => {
      const lambda = new StandIn(['throttled', fault]);
      await expect(lambda.invoker.invoke('echo', 1)).rejects.toMatchObject({ code: 'unknown-outcome' });
      expect(lambda.sent).toBe(2);
    },
  );

  test('a start whose answer is lost is sent again', async () => {
    const lambda = new StandIn(['answer lost', 'request lost']);
    await lambda.invoker.start('echo', 1);
    expect(await lambda.settled()).toEqual([1, 1]);
  });

  test('a function that ran out of time may do better', async () => {
    const lambda = new StandIn(['timed out']);
    await expect(lambda.invoker.invoke('echo', 1)).rejects.toMatchObject({
      code: 'retryable',
      at: { error: 'Sandbox.Timedout' },
    });
  });

  test('an event that is too large is refused before it is sent', async () => {
    const lambda = new StandIn();
    await expect(lambda.invoker.start('echo', 'x'.repeat(MAX_START_BYTES))).rejects.toMatchObject({ code: 'config' });
    expect(lambda.sent).toBe(0);
  });
});
