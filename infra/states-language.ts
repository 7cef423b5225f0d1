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
  readonly Catch?: readonly Catcher[];
  readonly Next?: string;
  /** Of a Map's item. */
  readonly End?: true;
}

/** One task for each item of a list, many at the same time. The first that fails for good fails them all. */
export interface MapState {
  readonly Type: 'Map';
  readonly Comment?: string;
  readonly ItemsPath: string;
  readonly ItemSelector: Template;
  readonly ItemProcessor: {
    readonly ProcessorConfig: { readonly Mode: 'INLINE' };
    readonly StartAt: string;
    readonly States: Readonly<Record<string, TaskState>>;
  };
  readonly MaxConcurrency: number;
  readonly ResultSelector: Template;
  readonly ResultPath: string;
  readonly Catch: readonly Catcher[];
  readonly Next: string;
}

export interface Comparison {
  readonly Variable: string;
  readonly StringEquals?: string;
  readonly BooleanEquals?: boolean;
  readonly NumericLessThan?: number;
  readonly NumericGreaterThanEquals?: number;
  readonly IsPresent?: boolean;
  readonly IsNull?: boolean;
}

export type Condition = Comparison | { readonly And: readonly Condition[] } | { readonly Or: readonly Condition[] };

export type ChoiceRule = Condition & { readonly Next: string };

export interface ChoiceState {
  readonly Type: 'Choice';
  readonly Comment?: string;
  readonly Choices: readonly ChoiceRule[];
  readonly Default: string;
}

export interface PassState {
  readonly Type: 'Pass';
  readonly Comment?: string;
  readonly Parameters: Template;
  /** Where the parameters go; everything is replaced where it is left out. */
  readonly ResultPath?: string;
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

export type State = TaskState | MapState | ChoiceState | PassState | WaitState | SucceedState | FailState;

export interface Definition {
  readonly Comment: string;
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}
