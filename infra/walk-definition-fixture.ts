/** Runs a definition over given answers of its tasks: what a test needs of Step Functions, with errors retried and caught, and no time passing. */
import type { ChoiceRule, Definition, State, Template } from './states-language.ts';

/** A task's answer, or the error that it ends with. */
export type TaskOutcome = { readonly result: unknown } | { readonly error: string; readonly cause?: string };

export interface Walk {
  readonly path: readonly string[];
  readonly ended: 'succeeded' | 'failed';
  /** Of a success, or `{ error, cause }`. */
  readonly output: unknown;
  readonly waitedSeconds: readonly number[];
  readonly tasks: readonly { readonly state: string; readonly parameters: unknown }[];
}

export interface WalkOptions {
  readonly definition: Definition;
  readonly input: unknown;
  readonly task: (state: string, number: number) => TaskOutcome;
}

const CONTEXT = {
  Execution: { Id: 'arn:execution', Name: 'first', Input: null as unknown },
  StateMachine: { Id: 'arn:machine' },
};
const MOST_STEPS = 50_000;

export function walkDefinition({ definition, input, task }: WalkOptions): Walk {
  const context = { ...CONTEXT, Execution: { ...CONTEXT.Execution, Input: input } };
  const path: string[] = [];
  const waitedSeconds: number[] = [];
  const tasks: { state: string; parameters: unknown }[] = [];
  let name = definition.StartAt;
  let data: unknown = input;
  while (path.length < MOST_STEPS) {
    const state = stateOf(definition, name);
    path.push(name);
    switch (state.Type) {
      case 'Pass':
        data = filled(state.Parameters, data, context);
        name = state.Next;
        break;
      case 'Choice':
        name = state.Choices.find((rule) => holds(rule, data))?.Next ?? state.Default;
        break;
      case 'Wait':
        waitedSeconds.push(numberAt(state.SecondsPath, data));
        name = state.Next;
        break;
      case 'Succeed':
        return { path, ended: 'succeeded', output: valueAt(state.OutputPath, data), waitedSeconds, tasks };
      case 'Fail': {
        const output = { error: valueAt(state.ErrorPath, data), cause: valueAt(state.CausePath, data) };
        return { path, ended: 'failed', output, waitedSeconds, tasks };
      }
      case 'Task': {
        const attempt = (): TaskOutcome => {
          tasks.push({ state: name, parameters: filled(state.Parameters, data, context) });
          return task(name, tasks.length);
        };
        const outcome = retried(state.Retry, attempt);
        if ('error' in outcome) {
          const matches = state.Catch.find((c) => covers(c.ErrorEquals, outcome.error));
          if (matches === undefined) throw new Error(`${name}: ${outcome.error} is caught by nothing`);
          data = put(data, matches.ResultPath, { Error: outcome.error, Cause: outcome.cause ?? '' });
          name = matches.Next;
        } else {
          const { result } = outcome;
          const selected = state.ResultSelector === undefined ? result : filled(state.ResultSelector, result, context);
          if (state.ResultPath !== null) data = put(data, state.ResultPath, selected);
          name = state.Next;
        }
      }
    }
  }
  throw new Error(`no end after ${MOST_STEPS} states`);
}

function stateOf({ States }: Definition, name: string): State {
  const state = States[name];
  if (state === undefined) throw new Error(`there is no state ${name}`);
  return state;
}

function retried(
  retriers: readonly { readonly ErrorEquals: readonly string[]; readonly MaxAttempts: number }[],
  attempt: () => TaskOutcome,
): TaskOutcome {
  const used = retriers.map(() => 0);
  for (;;) {
    const outcome = attempt();
    if (!('error' in outcome)) return outcome;
    const at = retriers.findIndex(({ ErrorEquals }) => covers(ErrorEquals, outcome.error));
    if (at < 0 || used[at]! >= retriers[at]!.MaxAttempts) return outcome;
    used[at]! += 1;
  }
}

const covers = (names: readonly string[], error: string): boolean =>
  names.includes(error) || names.includes('States.ALL');

function holds(rule: ChoiceRule, data: unknown): boolean {
  const value = valueAt(rule.Variable, data, true);
  if (rule.IsPresent !== undefined) return (value !== undefined) === rule.IsPresent;
  if (rule.StringEquals !== undefined) return value === rule.StringEquals;
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

function evaluated(text: string, data: unknown, context: unknown): unknown {
  if (text.startsWith('$$.')) return valueAt(text.slice(1), context);
  if (text.startsWith('$')) return valueAt(text, data);
  const add = /^States\.MathAdd\((\$[\w.]+), (\d+)\)$/.exec(text);
  if (add !== null) return numberAt(add[1]!, data) + Number(add[2]);
  const format = /^States\.Format\('([^']*)', (.+)\)$/.exec(text);
  if (format === null) throw new Error(`not known: ${text}`);
  const values = format[2]!.split(', ').map((path) => String(valueAt(path, data)));
  return format[1]!.replace(/\{\}/g, () => values.shift()!);
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
  if (name === undefined || more.length > 0) throw new Error(`only $.name: ${path}`);
  return { ...(data as Record<string, unknown>), [name]: value };
}
