/** The machines of a job, run over answers and errors of its functions. */
import { describe, expect, test } from 'vitest';
import { RETRIES, TRANSIENT, type Patience } from './invocations.ts';
import { BUSY_ROUNDS, EXPRESS_SECONDS_LEFT, jobMachine, RESTARTS, type MachineKind } from './job-machine.ts';
import { MAP_CONCURRENCY } from './map-states.ts';
import type { Definition, State } from './states-language.ts';
import { walkDefinition, type TaskOutcome, type Walk, type WalkOptions } from './walk-definition-fixture.ts';

const INPUT = { settings: { topic: 'orders' }, limits: { tickMs: 60_000 } };
const KINDS: readonly MachineKind[] = ['STANDARD', 'EXPRESS'];
const NOTHING = { kind: null, error: null };
const of = (name: string, timeoutSeconds: number): { readonly name: string; readonly timeoutSeconds: number } => ({
  name: `arn:${name}`,
  timeoutSeconds,
});
const FUNCTIONS = {
  coordinator: of('coordinator', 60),
  subtask: of('subtask', 90),
  dispatcher: of('dispatcher', 100),
  publisher: of('publisher', 60),
  control: of('control', 30),
};
const machine = (kind: MachineKind): Definition => jobMachine({ kind, functions: FUNCTIONS });

type More = Readonly<Record<string, unknown>>;
const answer = (status: string, more: More = {}, tookSeconds = 0): TaskOutcome => ({
  result: {
    Payload: {
      status,
      waitSeconds: 0,
      epochs: 1,
      tasks: [],
      tree: false,
      carry: { session: null },
      error: null,
      ...more,
    },
  },
  tookSeconds,
});
const failure = (error: string): TaskOutcome => ({ error, cause: 'why' });
const FINISHED = answer('finished');
const OK: TaskOutcome = { result: { Payload: 'done' } };

/** The last outcome of the coordinator is repeated; other functions do what they are asked. */
function walk(kind: MachineKind, outcomes: readonly TaskOutcome[], more: Partial<WalkOptions> = {}): Walk {
  return walkDefinition({
    definition: machine(kind),
    input: INPUT,
    ...more,
    task: (state, number, parameters) => {
      if (state === 'Run') return outcomes[number - 1] ?? outcomes.at(-1)!;
      return more.task?.(state, number, parameters) ?? OK;
    },
  });
}
const runs = ({ path }: Walk): number => path.filter((name) => name === 'Run').length;
/** What invocations of a state's function were told. */
const told = ({ tasks }: Walk, state: string): readonly unknown[] =>
  tasks.filter((task) => task.state === state).map(({ parameters }) => (parameters as { Payload: unknown }).Payload);
const patienceOf = (kind: MachineKind): Patience => (kind === 'STANDARD' ? 'patient' : 'brief');

