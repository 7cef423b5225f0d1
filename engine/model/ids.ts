/**
 * Names of things in the protocol. Branded, so that an epoch is never passed where a generation is meant.
 */
export type Brand<T, Name extends string> = T & { readonly __brand: Name };

/** One checkpoint interval. Counts from 1; 0 is "nothing committed yet". Never used twice in a job (ARCHITECTURE section 1). */
export type Epoch = Brand<number, 'Epoch'>;
/** The fencing token: grows with every attempt at any epoch, lives in the head (E4). */
export type Generation = Brand<number, 'Generation'>;
/** What a start or a restore begins; state base and sink markers belong to it. */
export type RunId = Brand<string, 'RunId'>;
/** One invocation of one subtask. */
export type AttemptId = Brand<string, 'AttemptId'>;
/** A source partition: `<source uid>/<split>`; channels are ordered by comparing these as strings of code units. */
export type SplitId = Brand<string, 'SplitId'>;
/** Wall-clock time, integer milliseconds since 1970-01-01T00:00Z. */
export type WallTimeMs = Brand<number, 'WallTimeMs'>;

export const epoch = (n: number): Epoch => n as Epoch;
export const generation = (n: number): Generation => n as Generation;
export const runId = (s: string): RunId => s as RunId;
export const attemptId = (s: string): AttemptId => s as AttemptId;
export const splitId = (s: string): SplitId => s as SplitId;
export const wallTimeMs = (n: number): WallTimeMs => n as WallTimeMs;
