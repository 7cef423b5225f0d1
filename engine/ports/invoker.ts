/** Functions, by name. Any invocation may run twice, or late: what is invoked must not mind (E4). */
export interface Invoker {
  /**
   * The function's answer, as JSON. Throws
   *
   * | error               | what happened                                                                         |
   * |---------------------|---------------------------------------------------------------------------------------|
   * | RetryableError      | nothing ran (throttled), or the function died or said that another attempt may help    |
   * | UnknownOutcomeError | it may have run, and may run still: the answer is lost                                 |
   * | ConfigError         | there is no such function, or it may not be invoked                                    |
   * | InvariantError      | it threw something else                                                                |
   *
   * A function's own error is named in `at.error`.
   */
  invoke(name: string, event: unknown): Promise<unknown>;
  /** The function will run, once or more; nobody hears how it went. Throws RetryableError or ConfigError where that is not sure. */
  start(name: string, event: unknown): Promise<void>;
}

/** Name of an error that a function throws where another attempt may help; state machines retry it by this name. */
export const RETRYABLE = 'Millrace.Retryable';
