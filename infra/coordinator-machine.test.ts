/** The machine of a job, run over answers and errors of its coordinator. */
import { describe, expect, test } from 'vitest';
import {
  BUSY_ROUNDS,
  coordinatorMachine,
  EXPRESS_INVOCATION_MS,
  EXPRESS_ROUNDS,
  RETRIES,
  STANDARD_ROUNDS,
  type MachineKind,
} from './coordinator-machine.ts';
import type { Definition, State } from './states-language.ts';
import { walkDefinition, type TaskOutcome, type Walk } from './walk-definition-fixture.ts';

const INPUT = { settings: { topic: 'orders' }, limits: { tickMs: 60_000 } };
const KINDS: readonly MachineKind[] = ['STANDARD', 'EXPRESS'];
const machine = (kind: MachineKind): Definition =>
  coordinatorMachine({ kind, coordinator: 'arn:coordinator', timeoutSeconds: 60 });

const answer = (status: string, more: Readonly<Record<string, unknown>> = {}): TaskOutcome => ({
  result: { Payload: { status, waitSeconds: 0, rowLimit: null, error: null, ...more } },
});
const failure = (error: string): TaskOutcome => ({ error, cause: 'why' });

/** The last outcome is repeated. */
function walk(kind: MachineKind, outcomes: readonly TaskOutcome[], input: unknown = INPUT): Walk {
  return walkDefinition({
    definition: machine(kind),
    input,
    task: (state, number) => (state === 'Run' ? (outcomes[number - 1] ?? outcomes.at(-1)!) : { result: {} }),
  });
}
const runs = ({ path }: Walk): number => path.filter((name) => name === 'Run').length;

function nextOf(state: State): readonly string[] {
  switch (state.Type) {
    case 'Choice':
      return [...state.Choices.map(({ Next }) => Next), state.Default];
    case 'Task':
      return [...state.Catch.map(({ Next }) => Next), state.Next];
    case 'Pass':
    case 'Wait':
      return [state.Next];
    case 'Succeed':
    case 'Fail':
      return [];
  }
}

describe.each(KINDS)('%s', (kind) => {
  test('every state is there, and is reached', () => {
    const { StartAt, States } = machine(kind);
    const reached = new Set([StartAt]);
    for (const name of reached) for (const next of nextOf(States[name]!)) reached.add(next);
    expect([...reached].toSorted()).toEqual(Object.keys(States).toSorted());
  });

  test('the coordinator is told who asks, and the input of the execution', () => {
    const { tasks } = walk(kind, [answer('continue', { rowLimit: 100 }), answer('finished')]);
    const payload = { execution: 'arn:execution', input: INPUT, rowLimit: null as number | null };
    if (kind === 'EXPRESS') Object.assign(payload, { maxMs: EXPRESS_INVOCATION_MS });
    expect(tasks.map(({ parameters }) => parameters)).toEqual([
      { FunctionName: 'arn:coordinator', Payload: payload },
      { FunctionName: 'arn:coordinator', Payload: { ...payload, rowLimit: 100 } },
    ]);
  });

  test.each(['finished', 'stopped', 'cancelled'])('%s ends it', (status) => {
    const ended = walk(kind, [answer('continue', { waitSeconds: 5 }), answer(status, { epoch: 7 })]);
    expect(ended).toMatchObject({ ended: 'succeeded', output: { status, epoch: 7 }, waitedSeconds: [5] });
  });

  test('failed fails it, with the code and the reason', () => {
    const ended = walk(kind, [answer('failed', { error: { code: 'user-code', message: 'boom' } })]);
    expect(ended).toMatchObject({ ended: 'failed', output: { error: 'user-code', cause: 'boom' } });
  });

  test.each(RETRIES.flatMap(({ ErrorEquals, MaxAttempts }) => ErrorEquals.map((name) => [name, MaxAttempts] as const)))(
    '%s is tried again, %i times',
    (name, attempts) => {
      const mended = walk(kind, [...Array.from({ length: attempts }, () => failure(name)), answer('finished')]);
      expect(mended).toMatchObject({ ended: 'succeeded' });
      expect(walk(kind, [failure(name)])).toMatchObject({ ended: 'failed', output: { error: name, cause: 'why' } });
    },
  );

  test('an error that nobody foresaw fails it at once', () => {
    const ended = walk(kind, [failure('TypeError')]);
    expect(ended).toMatchObject({ ended: 'failed', output: { error: 'TypeError', cause: 'why' } });
    expect(ended.tasks).toHaveLength(1);
  });
});