function nextOf(state: State): readonly string[] {
  switch (state.Type) {
    case 'Choice':
      return [...state.Choices.map(({ Next }) => Next), state.Default];
    case 'Task':
    case 'Map':
      return [...(state.Catch ?? []).map(({ Next }) => Next), state.Next!];
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

  test('the coordinator is told who asks, since when, the input of the execution, and what it said itself', () => {
    const ended = walk(kind, [answer('continue', { carry: { session: 's' } }), FINISHED]);
    const first = {
      execution: 'arn:execution',
      startedAt: '2026-11-22T19:59:00.000Z',
      input: INPUT,
      carry: null,
      done: NOTHING,
      ...(kind === 'EXPRESS' ? { secondsLeft: EXPRESS_SECONDS_LEFT } : {}),
    };
    expect(told(ended, 'Run')).toEqual([first, { ...first, carry: { session: 's' } }]);
  });

  test.each(['finished', 'stopped', 'cancelled'])('%s ends it', (status) => {
    const ended = walk(kind, [answer('continue', { waitSeconds: 5 }), answer(status, { epoch: 7 })]);
    expect(ended).toMatchObject({ ended: 'succeeded', output: { status, epoch: 7 }, waitedSeconds: [5] });
  });

  test('failed fails it, with the code and the reason', () => {
    const ended = walk(kind, [answer('failed', { error: { code: 'user-code', message: 'boom' } })]);
    expect(ended).toMatchObject({ ended: 'failed', output: { error: 'user-code', cause: 'boom' } });
    expect(runs(ended)).toBe(1);
  });

  test.each(
    RETRIES[patienceOf(kind)].flatMap(({ ErrorEquals, MaxAttempts }) =>
      ErrorEquals.map((name) => [name, MaxAttempts] as const),
    ),
  )('%s is tried again, %i times', (name, attempts) => {
    const failures = Array.from({ length: attempts }, () => failure(name));
    const mended = walk(kind, [...failures, FINISHED]);
    expect(mended).toMatchObject({ ended: 'succeeded' });
    expect(runs(mended)).toBe(1);
    expect(walk(kind, [failure(name)])).toMatchObject({ ended: 'failed', output: { error: name, cause: 'why' } });
  });

  test('every wait before another attempt grows up to its most', () => {
    const { States } = machine(kind);
    const tasks = Object.values(States).flatMap((state) => {
      if (state.Type === 'Map') return Object.values(state.ItemProcessor.States);
      return state.Type === 'Task' ? [state] : [];
    });
    expect(tasks.length).toBeGreaterThanOrEqual(6);
    for (const { Retry } of tasks)
      for (const { IntervalSeconds, MaxDelaySeconds } of Retry)
        expect(MaxDelaySeconds).toBeGreaterThan(IntervalSeconds);
  });

  test('an error that nobody foresaw fails it at once', () => {
    const ended = walk(kind, [failure('TypeError')]);
    expect(ended).toMatchObject({ ended: 'failed', output: { error: 'TypeError', cause: 'why' } });
    expect(told(ended, 'Run')).toHaveLength(1);
  });

  describe('an epoch that is fanned out', () => {
    const tasks = [
      { plan: 'p', stage: 'sources', subtask: 0 },
      { plan: 'p', stage: 'sources', subtask: 1 },
    ];
    const carry = { session: 's' };
    const epoch = [
      answer('stage', { tasks, carry }),
      answer('stage', { tasks: [{ tasks }], tree: true, carry }),
      answer('publish', { tasks: [{ slot: 0 }], carry }),
      FINISHED,
    ];
    const event = (task: unknown): unknown => ({ execution: 'arn:execution', input: INPUT, task });

    test('is its stages, a tree where one is wide, and its publication', () => {
      const ended = walk(kind, epoch);
      expect(ended.path.filter((name) => !['Begin', 'First', 'Count', 'Decide'].includes(name))).toEqual([
        'Run',
        'RunStage',
        'Run',
        'RunTree',
        'Run',
        'Publish',
        'Run',
        'Ended',
      ]);
      expect(told(ended, 'RunSubtask')).toEqual(tasks.map(event));
      expect(told(ended, 'Dispatch')).toEqual([event({ tasks })]);
      expect(told(ended, 'PublishSlots')).toEqual([event({ slot: 0 })]);
      expect(told(ended, 'Run')).toMatchObject([
        { carry: null, done: NOTHING },
        { carry, done: { kind: 'stage', error: null } },
        { carry, done: { kind: 'stage', error: null } },
        { carry, done: { kind: 'publish', error: null } },
      ]);
    });

    test.each([
      ['RunSubtask', 0, 'stage'],
      ['Dispatch', 1, 'stage'],
      ['PublishSlots', 2, 'publish'],
    ] as const)('what %s cannot do, the coordinator plans again', (worker, at, doneKind) => {
      const ended = walk(kind, [...epoch.slice(0, at + 1), answer('continue'), FINISHED], {
        task: (state) => (state === worker ? failure('Runtime.ExitError') : OK),
      });
      expect(ended).toMatchObject({ ended: 'succeeded' });
      expect(told(ended, 'Run').slice(-2)).toMatchObject([
        { carry, done: { kind: doneKind, error: { Error: 'Runtime.ExitError', Cause: 'why' } } },
        // Said once.
        { done: NOTHING },
      ]);
    });

    test('one task that dies is tried again by itself', () => {
      const ended = walk(kind, epoch, {
        task: (state, number) => (state === 'RunSubtask' && number === 1 ? failure('Sandbox.Timedout') : OK),
      });
      expect(told(ended, 'RunSubtask')).toEqual([tasks[0], ...tasks].map(event));
      expect(told(ended, 'Run')).toHaveLength(4);
    });

    test('a stage with nothing to do goes on', () => {
      expect(runs(walk(kind, [answer('stage', { tasks: [], carry }), FINISHED]))).toBe(2);
    });

    test('no more at a time than a Map takes', () => {
      const { RunStage } = machine(kind).States;
      expect(RunStage).toMatchObject({
        MaxConcurrency: MAP_CONCURRENCY,
        ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' } },
      });
    });
  });
});

