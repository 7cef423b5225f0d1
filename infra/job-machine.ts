/**
 * The machines of a job, from one set of states. Both run its epochs: invoke the coordinator, do what its answer says, and begin anew in
 * another execution before this one has to end. They know nothing that matters: executions may be doubled and may die anywhere, the job's
 * head says where it is.
 *
 *   Run ─→ Count ─→ Decide ─┬─→ Sleep ─→ Run          the next epoch, after the wait that the answer asks for
 *                           ├─→ RunStage | RunTree ─→ Run      a stage of a fanned-out epoch (map-states.ts)
 *                           ├─→ Publish ─→ Run        a committed epoch
 *                           ├─→ Renew ─→ StartNext    in the middle of an epoch too: the answer's `carry` goes along
 *                           └─→ Ended | Explain
 *
 * | answer                        | standard: `<job>`                              | express: `<job>-epochs`                       |
 * |-------------------------------|------------------------------------------------|-----------------------------------------------|
 * | continue, stage, publish      | as above; renewed before its history is full   | as above; renewed in its fourth minute        |
 * | … and the first answer is that no epoch is due |                               | ends: another execution waits for it already  |
 * | idle                          | waits until the job wants to wake              | looks once more after work, then ends: a tick or the doorbell starts another |
 * | busy: another has the job     | waits; ends after `BUSY_ROUNDS` in a row       | ends                                          |
 * | finished, stopped, cancelled  | succeeds                                       | the same                                      |
 * | failed, for a transient reason | restarts with back-off, `RESTARTS` times in a row, then fails | fails: the next tick starts another |
 * | failed                        | fails with the error's code                    | stops the job, so that ticks leave it alone, and fails |
 *
 * Express costs by time and is for jobs without an end; standard costs by transition, keeps a history, and runs a bounded job to its end. An
 * execution of the standard machine whose input has a `command` gives it to the job and ends: that is the commands' record.
 *
 * An execution's input is what the coordinator takes: `{ settings?, settingsObject?, limits? }` (engine/aws/host/coordinator-event.ts).
 */
import { invocation, TRANSIENT, type InvokedFunction } from './invocations.ts';
import { mapStates, type Workers } from './map-states.ts';
import type { ChoiceRule, Condition, Definition, State, Template } from './states-language.ts';

export type MachineKind = 'STANDARD' | 'EXPRESS';

export interface JobMachine {
  readonly kind: MachineKind;
  readonly functions: Workers & { readonly coordinator: InvokedFunction; readonly control: InvokedFunction };
  /** Of a standard execution. Default: `STANDARD_UNITS`. */
  readonly units?: number;
  /** Of an express execution. Default: `EXPRESS_MINUTES`. */
  readonly minutes?: number;
}

/**
 * A standard execution has at most 25,000 events. A unit is 7 of them: a Map's item; a round and what it leads to are `ROUND_UNITS`, a Map's
 * own events included. The rest is for retries, 3 events each, and for the last round.
 */
export const STANDARD_UNITS = 2_500;
export const ROUND_UNITS = 3;
/** An express execution takes at most five minutes: no round begins later than this many by the clock's minutes, so at least … */
export const EXPRESS_MINUTES = 3;
/** … this much time is left for it: half of it for a wait before it, or for a stage after it (engine/aws/host/coordinator-event.ts). */
export const EXPRESS_SECONDS_LEFT = 120;
/** A minute each: longer than any invocation, so whoever holds the job then is alive. */
export const BUSY_ROUNDS = 20;
/** From 10 seconds on, each wait twice as long as the one before: three quarters of an hour in all. */
export const RESTARTS = 8;
const FIRST_RESTART_SECONDS = 10;

/** Codes of errors that another attempt may mend (engine/model/errors.ts). */
const TRANSIENT_CODES = ['retryable', 'unknown-outcome'];

/** An earlier attempt at starting the next execution has done so. */
const STARTED = 'StepFunctions.ExecutionAlreadyExistsException';