test('standard: an idle job sleeps until it wants to wake', () => {
  const ended = walk('STANDARD', [
    answer('idle', { waitSeconds: 60 }),
    answer('idle', { waitSeconds: 3 }),
    answer('stopped'),
  ]);
  expect(ended).toMatchObject({ ended: 'succeeded', waitedSeconds: [60, 3] });
});

test('standard: a second execution ends when the first still has the job after twenty minutes', () => {
  const busy = answer('busy', { waitSeconds: 60 });
  const ended = walk('STANDARD', [busy]);
  expect(ended).toMatchObject({ ended: 'succeeded', output: { status: 'busy' } });
  expect(runs(ended)).toBe(BUSY_ROUNDS);
  // Whoever had it is gone: it goes on, and its patience is as long as before.
  const waits = Array.from({ length: BUSY_ROUNDS - 1 }, () => busy);
  expect(runs(walk('STANDARD', [...waits, answer('continue'), busy]))).toBe(2 * BUSY_ROUNDS);
});

test('standard: begins anew before its history is full, in a chain of named executions', () => {
  const ended = walk('STANDARD', [answer('continue')]);
  expect(ended).toMatchObject({ ended: 'succeeded' });
  expect(ended.path.at(-1)).toBe('Renewed');
  expect(runs(ended)).toBe(STANDARD_ROUNDS);
  const parameters = ended.tasks.at(-1)!.parameters as { readonly Input: Readonly<Record<string, unknown>> };
  const chain = { name: 'first', number: 1 };
  expect(parameters).toMatchObject({ StateMachineArn: 'arn:machine', Name: 'first-1', Input: { input: INPUT, chain } });
  const second = walk('STANDARD', [answer('continue')], parameters.Input);
  expect(second.tasks[0]).toMatchObject({ parameters: { Payload: { input: INPUT } } });
  expect(second.tasks.at(-1)).toMatchObject({ parameters: { Name: 'first-2', Input: { chain: { number: 2 } } } });
});

test('standard: its history has room for all rounds, and for retries of a tenth of them', () => {
  const EVENTS = 25_000;
  // Entered and exited: two for each state; scheduled, started, succeeded: three more for a task; three for a retry.
  const { path } = walk('STANDARD', [answer('continue')]);
  expect(path.length * 2 + (STANDARD_ROUNDS + 1) * 3 + (STANDARD_ROUNDS / 10) * 3).toBeLessThan(EVENTS);
});

test('standard: an execution that the last one has started already is no failure', () => {
  const ended = walkDefinition({
    definition: machine('STANDARD'),
    input: INPUT,
    task: (state) => (state === 'Run' ? answer('continue') : failure('StepFunctions.ExecutionAlreadyExistsException')),
  });
  expect(ended).toMatchObject({ ended: 'succeeded' });
  expect(ended.path.at(-1)).toBe('Renewed');
  expect(ended.tasks.filter(({ state }) => state === 'StartNext')).toHaveLength(1);
});

test('express: ends with its rounds, when idle, and when another has the job', () => {
  const over = walk('EXPRESS', [answer('continue')]);
  expect(over.path.at(-1)).toBe('Over');
  expect(runs(over)).toBe(EXPRESS_ROUNDS);
  const MOST_SECONDS = 300;
  expect((EXPRESS_ROUNDS * EXPRESS_INVOCATION_MS) / 1000).toBeLessThan(MOST_SECONDS - EXPRESS_INVOCATION_MS / 1000);
  for (const status of ['idle', 'busy']) expect(runs(walk('EXPRESS', [answer(status, { waitSeconds: 60 })]))).toBe(1);
});
