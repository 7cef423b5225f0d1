/** The life of a user function on a stream without keys: opened and closed with its stage, and what its metrics have counted. */
import { messageOf, MillraceError, UserCodeError } from '../model/errors.ts';
import type { OpenContext } from './keyed-process-function.ts';
import { keylessContext } from './keyless-context.ts';
import type { OperatorInfo } from './runtime-context.ts';

export interface OpenableFunction {
  open?(ctx: OpenContext): void | Promise<void>;
  close?(): void | Promise<void>;
}

export class FunctionLifecycle {
  private readonly fn: OpenableFunction;
  private readonly counts = new Map<string, number>();

  constructor(fn: OpenableFunction) {
    this.fn = fn;
  }

  async open(info: OperatorInfo): Promise<void> {
    const count = (name: string, n: number): void => {
      this.counts.set(name, (this.counts.get(name) ?? 0) + n);
    };
    try {
      await this.fn.open?.(keylessContext(info, count));
    } catch (thrown) {
      if (thrown instanceof MillraceError) throw thrown;
      throw new UserCodeError(
        `operator "${info.name}", in open: ${messageOf(thrown)}`,
        { operator: info.name },
        thrown,
      );
    }
  }

  async close(): Promise<void> {
    await this.fn.close?.();
  }

  takeCounts(into: Map<string, number>): void {
    for (const [name, n] of this.counts) into.set(name, (into.get(name) ?? 0) + n);
    this.counts.clear();
  }
}