const ANSWER = '$.last.answer';
const DONE = '$.round.done';
/** What every state hands on. */
const KEPT: Template = { 'input.$': '$.input', 'chain.$': '$.chain' };
const NOTHING_DONE: Template = { kind: null, error: null };
const FRESH: Template = {
  round: { units: 0, done: NOTHING_DONE },
  patience: { busy: 0, restarts: 0, backoffSeconds: FIRST_RESTART_SECONDS },
};

export function jobMachine(machine: JobMachine): Definition {
  const { kind, functions } = machine;
  const standard = kind === 'STANDARD';
  return {
    Comment: `Runs a Millrace job (${kind.toLowerCase()})`,
    StartAt: 'Begin',
    States: {
      ...beginning(machine),
      Run: run(machine),
      Count: count(standard),
      Decide: {
        Type: 'Choice',
        Choices: standard ? standardRules(machine) : expressRules(machine),
        Default: 'Explain',
      },
      Sleep: { Type: 'Wait', SecondsPath: `${ANSWER}.waitSeconds`, Next: 'Run' },
      ...mapStates(functions, { tasks: `${ANSWER}.tasks`, done: DONE, next: 'Run' }),
      Explain: {
        Type: 'Pass',
        Parameters: { 'Error.$': `${ANSWER}.error.code`, 'Cause.$': `${ANSWER}.error.message` },
        ResultPath: '$.error',
        Next: 'Failed',
      },
      ...(standard ? { ...patience(), ...restarting() } : parking(functions.control)),
      ...renewal(standard),
      Ended: { Type: 'Succeed', OutputPath: ANSWER },
      Broken: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
    },
  };
}

function beginning({ kind, functions }: JobMachine): Record<string, State> {
  const commanded = kind === 'STANDARD';
  return {
    Begin: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.chain', IsPresent: true, Next: 'Continued' },
        ...(commanded ? [{ Variable: '$.command', IsPresent: true, Next: 'Command' } satisfies ChoiceRule] : []),
      ],
      Default: 'First',
    },
    First: {
      Type: 'Pass',
      Parameters: {
        'input.$': '$$.Execution.Input',
        chain: { 'name.$': '$$.Execution.Name', number: 0 },
        last: { answer: { carry: null } },
        ...FRESH,
      },
      Next: 'Run',
    },
    Continued: {
      Type: 'Pass',
      Parameters: { ...KEPT, last: { answer: { 'carry.$': '$.carry' } }, ...FRESH },
      Next: 'Run',
    },
    ...(commanded ? command(functions.control) : {}),
  };
}

function command(control: InvokedFunction): Record<string, State> {
  return {
    Command: {
      Comment: 'start, stop, resume, cancel',
      ...invocation(control, { Payload: { 'command.$': '$.command' } }, 'patient'),
      ResultSelector: { 'answer.$': '$.Payload' },
      ResultPath: '$.last',
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Broken' }],
      Next: 'Ended',
    },
  };
}

function run({ kind, functions }: JobMachine): State {
  const standard = kind === 'STANDARD';
  return {
    Comment: 'Epochs, or the next step of one, until the function has to answer',
    ...invocation(
      functions.coordinator,
      {
        Payload: {
          'execution.$': '$$.Execution.Id',
          'startedAt.$': '$$.Execution.StartTime',
          ...(standard ? {} : { secondsLeft: EXPRESS_SECONDS_LEFT }),
          'input.$': '$.input',
          'carry.$': `${ANSWER}.carry`,
          'done.$': DONE,
        },
      },
      standard ? 'patient' : 'brief',
    ),
    ResultSelector: { 'answer.$': '$.Payload' },
    ResultPath: '$.last',
    Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Failed' }],
    Next: 'Count',
  };
}

/** Minutes of the clock between the execution's start and now: the language has no subtraction, and no number begins with 0. */
const MINUTES = ((): string => {
  const minuteOf = (time: string, sign: string): string =>
    `States.StringToJson(States.Format('${sign}1{}', States.ArrayGetItem(States.StringSplit(${time}, ':'), 1)))`;
  return `States.MathAdd(${minuteOf('$$.State.EnteredTime', '')}, ${minuteOf('$$.Execution.StartTime', '-')})`;
})();