describe('standard', () => {
  test('an idle job sleeps until it wants to wake', () => {
    const ended = walk('STANDARD', [
      answer('idle', { waitSeconds: 60 }),
      answer('idle', { waitSeconds: 3 }),
      answer('stopped'),
    ]);
    expect(ended).toMatchObject({ ended: 'succeeded', waitedSeconds: [60, 3] });
  });

  test('a second execution ends when the first still has the job after twenty minutes', () => {
    const busy = answer('busy', { waitSeconds: 60, epochs: 0 });
    const ended = walk('STANDARD', [busy]);
    expect(ended).toMatchObject({ ended: 'succeeded', output: { status: 'busy' } });
    expect(runs(ended)).toBe(BUSY_ROUNDS);
    // Whoever had it is gone: it goes on, and its patience is as long as before.
    const waits = Array.from({ length: BUSY_ROUNDS - 1 }, () => busy);
    expect(runs(walk('STANDARD', [...waits, answer('continue'), busy]))).toBe(2 * BUSY_ROUNDS);
  });

  test('what time may mend is restarted, later each time, and its patience renews itself', () => {
    const away = answer('failed', { epochs: 0, error: { code: 'retryable', message: 'the target is away' } });
    const ended = walk('STANDARD', [away]);
    expect(ended).toMatchObject({ ended: 'failed', output: { error: 'retryable', cause: 'the target is away' } });
    expect(ended.waitedSeconds).toEqual(Array.from({ length: RESTARTS }, (_, i) => 10 * 2 ** i));
    const some = Array.from({ length: RESTARTS }, () => away);
    expect(runs(walk('STANDARD', [...some, answer('continue'), away]))).toBe(2 * (RESTARTS + 1));
    const thrown = failure('Millrace.Retryable');
    const attempts = RETRIES.patient.find(({ ErrorEquals }) => ErrorEquals.includes('Millrace.Retryable'))!.MaxAttempts;
    const mended = walk('STANDARD', [...Array.from({ length: attempts + 1 }, () => thrown), FINISHED]);
    expect(mended).toMatchObject({ ended: 'succeeded', waitedSeconds: [10] });
  });

  test('begins anew before its history is full, in a chain of named executions', () => {
    const ended = walk('STANDARD', [answer('continue', { carry: { rowLimit: 5 } })]);
    expect(ended).toMatchObject({ ended: 'succeeded' });
    expect(ended.path.at(-1)).toBe('Renewed');
    const parameters = ended.tasks.at(-1)!.parameters as { readonly Input: Readonly<Record<string, unknown>> };
    const chain = { name: 'first', number: 1 };
    expect(parameters).toMatchObject({
      StateMachineArn: 'arn:machine',
      Name: 'first-1',
      Input: { input: INPUT, chain, carry: { rowLimit: 5 } },
    });
    const second = walk('STANDARD', [answer('continue')], { input: parameters.Input });
    expect(told(second, 'Run')[0]).toMatchObject({ input: INPUT, carry: { rowLimit: 5 }, done: NOTHING });
    expect(second.tasks.at(-1)).toMatchObject({ parameters: { Name: 'first-2', Input: { chain: { number: 2 } } } });
  });

  const EVENTS = 25_000;
  const wide = (n: number): readonly unknown[] => Array.from({ length: n }, (_, subtask) => ({ subtask }));
  test.each([
    ['fused epochs', [answer('continue', { waitSeconds: 1 })]],
    ['stages of 40', [answer('stage', { tasks: wide(40) })]],
    ['stages of one', [answer('stage', { tasks: wide(1) })]],
  ])('its history has room for retries and another round: %s', (_, outcomes) => {
    const ended = walk('STANDARD', outcomes);
    expect(ended.path.at(-1)).toBe('Renewed');
    expect(ended.events).toBeGreaterThan(EVENTS / 4);
    expect(ended.events).toBeLessThan(EVENTS * 0.75);
  });

  test('in the middle of an epoch the coordinator goes on in the next execution', () => {
    const ended = walk('STANDARD', [answer('stage', { tasks: wide(40), carry: { session: 's' } })]);
    expect(ended.tasks.at(-1)).toMatchObject({ parameters: { Input: { carry: { session: 's' } } } });
  });

  test('an execution that the last one has started already is no failure', () => {
    const ended = walk('STANDARD', [answer('continue')], {
      task: (state) => (state === 'StartNext' ? failure('StepFunctions.ExecutionAlreadyExistsException') : OK),
    });
    expect(ended).toMatchObject({ ended: 'succeeded' });
    expect(ended.path.at(-1)).toBe('Renewed');
    expect(ended.tasks.filter(({ state }) => state === 'StartNext')).toHaveLength(1);
  });

  test('an execution that cannot start the next one fails', () => {
    const ended = walk('STANDARD', [answer('continue')], {
      task: (state) => (state === 'StartNext' ? failure('StepFunctions.AccessDeniedException') : OK),
    });
    expect(ended).toMatchObject({ ended: 'failed', output: { error: 'StepFunctions.AccessDeniedException' } });
  });

  test('a command is given to the job, and is all that is done', () => {
    const ended = walk('STANDARD', [FINISHED], {
      input: { command: 'pause' },
      task: () => ({ result: { Payload: { job: 'j', command: { kind: 'stop' } } } }),
    });
    expect(ended).toMatchObject({ ended: 'succeeded', output: { job: 'j' }, path: ['Begin', 'Command', 'Ended'] });
    expect(told(ended, 'Command')).toEqual([{ command: 'pause' }]);
    const refused = walk('STANDARD', [FINISHED], { input: { command: 'dance' }, task: () => failure('ConfigError') });
    expect(refused).toMatchObject({ ended: 'failed', output: { error: 'ConfigError' } });
  });
});

