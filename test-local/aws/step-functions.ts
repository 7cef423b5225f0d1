/** Step Functions over its JSON protocol, as far as tests need it. LocalStack does not check signatures, so requests carry none that is true. */
import type { awsSettings } from './aws-settings.ts';

export interface Execution {
  readonly executionArn: string;
  readonly name: string;
  readonly status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface HistoryEvent {
  readonly type: string;
  readonly [details: string]: unknown;
}

export type StepFunctionsCall = <T>(action: string, input: Readonly<Record<string, unknown>>) => Promise<T>;

export function stepFunctions({ endpoint, region, credentials }: ReturnType<typeof awsSettings>): StepFunctionsCall {
  const scope = `${credentials.accessKeyId}/20260101/${region}/states/aws4_request`;
  return async <T>(action: string, input: Readonly<Record<string, unknown>>): Promise<T> => {
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `AWSStepFunctions.${action}`,
        authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=00`,
      },
      body: JSON.stringify(input),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${action}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  };
}

export async function historyOf(call: StepFunctionsCall, executionArn: string): Promise<readonly HistoryEvent[]> {
  const { events } = await call<{ events: readonly HistoryEvent[] }>('GetExecutionHistory', {
    executionArn,
    maxResults: 1000,
  });
  return events;
}
