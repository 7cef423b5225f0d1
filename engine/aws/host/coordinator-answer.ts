/**
 * What an invocation of the coordinator answers. The state machine's Choice reads `status`, its Wait `waitSeconds`, its Maps `tasks`; `carry` it
 * hands back.
 */
import type { JobOutcome } from '../../runtime/job-options.ts';
import { MillraceError, RetryableError, UnknownOutcomeError, messageOf } from '../../model/errors.ts';
import type { Carry } from './carry.ts';
import type { EndReason } from './invocation-end.ts';

export const ANSWER_STATUSES = [
  'continue',
  'idle',
  'busy',
  'stage',
  'publish',
  'finished',
  'stopped',
  'cancelled',
  'failed',
] as const;
/**
 * `continue`: go on after the wait. `idle`: nothing to read, go on after a while. `busy`: another execution has the job. `stage`, `publish`: do
 * `tasks`, then go on. The others: it has ended, `stopped` until it is started again.
 */
export type AnswerStatus = (typeof ANSWER_STATUSES)[number];

export interface AnswerError {
  /** Of the error class (model/errors.ts), or `unexpected`. */
  readonly code: string;
  readonly message: string;
}

export interface CoordinatorAnswer {
  readonly status: AnswerStatus;
  readonly job: string;
  /** The last committed one; 0: none. */
  readonly epoch: number;
  /** Committed in this invocation. */
  readonly epochs: number;
  /** After how long the job wants to be invoked again. */
  readonly nextWakeMs: number;
  readonly waitSeconds: number;
  /** Of a stage or a publication: one invocation each, of the subtask's or the publisher's function. */
  readonly tasks: readonly unknown[];
  /** `tasks` are groups, `{ tasks }`, each for the dispatcher. */
  readonly tree: boolean;
  /** For the next invocation, as it is. */
  readonly carry: Carry;
  readonly error: AnswerError | null;
}

export interface Verdict {
  readonly status: AnswerStatus;
  readonly error: AnswerError | null;
}

export function verdictOf(outcome: JobOutcome, reason: EndReason | null): Verdict {
  switch (outcome.kind) {
    case 'finished':
    case 'cancelled':
      return { status: outcome.kind, error: null };
    case 'already':
      return { status: outcome.phase, error: null };
    case 'stopped':
      return { status: reason === 'command' || reason === null ? 'stopped' : STATUS_OF[reason], error: null };
    case 'fenced':
    case 'refused':
      return { status: 'busy', error: null };
    case 'failed': {
      // What is away when the time is over may be there in the next invocation, which begins with patience again (E5).
      const isAway = outcome.error instanceof RetryableError || outcome.error instanceof UnknownOutcomeError;
      const goesOn = isAway && reason !== null && reason !== 'command';
      return { status: goesOn ? 'continue' : 'failed', error: errorOf(outcome.error, outcome.reason) };
    }
    case 'nothing-to-restore':
      return { status: 'failed', error: { code: 'config', message: 'there is no checkpoint to restore' } };
  }
}

const STATUS_OF = { time: 'continue', paced: 'continue', idle: 'idle' } as const satisfies Record<
  Exclude<EndReason, 'command'>,
  AnswerStatus
>;

/** `reason`: in the coordinator's words. */
export function errorOf(error: unknown, reason: string = messageOf(error)): AnswerError {
  return { code: error instanceof MillraceError ? error.code : 'unexpected', message: reason };
}