function count(standard: boolean): State {
  const items = `States.ArrayLength(${ANSWER}.tasks)`;
  return {
    Type: 'Pass',
    Comment: 'How much of this execution is used up',
    Parameters: {
      'units.$': `States.MathAdd(States.MathAdd($.round.units, ${items}), ${ROUND_UNITS})`,
      ...(standard ? {} : { 'minutes.$': MINUTES }),
      done: NOTHING_DONE,
    },
    ResultPath: '$.round',
    Next: 'Decide',
  };
}

const status = (is: string): Condition => ({ Variable: `${ANSWER}.status`, StringEquals: is });
const anyStatus = (...all: readonly string[]): Condition => ({ Or: all.map(status) });
const isWaiting: Condition = { Variable: `${ANSWER}.waitSeconds`, NumericGreaterThanEquals: 1 };
const didWork: Condition = { Variable: `${ANSWER}.epochs`, NumericGreaterThanEquals: 1 };

function commonRules(): ChoiceRule[] {
  return [
    { And: [status('stage'), { Variable: `${ANSWER}.tree`, BooleanEquals: true }], Next: 'RunTree' },
    { ...status('stage'), Next: 'RunStage' },
    { ...status('publish'), Next: 'Publish' },
    { And: [status('continue'), isWaiting], Next: 'Sleep' },
    { ...status('continue'), Next: 'Run' },
    { ...anyStatus('finished', 'stopped', 'cancelled'), Next: 'Ended' },
  ];
}

function standardRules({ units = STANDARD_UNITS }: JobMachine): ChoiceRule[] {
  const isFull: Condition = { Variable: '$.round.units', NumericGreaterThanEquals: units };
  const wasPatient: Condition = {
    Or: [
      { Variable: '$.patience.busy', NumericGreaterThanEquals: 1 },
      { Variable: '$.patience.restarts', NumericGreaterThanEquals: 1 },
    ],
  };
  return [
    { And: [isFull, anyStatus('continue', 'idle', 'stage', 'publish')], Next: 'Renew' },
    { And: [wasPatient, anyStatus('continue', 'idle'), didWork], Next: 'Recovered' },
    { ...status('idle'), Next: 'Sleep' },
    { ...status('busy'), Next: 'CountBusy' },
    ...commonRules(),
  ];
}

function expressRules({ minutes = EXPRESS_MINUTES }: JobMachine): ChoiceRule[] {
  const of = '$.round.minutes';
  const isOver: Condition = {
    Or: [
      { Variable: of, NumericGreaterThanEquals: minutes },
      // The hour has turned meanwhile.
      {
        And: [
          { Variable: of, NumericLessThan: 0 },
          { Variable: of, NumericGreaterThanEquals: minutes - 60 },
        ],
      },
    ],
  };
  const isFirst: Condition = {
    And: [
      { Variable: '$.chain.number', NumericLessThan: 1 },
      { Variable: '$.round.units', NumericLessThan: ROUND_UNITS + 1 },
    ],
  };
  const nothingDue: Condition = {
    And: [
      status('continue'),
      isWaiting,
      { Variable: `${ANSWER}.epochs`, NumericLessThan: 1 },
      { Variable: `${ANSWER}.error`, IsNull: true },
    ],
  };
  return [
    { And: [isFirst, nothingDue], Next: 'Ended' },
    { And: [isOver, anyStatus('continue', 'stage', 'publish')], Next: 'Renew' },
    // Who rang while the coordinator had the job was not heard.
    { And: [status('idle'), didWork], Next: 'Run' },
    { ...anyStatus('idle', 'busy'), Next: 'Ended' },
    ...commonRules(),
  ];
}

