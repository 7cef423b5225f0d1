/**
 * Lambda as an Invoker. What was throttled is sent again for some seconds; an invocation whose answer was lost is not, because it may run still;
 * a start whose answer was lost is, because it may be doubled.
 */
import { InvokeCommand, type InvokeCommandOutput, type LambdaClient } from '@aws-sdk/client-lambda';
import { ConfigError, InvariantError, messageOf, RetryableError, UnknownOutcomeError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { RETRYABLE, type Invoker } from '../ports/invoker.ts';
import { CALL_LIMITS, callAws, CallFailed, type CallLimits } from './aws-call.ts';

/** Lambda's own: a synchronous event and its answer; an asynchronous event. */
export const MAX_EVENT_BYTES = 6 * 1024 * 1024;
export const MAX_START_BYTES = 1024 * 1024;
/** The process died; the next one may not. */
const DIED = new Set(['Sandbox.Timedout', 'Runtime.ExitError', 'Runtime.Unknown']);

export class LambdaInvoker implements Invoker {
  readonly #client: Pick<LambdaClient, 'send'>;
  readonly #clock: Pick<Clock, 'sleep'>;
  readonly #limits: CallLimits;

  /** The client is made with `maxAttempts: 1`, and waits as long as the functions may take. */
  constructor(client: Pick<LambdaClient, 'send'>, clock: Pick<Clock, 'sleep'>, limits: CallLimits = CALL_LIMITS) {
    this.#client = client;
    this.#clock = clock;
    this.#limits = limits;
  }

  async invoke(name: string, event: unknown): Promise<unknown> {
    const Payload = encoded(name, event, MAX_EVENT_BYTES);
    let lost: unknown = null;
    const answer = await callAws(
      `Invoke of function ${name}`,
      this.#clock,
      async ({ unsure }): Promise<InvokeCommandOutput> => {
        if (unsure) throw unknown(name, lost);
        try {
          return await this.#client.send(new InvokeCommand({ FunctionName: name, Payload }));
        } catch (error) {
          lost = error;
          throw error;
        }
      },
      this.#limits,
    ).catch((error: unknown) => {
      throw error instanceof CallFailed && error.unsure ? unknown(name, lost) : error;
    });
    const text = Buffer.from(answer.Payload ?? []).toString();
    if (answer.FunctionError !== undefined) throw failure(name, text);
    return text === '' ? null : (JSON.parse(text) as unknown);
  }

  async start(name: string, event: unknown): Promise<void> {
    const Payload = encoded(name, event, MAX_START_BYTES);
    await callAws(
      `start of function ${name}`,
      this.#clock,
      () => this.#client.send(new InvokeCommand({ FunctionName: name, InvocationType: 'Event', Payload })),
      this.#limits,
    );
  }
}

const unknown = (name: string, cause: unknown): UnknownOutcomeError =>
  new UnknownOutcomeError(
    `function ${name} may have run, and may run still: ${messageOf(cause)}`,
    { function: name },
    cause,
  );

function encoded(name: string, event: unknown, most: number): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(event));
  if (bytes.length > most)
    throw new ConfigError(`an event for function ${name} has ${bytes.length} bytes; Lambda takes ${most}.`, { name });
  return bytes;
}

function failure(name: string, text: string): RetryableError | InvariantError {
  const { errorType = 'Unknown', errorMessage = text } = parsed(text);
  const words = `function ${name} failed: ${errorType}: ${errorMessage}`;
  const at = { function: name, error: errorType };
  const mayHelp = errorType === RETRYABLE || DIED.has(errorType) || /Task timed out after/.test(errorMessage);
  return mayHelp ? new RetryableError(words, at) : new InvariantError(words, at);
}

function parsed(text: string): { readonly errorType?: string; readonly errorMessage?: string } {
  try {
    return (JSON.parse(text) ?? {}) as { errorType?: string; errorMessage?: string };
  } catch {
    return {};
  }
}
