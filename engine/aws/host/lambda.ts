/** What Lambda gives a handler, as far as we use it, and what a function writes to its log: one line of JSON for each fact. */
export interface LambdaContext {
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

export type LogLine = (
  kind: 'notice' | 'epoch' | 'answer' | 'error',
  text: string,
  data: Readonly<Record<string, unknown>>,
) => void;

/** Every line carries `about`: the function, the job. */
export function jsonLog(write: (line: string) => void, about: Readonly<Record<string, unknown>>): LogLine {
  return (kind, text, data) => write(JSON.stringify({ kind, text, ...about, ...data }));
}