function patience(): Record<string, State> {
  const handedOn = (...names: readonly string[]): Template =>
    Object.fromEntries(names.map((name) => [`${name}.$`, `$.patience.${name}`]));
  return {
    CountBusy: {
      Type: 'Pass',
      Parameters: { 'busy.$': 'States.MathAdd($.patience.busy, 1)', ...handedOn('restarts', 'backoffSeconds') },
      ResultPath: '$.patience',
      Next: 'StillBusy',
    },
    StillBusy: {
      Type: 'Choice',
      Choices: [{ Variable: '$.patience.busy', NumericGreaterThanEquals: BUSY_ROUNDS, Next: 'Ended' }],
      Default: 'Sleep',
    },
    Recovered: {
      Type: 'Pass',
      Parameters: FRESH['patience'] as Template,
      ResultPath: '$.patience',
      Next: 'Decide',
    },
  };
}

const isTransient: Condition = {
  Or: [...TRANSIENT, ...TRANSIENT_CODES].map((name) => ({ Variable: '$.error.Error', StringEquals: name })),
};

function restarting(): Record<string, State> {
  return {
    Failed: {
      Type: 'Choice',
      Comment: 'May time mend it?',
      Choices: [
        {
          And: [isTransient, { Variable: '$.patience.restarts', NumericLessThan: RESTARTS }],
          Next: 'BackOff',
        },
      ],
      Default: 'Broken',
    },
    BackOff: { Type: 'Wait', SecondsPath: '$.patience.backoffSeconds', Next: 'Restart' },
    Restart: {
      Type: 'Pass',
      Parameters: {
        busy: 0,
        'restarts.$': 'States.MathAdd($.patience.restarts, 1)',
        'backoffSeconds.$': 'States.MathAdd($.patience.backoffSeconds, $.patience.backoffSeconds)',
      },
      ResultPath: '$.patience',
      Next: 'Run',
    },
  };
}

function parking(control: InvokedFunction): Record<string, State> {
  return {
    Failed: {
      Type: 'Choice',
      Comment: 'The next tick tries again what time may mend',
      Choices: [{ ...isTransient, Next: 'Broken' }],
      Default: 'StopJob',
    },
    StopJob: {
      Comment: 'Until somebody has mended it, and starts it again',
      ...invocation(control, { Payload: { command: 'stop', 'reason.$': '$.error' } }, 'brief'),
      ResultPath: null,
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.notStopped', Next: 'Broken' }],
      Next: 'Broken',
    },
  };
}

/** Executions of one chain have names of their own: a repeated start finds the standard execution that the first one began. */
function renewal(standard: boolean): Record<string, State> {
  const calm = { IntervalSeconds: 2, BackoffRate: 2, JitterStrategy: 'FULL' } as const;
  return {
    Renew: {
      Type: 'Pass',
      Parameters: { ...KEPT, 'carry.$': `${ANSWER}.carry`, 'next.$': 'States.MathAdd($.chain.number, 1)' },
      Next: 'StartNext',
    },
    StartNext: {
      Type: 'Task',
      Comment: 'Before this one has to end',
      Resource: 'arn:aws:states:::states:startExecution',
      Parameters: {
        'StateMachineArn.$': '$$.StateMachine.Id',
        'Name.$': "States.Format('{}-{}', $.chain.name, $.next)",
        Input: {
          'input.$': '$.input',
          chain: { 'name.$': '$.chain.name', 'number.$': '$.next' },
          'carry.$': '$.carry',
          'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$': '$$.Execution.Id',
        },
      },
      ResultPath: '$.started',
      TimeoutSeconds: 60,
      Retry: [
        { ErrorEquals: [STARTED], MaxAttempts: 0, MaxDelaySeconds: 4, ...calm },
        { ErrorEquals: ['States.ALL'], MaxAttempts: standard ? 30 : 6, MaxDelaySeconds: standard ? 60 : 4, ...calm },
      ],
      Catch: [
        { ErrorEquals: [STARTED], ResultPath: '$.error', Next: 'Renewed' },
        { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Broken' },
      ],
      Next: 'Renewed',
    },
    Renewed: { Type: 'Succeed', OutputPath: '$' },
  };
}
