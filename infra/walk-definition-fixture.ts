/**
 * Runs a definition over given answers of its tasks: what a test needs of Step Functions, with errors retried and caught, and time as far as
 * waits and tasks are said to take it. A Map's items run one after the other, all of them, and the first error counts.
 */
import type { Condition, Comparison, Definition, MapState, State, TaskState, Template } from './states-language.ts';

/** A task's answer, or the error that it ends with. */
export type TaskOutcome = ({ readonly result: unknown } | { readonly error: string; readonly cause?: string }) & {
  readonly tookSeconds?: number;
};

export interface Walk {
  readonly path: readonly string[];
  readonly ended: 'succeeded' | 'failed';
  /** Of a success, or `{ error, cause }`. */
  readonly output: unknown;
  readonly waitedSeconds: readonly number[];
  /** Each attempt. */
  readonly tasks: readonly { readonly state: string; readonly parameters: unknown }[];
  readonly tookSeconds: number;
  /** What a standard execution's history would have, by AWS's rules. */
  readonly events: number;
}

export interface WalkOptions {
  readonly definition: Definition;
  readonly input: unknown;
  /** `number`: of the state's attempts, from 1 on. */
  readonly task: (state: string, number: number, parameters: unknown) => TaskOutcome;
  /** Default: a minute before an hour turns, so that it turns. */
  readonly startedAt?: string;
}

const STARTED_AT = '2026-11-22T19:59:00.000Z';
const MOST_STEPS = 50_000;
/** Entered and exited; scheduled, started, succeeded or failed; an iteration started and succeeded, the Map itself. */
const EVENTS = { state: 2, attempt: 3, iteration: 2, map: 2 };

interface TaskEnd {
  readonly outcome: TaskOutcome;
}

