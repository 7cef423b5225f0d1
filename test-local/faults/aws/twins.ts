/**
 * At-least-once at its worst: a function is renamed, and under its name stands another one that invokes it twice for each invocation.
 */
import { UpdateFunctionCodeCommand, waitUntilFunctionUpdatedV2, type LambdaClient } from '@aws-sdk/client-lambda';
import type { FunctionSpec } from '../../../infra/functions.ts';
import { zipOf } from '../../aws/zip.ts';

const behind = (name: string): string => `${name}-twin`;

export const behindTwin = (spec: FunctionSpec): FunctionSpec => ({ ...spec, name: behind(spec.name) });

/** `at-once`: the first of two answers counts. `after`: the second, to an invocation that begins when the first has answered. */
export async function becomeTwin(
  lambda: LambdaClient,
  { name }: FunctionSpec,
  how: 'at-once' | 'after',
): Promise<void> {
  const ZipFile = zipOf({ 'index.mjs': source(behind(name), how) });
  await lambda.send(new UpdateFunctionCodeCommand({ FunctionName: name, ZipFile }));
  await waitUntilFunctionUpdatedV2({ client: lambda, maxWaitTime: 60, minDelay: 0.2 }, { FunctionName: name });
}

/** LocalStack does not check signatures. */
const source = (name: string, how: 'at-once' | 'after'): string => `
const url = process.env.AWS_ENDPOINT_URL + '/2015-03-31/functions/${name}/invocations';
const scope = 'test/20260101/us-east-1/lambda/aws4_request';
const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=' + scope + ', SignedHeaders=host, Signature=00' };
async function invoke(event) {
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) });
  const body = await answer.json();
  if (answer.ok && !answer.headers.has('x-amz-function-error')) return body;
  throw Object.assign(new Error(body.errorMessage ?? JSON.stringify(body)), { name: body.errorType ?? 'Lambda.Unknown' });
}
export async function handler(event) {
  if (${JSON.stringify(how)} === 'at-once') return await Promise.any([invoke(event), invoke(event)]).catch((e) => { throw e.errors[0]; });
  await invoke(event).catch(() => undefined);
  return await invoke(event);
}
`;
