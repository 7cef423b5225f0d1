/**
 * A branch of a wide stage: invokes the subtask's function for each task of `{ execution, input, task: { tasks } }`, all at the same time, and
 * answers when all have. What one of them cannot do is thrown when the others have ended; a second attempt invokes all of them again, and those
 * that had done theirs say so at once.
 */
import { ConfigError, messageOf, RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import { RETRYABLE, type Invoker } from '../../ports/invoker.ts';
import { required, type Environment } from './aws-ports.ts';
import { isObject } from './carry-checks.ts';

export interface DispatcherHost {
  readonly env: Environment;
  readonly openInvoker: () => Invoker & { quiesce(): void };
}

export interface DispatcherAnswer {
  readonly invoked: number;
}

/** As many as a Map runs at a time (infra/map-states.ts). */
export const MAX_DISPATCHED = 40;

export function dispatcherOf(host: DispatcherHost): (event: unknown) => Promise<DispatcherAnswer> {
  return async (value) => {
    const { tasks, ...rest } = parseEvent(value);
    const subtask = required(host.env, 'MILLRACE_SUBTASK');
    if (subtask === host.env['AWS_LAMBDA_FUNCTION_NAME'])
      throw new ConfigError(`MILLRACE_SUBTASK is this very function, "${subtask}": it would invoke itself.`);
    const invoker = host.openInvoker();
    try {
      const ends = await Promise.allSettled(
        tasks.map(async (task) => await invoker.invoke(subtask, { ...rest, task })),
      );
      const errors = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
      if (errors.length > 0) throw worstOf(errors, tasks.length);
      return { invoked: tasks.length };
    } finally {
      invoker.quiesce();
    }
  };
}

function parseEvent(value: unknown): {
  readonly execution: unknown;
  readonly input: unknown;
  readonly tasks: readonly unknown[];
} {
  const { execution = null, input = {}, task } = isObject(value) ? value : {};
  const tasks = isObject(task) ? task['tasks'] : null;
  if (!Array.isArray(tasks) || tasks.length === 0 || tasks.length > MAX_DISPATCHED)
    throw new ConfigError(`task.tasks is a list of 1 to ${MAX_DISPATCHED} tasks; got ${JSON.stringify(task)}.`);
  return { execution, input, tasks };
}

/** What no other attempt mends counts first. */
function worstOf(errors: readonly unknown[], tasks: number): unknown {
  const mends = (error: unknown): boolean => error instanceof RetryableError || error instanceof UnknownOutcomeError;
  const [first] = errors;
  const worst = errors.find((error) => !mends(error)) ?? first;
  const words = `${errors.length} of ${tasks} subtasks failed, the first with: ${messageOf(worst)}`;
  return Object.assign(new Error(words, { cause: worst }), {
    name: mends(worst) ? RETRYABLE : worst instanceof Error ? worst.name : 'Error',
  });
}
