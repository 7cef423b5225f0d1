/** Functions in this process, as an Invoker: their errors arrive as Lambda's do, by name and message. Starts run when the test says so. */
import { ConfigError, InvariantError, RetryableError } from '../model/errors.ts';
import { RETRYABLE, type Invoker } from '../ports/invoker.ts';

export type MemoryFunction = (event: unknown) => Promise<unknown>;

export class MemoryInvoker implements Invoker {
  readonly #functions: ReadonlyMap<string, MemoryFunction>;
  readonly #started: { readonly name: string; readonly event: unknown }[] = [];

  constructor(functions: Readonly<Record<string, MemoryFunction>>) {
    this.#functions = new Map(Object.entries(functions));
  }

  async invoke(name: string, event: unknown): Promise<unknown> {
    const work = this.#named(name);
    try {
      return copied(await work(copied(event)));
    } catch (error) {
      const { name: type, message } = error as Error;
      const words = `function ${name} failed: ${type}: ${message}`;
      const at = { function: name, error: type };
      throw type === RETRYABLE ? new RetryableError(words, at, error) : new InvariantError(words, at, error);
    }
  }

  async start(name: string, event: unknown): Promise<void> {
    this.#named(name);
    this.#started.push({ name, event: copied(event) });
  }

  /** Runs what was started since; answers how many invocations that were. */
  async runStarted(): Promise<number> {
    const batch = this.#started.splice(0);
    for (const { name, event } of batch) await this.invoke(name, event).catch(() => null);
    return batch.length;
  }

  #named(name: string): MemoryFunction {
    const work = this.#functions.get(name);
    if (work === undefined) throw new ConfigError(`there is no function ${name}.`, { function: name });
    return work;
  }
}

/** What survives JSON. */
function copied(value: unknown): unknown {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown);
}
