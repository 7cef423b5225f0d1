/**
 * One way to call AWS: our own retries, because the SDK's do not say whether an earlier attempt may have taken effect. The clients are made
 * with `maxAttempts: 1`.
 *
 * | what came back                                   | what it says of the write          |
 * |--------------------------------------------------|------------------------------------|
 * | throttled, too many requests                     | nothing happened: again, after a while |
 * | 5xx, timeout, connection lost                    | it may have happened: again, `attempt.unsure` |
 * | access denied, no such table or bucket, expired token | ConfigError                    |
 * | anything else                                    | thrown as it is                    |
 */
import { ConfigError, messageOf, RetryableError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';

export interface CallLimits {
  /** Attempts at one call. */
  readonly attempts: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}
export const CALL_LIMITS: CallLimits = { attempts: 8, firstDelayMs: 25, maxDelayMs: 2_000 };

export interface Attempt {
  /** An earlier attempt of this call may have taken effect. */
  readonly unsure: boolean;
}

/** Thrown when the last attempt has failed. */
export class CallFailed extends RetryableError {
  /** One of the attempts may have taken effect. */
  readonly unsure: boolean;
  constructor(what: string, attempts: number, unsure: boolean, cause: unknown) {
    super(`${what}: ${attempts} attempts failed, the last with ${nameOf(cause)}: ${messageOf(cause)}`, {}, cause);
    this.unsure = unsure;
  }
}

/** `what` names the call for messages: "PutItem on table x". */
export async function callAws<T>(
  what: string,
  clock: Pick<Clock, 'sleep'>,
  call: (attempt: Attempt) => Promise<T>,
  limits: CallLimits = CALL_LIMITS,
): Promise<T> {
  let unsure = false;
  let delayMs = limits.firstDelayMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call({ unsure });
    } catch (error) {
      const kind = kindOf(error);
      if (kind === 'other') throw error;
      if (kind === 'config') throw new ConfigError(`${what}: ${nameOf(error)}: ${messageOf(error)}`, {}, error);
      unsure ||= kind === 'unsure';
      if (attempt >= limits.attempts) throw new CallFailed(what, attempt, unsure, error);
      // Full jitter: those that were throttled together do not come back together.
      await clock.sleep(Math.ceil(delayMs * (0.5 + Math.random() / 2)));
      delayMs = Math.min(limits.maxDelayMs, delayMs * 2);
    }
  }
}

type Kind = 'throttled' | 'unsure' | 'config' | 'other';

const THROTTLED = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'SlowDown',
  'LimitExceededException',
  'EC2ThrottledException',
]);
const UNSURE = new Set([
  'TimeoutError',
  'AbortError',
  'RequestTimeout',
  'RequestTimeoutException',
  'InternalServerError',
  'InternalError',
  'ServiceUnavailable',
  'ServiceException',
  'TransactionInProgressException',
]);
const CONFIG = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'ResourceNotFoundException',
  'NoSuchBucket',
  'ExpiredToken',
  'ExpiredTokenException',
  'UnrecognizedClientException',
  'InvalidSignatureException',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
]);
const CONNECTION = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);

function kindOf(error: unknown): Kind {
  const name = nameOf(error);
  if (THROTTLED.has(name)) return 'throttled';
  if (UNSURE.has(name)) return 'unsure';
  if (CONFIG.has(name)) return 'config';
  const { code, $metadata } = error as { code?: unknown; $metadata?: { httpStatusCode?: number } };
  if (typeof code === 'string' && CONNECTION.has(code)) return code === 'ECONNREFUSED' ? 'throttled' : 'unsure';
  const status = $metadata?.httpStatusCode;
  if (status === 429) return 'throttled';
  return status !== undefined && status >= 500 ? 'unsure' : 'other';
}

export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
