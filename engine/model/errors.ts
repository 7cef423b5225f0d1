/**
 * One class per reaction of the runtime (STYLE 12). Imports nothing.
 *
 * | class               | what the runtime does                                              |
 * |---------------------|--------------------------------------------------------------------|
 * | ConfigError         | refuses to start; the message says what to change                  |
 * | UserCodeError       | fails the epoch, or sends the record to the dead letters           |
 * | RetryableError      | fails the attempt; the restart strategy decides                    |
 * | UnknownOutcomeError | reads the head consistently and goes by what it says (E3)          |
 * | FencedError         | stops: another owner holds a newer generation (E4)                 |
 * | CorruptionError     | stops: stored bytes fail their checksum; never used, never skipped |
 * | InvariantError      | stops: a bug in Millrace                                           |
 */
export type ErrorCode =
  'config' | 'user-code' | 'retryable' | 'unknown-outcome' | 'fenced' | 'corruption' | 'invariant';

export abstract class MillraceError extends Error {
  abstract readonly code: ErrorCode;
  /** Where it happened: job, operator, split, position, key … whatever is known. */
  readonly at: Readonly<Record<string, unknown>>;
  constructor(message: string, at: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.at = at;
  }
}

export class ConfigError extends MillraceError {
  readonly code = 'config';
}
export class UserCodeError extends MillraceError {
  readonly code = 'user-code';
}
export class RetryableError extends MillraceError {
  readonly code = 'retryable';
}
export class UnknownOutcomeError extends MillraceError {
  readonly code = 'unknown-outcome';
}
export class FencedError extends MillraceError {
  readonly code = 'fenced';
}
export class CorruptionError extends MillraceError {
  readonly code = 'corruption';
}
export class InvariantError extends MillraceError {
  readonly code = 'invariant';
}

/** Throws InvariantError unless `condition`; `what` names the invariant. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${what}. This is a bug in Millrace; please report it.`);
}

/** A short text for any thrown value. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Thrown by `import()` of a package that is not there. */
export function isMissingModule(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}
