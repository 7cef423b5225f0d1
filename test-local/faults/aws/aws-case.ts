/** One line of the matrix on AWS: what dies, where, and what is done to it. What is right in the end is the same for all (`AwsTrial.wrong`). */
import type { AwsNeeds, AwsTrial, AwsVariant } from './aws-trial.ts';

export interface AwsFaultCase {
  readonly name: string;
  /** What dies or goes wrong, and where. */
  readonly what: string;
  /** Beside the outcome. */
  readonly checks?: string;
  readonly variants: readonly AwsVariant[];
  readonly needs?: AwsNeeds;
  /** Part of `npm test`, in its first variant. */
  readonly isQuick?: boolean;
  /** Throws where it does not go as it has to. */
  readonly run: (trial: AwsTrial) => Promise<unknown>;
}

export const FUSED: AwsVariant = { mode: 'fused', database: 'postgres' };
export const FANNED_OUT: AwsVariant = { mode: 'fanned-out', database: 'postgres' };
/** State as snapshots in the bucket instead of records in the table. */
export const FUSED_IN_MEMORY: AwsVariant = { ...FUSED, backend: 'hashmap' };
export const BOTH_MODES: readonly AwsVariant[] = [FUSED, FANNED_OUT];
export const ALL_VARIANTS: readonly AwsVariant[] = [...BOTH_MODES, FUSED_IN_MEMORY];
