/** A case in one of its variants, as it is listed, run and told, whatever it runs on. */
import type { FaultServers } from './fault-servers.ts';

export interface FaultRun {
  /** E.g. "after-commit/2-mariadb". */
  readonly name: string;
  /** What dies or goes wrong, and where. */
  readonly what: string;
  /** Beside the outcome. */
  readonly checks: string | undefined;
  /** Part of `npm test`. */
  readonly isQuick: boolean;
  readonly run: (servers: FaultServers) => Promise<FaultResult>;
}

export interface FaultResult {
  /** Empty: all is right. */
  readonly problems: readonly string[];
  readonly seconds: number;
  /** Where the state stays when something is wrong. */
  readonly folder: string | null;
}

interface Trial {
  /** `keep`: its state, to look into. */
  close(keep: boolean): Promise<string | null>;
}

/** A case that stands still for so long is wrong: its leases, transactions and offsets run out before. */
const LIMIT_MS = 300_000;

/** `work` answers what is wrong, or throws it. */
export async function runTrial<T extends Trial>(
  begin: () => Promise<T>,
  work: (trial: T) => Promise<readonly string[]>,
): Promise<FaultResult> {
  const startedMs = performance.now();
  const trial = await begin();
  let problems: readonly string[];
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Nothing came of it within ${LIMIT_MS / 1000} s.`)), LIMIT_MS);
    });
    problems = await Promise.race([work(trial), late]);
  } catch (thrown) {
    problems = [thrown instanceof Error ? thrown.message : String(thrown)];
  } finally {
    clearTimeout(timer);
  }
  const folder = await trial.close(problems.length > 0);
  return { problems, seconds: (performance.now() - startedMs) / 1000, folder };
}
