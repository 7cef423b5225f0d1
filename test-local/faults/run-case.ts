/** Runs one case in one variant, and says what came of it. */
import type { FaultCase } from './fault-case.ts';
import { FaultTrial, type Variant } from './fault-trial.ts';
import type { FaultServers } from './fault-servers.ts';

export interface FaultResult {
  /** Empty: all is right. */
  readonly problems: readonly string[];
  readonly seconds: number;
  /** Where the state stays when something is wrong. */
  readonly folder: string | null;
}

/** A case that stands still for so long is wrong: its leases, transactions and offsets run out before. */
const LIMIT_MS = 300_000;

export async function runCase(servers: FaultServers, fault: FaultCase, variant: Variant): Promise<FaultResult> {
  const startedMs = performance.now();
  const trial = await FaultTrial.begin(servers, variant, fault.needs ?? {});
  let problems: readonly string[];
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`Nothing came of it within ${LIMIT_MS / 1000} s.`)), LIMIT_MS);
    });
    const folder = await Promise.race([fault.run(trial), late]);
    problems = await trial.wrong(folder ?? trial.folder);
  } catch (thrown) {
    problems = [thrown instanceof Error ? thrown.message : String(thrown)];
  } finally {
    clearTimeout(timer);
  }
  const keep = problems.length > 0;
  await trial.close(keep);
  return { problems, seconds: (performance.now() - startedMs) / 1000, folder: keep ? trial.folder : null };
}
