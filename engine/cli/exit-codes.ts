/** What the process's exit code says. Documented in `millrace --help` and README. */
import type { ErrorCode } from '../model/errors.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  fenced: 3,
  corrupt: 4,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODES_HELP = `
Exit codes:
  0    done
  1    the job failed
  2    wrong usage, or a configuration that cannot run
  3    another process runs the job, or has taken it over
  4    stored state is corrupt
  130  interrupted; the epochs committed so far stay, and the same command goes on from there

MILLRACE_DEBUG=1 adds stack traces to errors.
`;

const OF_CODE: Readonly<Record<ErrorCode, ExitCode>> = {
  config: EXIT.usage,
  'user-code': EXIT.failed,
  retryable: EXIT.failed,
  'unknown-outcome': EXIT.failed,
  invariant: EXIT.failed,
  fenced: EXIT.fenced,
  corruption: EXIT.corrupt,
};

export function exitCodeOf(thrown: unknown): ExitCode {
  const code = errorCodeOf(thrown);
  return code === null ? EXIT.failed : OF_CODE[code];
}

/** By the code and not by the class: a job may bring its own copy of Millrace. */
export function errorCodeOf(thrown: unknown): ErrorCode | null {
  if (!(thrown instanceof Error) || !('code' in thrown)) return null;
  return typeof thrown.code === 'string' && Object.hasOwn(OF_CODE, thrown.code) ? (thrown.code as ErrorCode) : null;
}