class Walker {
  readonly path: string[] = [];
  readonly waitedSeconds: number[] = [];
  readonly tasks: { state: string; parameters: unknown }[] = [];
  readonly #options: WalkOptions;
  readonly #startedMs: number;
  readonly #numbers = new Map<string, number>();
  tookSeconds = 0;
  events = 0;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#startedMs = Date.parse(options.startedAt ?? STARTED_AT);
  }

  walk(): Pick<Walk, 'ended' | 'output'> {
    const { definition, input } = this.#options;
    let name = definition.StartAt;
    let data: unknown = input;
    while (this.path.length < MOST_STEPS) {
      const state = definition.States[name];
      if (state === undefined) throw new Error(`there is no state ${name}`);
      this.path.push(name);
      this.events += EVENTS.state;
      if (state.Type === 'Succeed') return { ended: 'succeeded', output: valueAt(state.OutputPath, data) };
      if (state.Type === 'Fail') {
        const output = { error: valueAt(state.ErrorPath, data), cause: valueAt(state.CausePath, data) };
        return { ended: 'failed', output };
      }
      [name, data] = this.#step(name, state, data);
    }
    throw new Error(`no end after ${MOST_STEPS} states`);
  }

  #step(name: string, state: Exclude<State, { Type: 'Succeed' | 'Fail' }>, data: unknown): readonly [string, unknown] {
    switch (state.Type) {
      case 'Pass':
        return [state.Next, put(data, state.ResultPath ?? '$', filled(state.Parameters, data, this.#context()))];
      case 'Choice':
        return [state.Choices.find((rule) => holds(rule, data))?.Next ?? state.Default, data];
      case 'Wait': {
        const seconds = numberAt(state.SecondsPath, data);
        this.waitedSeconds.push(seconds);
        this.tookSeconds += seconds;
        return [state.Next, data];
      }
      case 'Task':
        return this.#after(name, state, data, this.#attempted(name, state, data).outcome, this.#context());
      case 'Map':
        return this.#after(name, state, data, this.#mapped(state, data), this.#context());
    }
  }

  #after(
    name: string,
    state: TaskState | MapState,
    data: unknown,
    outcome: TaskOutcome,
    context: unknown,
  ): readonly [string, unknown] {
    if ('error' in outcome) {
      const matches = state.Catch?.find((c) => covers(c.ErrorEquals, outcome.error));
      if (matches === undefined) throw new Error(`${name}: ${outcome.error} is caught by nothing`);
      return [matches.Next, put(data, matches.ResultPath, { Error: outcome.error, Cause: outcome.cause ?? '' })];
    }
    if (state.Next === undefined) throw new Error(`${name} leads nowhere`);
    return [state.Next, kept(state, data, outcome.result, context)];
  }

  #mapped(state: MapState, data: unknown): TaskOutcome {
    const items = valueAt(state.ItemsPath, data);
    if (!Array.isArray(items)) throw new Error(`${state.ItemsPath} is no list: ${JSON.stringify(items)}`);
    const { StartAt, States } = state.ItemProcessor;
    this.events += EVENTS.map;
    const began = this.tookSeconds;
    let longest = 0;
    let failed: TaskOutcome | null = null;
    const results = items.map((item: unknown) => {
      this.events += EVENTS.iteration + EVENTS.state;
      const task = States[StartAt]!;
      const context = { ...this.#context(), Map: { Item: { Value: item } } };
      const selected = filled(state.ItemSelector, data, context);
      const { outcome } = this.#attempted(StartAt, task, selected);
      longest = Math.max(longest, this.tookSeconds - began);
      this.tookSeconds = began;
      if (!('error' in outcome)) return kept(task, selected, outcome.result, context);
      failed ??= outcome;
      return null;
    });
    this.tookSeconds = began + longest;
    return failed ?? { result: results };
  }

  #attempted(name: string, state: TaskState, data: unknown): TaskEnd {
    const used = state.Retry.map(() => 0);
    for (;;) {
      this.events += EVENTS.attempt;
      const parameters = filled(state.Parameters, data, this.#context());
      this.tasks.push({ state: name, parameters });
      const number = (this.#numbers.get(name) ?? 0) + 1;
      this.#numbers.set(name, number);
      const outcome = this.#options.task(name, number, parameters);
      this.tookSeconds += outcome.tookSeconds ?? 0;
      if (!('error' in outcome)) return { outcome };
      const at = state.Retry.findIndex(({ ErrorEquals }) => covers(ErrorEquals, outcome.error));
      if (at < 0 || used[at]! >= state.Retry[at]!.MaxAttempts) return { outcome };
      used[at]! += 1;
    }
  }

  #context(): Readonly<Record<string, unknown>> {
    const at = (seconds: number): string => new Date(this.#startedMs + seconds * 1000).toISOString();
    return {
      Execution: { Id: 'arn:execution', Name: 'first', Input: this.#options.input, StartTime: at(0) },
      StateMachine: { Id: 'arn:machine' },
      State: { EnteredTime: at(this.tookSeconds) },
    };
  }
}

export function walkDefinition(options: WalkOptions): Walk {
  const walker = new Walker(options);
  const end = walker.walk();
  const { path, waitedSeconds, tasks, tookSeconds, events } = walker;
  return { path, waitedSeconds, tasks, tookSeconds, events, ...end };
}

function kept(state: TaskState | MapState, data: unknown, result: unknown, context: unknown): unknown {
  if (state.ResultPath === null) return data;
  const selected = state.ResultSelector === undefined ? result : filled(state.ResultSelector, result, context);
  return put(data, state.ResultPath, selected);
}

const covers = (names: readonly string[], error: string): boolean =>
  names.includes(error) || names.includes('States.ALL');

function holds(rule: Condition, data: unknown): boolean {
  if ('And' in rule) return rule.And.every((one) => holds(one, data));
  if ('Or' in rule) return rule.Or.some((one) => holds(one, data));
  return compares(rule, data);
}

function compares(rule: Comparison, data: unknown): boolean {
  if (rule.IsPresent !== undefined) return (valueAt(rule.Variable, data, true) !== undefined) === rule.IsPresent;
  // As on AWS: a path that is not there fails the execution.
  const value = valueAt(rule.Variable, data);
  if (rule.IsNull !== undefined) return (value === null) === rule.IsNull;
  if (rule.StringEquals !== undefined) return value === rule.StringEquals;
  if (rule.BooleanEquals !== undefined) return value === rule.BooleanEquals;
  if (rule.NumericLessThan !== undefined) return typeof value === 'number' && value < rule.NumericLessThan;
  if (rule.NumericGreaterThanEquals !== undefined)
    return typeof value === 'number' && value >= rule.NumericGreaterThanEquals;
  throw new Error(`a rule that is not known: ${JSON.stringify(rule)}`);
}

function filled(template: Template, data: unknown, context: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) => {
      if (typeof value === 'object' && value !== null) return [name, filled(value, data, context)];
      if (!name.endsWith('.$')) return [name, value];
      if (typeof value !== 'string') throw new Error(`${name} is no path`);
      return [name.slice(0, -2), evaluated(value, data, context)];
    }),
  );
}

