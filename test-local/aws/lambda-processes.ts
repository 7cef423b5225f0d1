/** The processes of Lambda functions on this machine, by the files that our LocalStack plugin makes: `<function>.<environment>.<pid>`. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

export class LambdaProcesses {
  readonly #folder: string;

  /** `folder`: LocalStack's setting `lambdaPids`. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  pidsOf(functionName: string): readonly number[] {
    return this.#all()
      .filter(({ name }) => name === functionName)
      .map(({ pid }) => pid);
  }

  /** Returns when every process of these functions is frozen or gone: nothing that was begun goes on. */
  async quiet(functionNames: readonly string[]): Promise<void> {
    while (this.#all().some(({ name, pid }) => functionNames.includes(name) && !isFrozen(pid))) await sleep(POLL_MS);
  }

  #all(): { readonly name: string; readonly pid: number }[] {
    return readdirSync(this.#folder).map((file) => {
      const words = file.split('.');
      return { name: words.slice(0, -2).join('.'), pid: Number(words.at(-1)) };
    });
  }
}

/** Stopped, as the state in /proc says, or gone. */
function isFrozen(pid: number): boolean {
  try {
    return /\) [TZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}
