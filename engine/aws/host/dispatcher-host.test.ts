import { expect, test } from 'vitest';
import { InvariantError, RetryableError, UnknownOutcomeError } from '../../model/errors.ts';
import { dispatcherOf, MAX_DISPATCHED } from './dispatcher-host.ts';

const tasks = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i);

class Branch {
  readonly events: unknown[] = [];
  most = 0;
  open = 0;
  #now = 0;
  /** What a task ends with. */
  fails: (task: number) => Error | null = () => null;

  async dispatch(
    task: unknown,
    env: Readonly<Record<string, string>> = { MILLRACE_SUBTASK: 'subtask' },
  ): Promise<unknown> {
    const host = dispatcherOf({
      env,
      openInvoker: () => {
        this.open += 1;
        return {
          invoke: async (name, event) => {
            this.events.push({ name, event });
            this.most = Math.max(this.most, ++this.#now);
            await Promise.resolve();
            this.#now -= 1;
            const error = this.fails((event as { task: number }).task);
            if (error !== null) throw error;
            return null;
          },
          start: async () => undefined,
          quiesce: () => void (this.open -= 1),
        };
      },
    });
    return await host({ execution: 'e', input: { settings: {} }, task });
  }
}

test('invokes the subtask for each, all at the same time', async () => {
  const branch = new Branch();
  expect(await branch.dispatch({ tasks: tasks(40) })).toEqual({ invoked: 40 });
  expect(branch.events).toEqual(
    tasks(40).map((task) => ({ name: 'subtask', event: { execution: 'e', input: { settings: {} }, task } })),
  );
  expect([branch.most, branch.open]).toEqual([40, 0]);
});

test('waits for all of them, and then says what failed by a name that the machine retries', async () => {
  const branch = new Branch();
  branch.fails = (task) =>
    task === 1 ? new RetryableError('it died') : task === 3 ? new UnknownOutcomeError('?') : null;
  await expect(branch.dispatch({ tasks: tasks(5) })).rejects.toMatchObject({
    name: 'Millrace.Retryable',
    message: '2 of 5 subtasks failed, the first with: it died',
  });
  expect([branch.events.length, branch.open]).toEqual([5, 0]);
});

test('a defect is no reason to try again', async () => {
  const branch = new Branch();
  branch.fails = (task) => (task === 1 ? new RetryableError('it died') : new InvariantError('boom'));
  await expect(branch.dispatch({ tasks: tasks(3) })).rejects.toMatchObject({
    name: 'InvariantError',
    message: '3 of 3 subtasks failed, the first with: boom',
  });
});

test('refuses what is no branch, and to invoke itself', async () => {
  for (const task of [null, {}, { tasks: [] }, { tasks: tasks(MAX_DISPATCHED + 1) }])
    await expect(new Branch().dispatch(task)).rejects.toThrow('task.tasks is a list of 1 to 40 tasks');
  const env = { MILLRACE_SUBTASK: 'me', AWS_LAMBDA_FUNCTION_NAME: 'me' };
  await expect(new Branch().dispatch({ tasks: tasks(1) }, env)).rejects.toThrow('it would invoke itself');
  await expect(new Branch().dispatch({ tasks: tasks(1) }, {})).rejects.toThrow('MILLRACE_SUBTASK is missing');
});