const FUNCTIONS: Readonly<Record<string, (...args: readonly unknown[]) => unknown>> = {
  'States.MathAdd': (a, b) => numeric(a) + numeric(b),
  'States.ArrayLength': (list) => (list as readonly unknown[]).length,
  'States.ArrayGetItem': (list, at) => (list as readonly unknown[])[numeric(at)],
  'States.StringSplit': (text, by) => (text as string).split(by as string),
  'States.StringToJson': (text) => JSON.parse(text as string) as unknown,
  'States.Format': (format, ...values) => {
    const left = [...values];
    return (format as string).replace(/\{\}/g, () => String(left.shift()));
  },
};

/** A path, a number, a text in quotes, or a function of these. */
function evaluated(text: string, data: unknown, context: unknown): unknown {
  if (text.startsWith('$$.')) return valueAt(text.slice(1), context);
  if (text.startsWith('$')) return valueAt(text, data);
  if (/^-?\d+$/.test(text)) return Number(text);
  if (text.startsWith("'")) return text.slice(1, -1);
  const open = text.indexOf('(');
  const apply = FUNCTIONS[text.slice(0, open)];
  if (open < 0 || apply === undefined) throw new Error(`not known: ${text}`);
  return apply(...argumentsOf(text.slice(open + 1, -1)).map((one) => evaluated(one, data, context)));
}

function argumentsOf(text: string): string[] {
  const found = [''];
  let depth = 0;
  let quoted = false;
  for (const char of text) {
    if (char === "'") quoted = !quoted;
    if (!quoted && char === '(') depth += 1;
    if (!quoted && char === ')') depth -= 1;
    if (!quoted && depth === 0 && char === ',') found.push('');
    else found.push(found.pop()! + char);
  }
  return found.map((one) => one.trim());
}

function numeric(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`${JSON.stringify(value)} is no number`);
  return value;
}

function valueAt(path: string, data: unknown, mayBeMissing = false): unknown {
  let value = data;
  for (const name of path.split('.').slice(1)) {
    value = (value as Record<string, unknown> | null | undefined)?.[name];
    if (value === undefined && !mayBeMissing) throw new Error(`there is no ${path} in ${JSON.stringify(data)}`);
  }
  return value;
}

function numberAt(path: string, data: unknown): number {
  const value = valueAt(path, data);
  if (typeof value !== 'number') throw new Error(`${path} is no number: ${JSON.stringify(value)}`);
  return value;
}

function put(data: unknown, path: string, value: unknown): unknown {
  const [, name, ...more] = path.split('.');
  if (name === undefined) return value;
  const record = data as Readonly<Record<string, unknown>>;
  if (more.length > 0 && record[name] === undefined) throw new Error(`nothing to put ${path} into`);
  return { ...record, [name]: more.length === 0 ? value : put(record[name], ['$', ...more].join('.'), value) };
}
