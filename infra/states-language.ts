/** The part of the Amazon States Language that our machines use, with JSONPath. (JSONata would need a JVM in LocalStack, and gives nothing here.) */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds: number;
  readonly MaxAttempts: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds: number;
  readonly JitterStrategy: 'FULL';
}

export interface Catcher {
  readonly ErrorEquals: readonly string[];
  readonly ResultPath: string;
  readonly Next: string;
}

/** A value, or under a name that ends with `.$` a path or an intrinsic function. */
export interface Template {
  readonly [name: string]: string | number | boolean | null | Template;
}

export interface TaskState {
  readonly Type: 'Task';
  readonly Comment?: string;
  readonly Resource: string;
  readonly Parameters: Template;
  readonly ResultSelector?: Template;
  readonly ResultPath: string | null;
  readonly TimeoutSeconds: number;
  readonly Retry: readonly Retrier[];
  readonly Catch: readonly Catcher[];
  readonly Next: string;
}

export interface ChoiceRule {
  readonly Variable: string;
  readonly StringEquals?: string;
  readonly NumericGreaterThanEquals?: number;
  readonly IsPresent?: boolean;
  readonly Next: string;
}

export interface ChoiceState {
  readonly Type: 'Choice';
  readonly Choices: readonly ChoiceRule[];
  readonly Default: string;
}

export interface PassState {
  readonly Type: 'Pass';
  readonly Parameters: Template;
  readonly Next: string;
}

export interface WaitState {
  readonly Type: 'Wait';
  readonly SecondsPath: string;
  readonly Next: string;
}

export interface SucceedState {
  readonly Type: 'Succeed';
  readonly OutputPath: string;
}

export interface FailState {
  readonly Type: 'Fail';
  readonly ErrorPath: string;
  readonly CausePath: string;
}

export type State = TaskState | ChoiceState | PassState | WaitState | SucceedState | FailState;

export interface Definition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}
