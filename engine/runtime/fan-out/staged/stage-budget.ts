/** What one invocation may spend on its subtask. */
export interface StageBudget {
  /** Milliseconds of reading after which a subtask of the sources stops, where the plan does not say how far it reads. */
  readonly intervalMs: number;
  /** Milliseconds within which the subtask must come to an end. */
  readonly timeoutMs: number;
  /** Rows after which it stops reading. */
  readonly maxRows: number;
  /** Stop reading when no split has anything at hand. */
  readonly untilDry?: boolean;
  /** Stop reading; finish with what was read. */
  readonly signal: AbortSignal;
}
