/** Checks of numbers that the environment and single operators both take. */
import { ConfigError } from '../model/errors.ts';
import { MAX_MAX_PARALLELISM } from '../model/limits.ts';

export function checkMaxParallelism(maxParallelism: number): void {
  if (Number.isInteger(maxParallelism) && maxParallelism >= 1 && maxParallelism <= MAX_MAX_PARALLELISM) return;
  throw new ConfigError(`max parallelism is a whole number from 1 to ${MAX_MAX_PARALLELISM}; got ${maxParallelism}.`);
}

/** Flink: −1 flushes when a buffer is full, 0 after every record. */
export function checkBufferTimeout(timeoutMs: number): void {
  if (Number.isInteger(timeoutMs) && timeoutMs >= -1) return;
  throw new ConfigError(`the buffer timeout is a whole number of milliseconds, −1 or more; got ${timeoutMs}.`);
}
