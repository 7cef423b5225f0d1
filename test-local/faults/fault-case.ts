/** One line of the matrix: what dies, where, and what is done to it. What is right in the end is the same for all (`FaultTrial.wrong`). */
import type { FaultTrial, TrialNeeds, Variant } from './fault-trial.ts';

export interface FaultCase {
  readonly name: string;
  /** What dies or goes wrong, and where. */
  readonly what: string;
  /** Beside the outcome. */
  readonly checks?: string | undefined;
  readonly variants: readonly Variant[];
  readonly needs?: TrialNeeds;
  /** Part of `npm test`, in its first variant. */
  readonly isQuick?: boolean;
  /** Throws where it does not go as it has to; the folder with the state at the end, where it is not the trial's. */
  readonly run: (trial: FaultTrial) => Promise<string | void>;
}

export const ONE: Variant = { workers: 1, database: 'postgres' };
export const TWO: Variant = { workers: 2, database: 'mariadb' };
/** Both parallelisms, both databases. */
export const BOTH: readonly Variant[] = [ONE, TWO];
export const BOTH_DATABASES: readonly Variant[] = [ONE, { ...ONE, database: 'mariadb' }];
export const ON_OLDER_BROKER: Variant = { ...ONE, kafka: 'kafka-3.9' };
export const WITH_KAFKAJS: Variant = { ...ONE, client: 'kafkajs' };
export const EACH_KAFKA: readonly Variant[] = [ONE, ON_OLDER_BROKER, WITH_KAFKAJS];

/** What a message has to say. */
export function expectText(text: string, ...parts: readonly (string | RegExp)[]): void {
  for (const part of parts)
    if (typeof part === 'string' ? !text.includes(part) : !part.test(text))
      throw new Error(`Expected ${String(part)} in what the job said:\n${text.slice(-3000)}`);
}