describe('express', () => {
  const LIMIT_SECONDS = 300;

  test.each([
    ['short epochs', answer('continue', { waitSeconds: 10 }, 0.3)],
    ['invocations as long as the function runs', answer('continue', {}, 60)],
    ['long waits and long invocations', answer('continue', { waitSeconds: 60 }, 60)],
    ['stages', answer('stage', { tasks: [{}] }, 1)],
  ])('ends in time, whenever it starts, and starts the next: %s', (_, always) => {
    for (const second of [0, 1, 30, 59])
      for (const minute of [0, 30, 57, 58, 59]) {
        const startedAt = new Date(Date.UTC(2026, 10, 22, 19, minute, second)).toISOString();
        const task = (): TaskOutcome => ({ ...OK, tookSeconds: 90 });
        const ended = walk('EXPRESS', [always], { startedAt, task: (s) => (s === 'RunSubtask' ? task() : OK) });
        expect(ended.path.at(-1)).toBe('Renewed');
        expect(ended.tookSeconds).toBeGreaterThanOrEqual(LIMIT_SECONDS / 3);
        expect(ended.tookSeconds).toBeLessThan(LIMIT_SECONDS);
      }
  });

  test('the next one begins where this one ended, even inside an epoch', () => {
    const ended = walk('EXPRESS', [answer('stage', { tasks: [{}], carry: { session: 's' } }, 70)]);
    expect(ended.tasks.at(-1)).toMatchObject({ parameters: { Name: 'first-1', Input: { carry: { session: 's' } } } });
  });

  test('ends when idle, and when another has the job', () => {
    for (const status of ['idle', 'busy']) {
      const ended = walk('EXPRESS', [answer(status, { waitSeconds: 60, epochs: 0 })]);
      expect(ended).toMatchObject({ ended: 'succeeded', output: { status }, waitedSeconds: [] });
      expect(runs(ended)).toBe(1);
    }
  });

  test('looks once more before it sleeps: whoever rang while it worked was not heard', () => {
    expect(runs(walk('EXPRESS', [answer('idle'), answer('idle', { epochs: 0 })]))).toBe(2);
  });

  test('ends when it is told at first that no epoch is due: another execution waits for it', () => {
    const notDue = answer('continue', { epochs: 0, waitSeconds: 7 });
    expect(walk('EXPRESS', [notDue])).toMatchObject({
      ended: 'succeeded',
      waitedSeconds: [],
      output: { status: 'continue' },
    });
    // Its own epoch is not due yet; what was away is waited for.
    expect(walk('EXPRESS', [answer('continue', { waitSeconds: 5 }), notDue, FINISHED]).waitedSeconds).toEqual([5, 7]);
    const away = answer('continue', { epochs: 0, waitSeconds: 5, error: { code: 'retryable', message: 'away' } });
    expect(walk('EXPRESS', [away, FINISHED]).waitedSeconds).toEqual([5]);
    // The next one of a chain is the other execution.
    const input = { input: INPUT, chain: { name: 'first', number: 1 }, carry: null };
    expect(walk('EXPRESS', [notDue, FINISHED], { input }).waitedSeconds).toEqual([7]);
  });

  test('a job that failed is stopped, with the reason, so that no tick starts it again', () => {
    const ended = walk('EXPRESS', [answer('failed', { error: { code: 'user-code', message: 'boom' } })]);
    expect(told(ended, 'StopJob')).toEqual([{ command: 'stop', reason: { Error: 'user-code', Cause: 'boom' } }]);
    expect(told(walk('EXPRESS', [failure('TypeError')]), 'StopJob')).toMatchObject([
      { reason: { Error: 'TypeError' } },
    ]);
    const both = walk('EXPRESS', [failure('TypeError')], { task: () => failure('Lambda.Unknown') });
    expect(both).toMatchObject({ ended: 'failed', output: { error: 'TypeError', cause: 'why' } });
  });

  test.each([...TRANSIENT])('%s is left to the next tick', (name) => {
    const ended = walk('EXPRESS', [failure(name)]);
    expect(ended).toMatchObject({ ended: 'failed', output: { error: name } });
    expect(told(ended, 'StopJob')).toEqual([]);
  });

  test('it is not patient for longer than it lives', () => {
    for (const { IntervalSeconds, MaxAttempts, MaxDelaySeconds } of RETRIES.brief) {
      const delays = Array.from({ length: MaxAttempts }, (_, i) => Math.min(IntervalSeconds * 2 ** i, MaxDelaySeconds));
      expect(delays.reduce((sum, s) => sum + s, 0)).toBeLessThan(60);
    }
  });
});
