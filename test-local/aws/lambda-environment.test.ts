/** The Lambda environments of the local LocalStack behave as AWS's do where our functions depend on it. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateFunctionCommand, InvokeCommand, LambdaClient, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { beforeAll, expect, test } from 'vitest';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { zipOf } from './zip.ts';

const CODE = `
let invocations = 0;
let ticks = 0;
export const handler = async (event, context) => {
  invocations += 1;
  if (event.do === 'throw') throw new TypeError('boom');
  if (event.do === 'sleep') await new Promise((resolve) => setTimeout(resolve, event.ms));
  if (event.do === 'exit') process.exit(3);
  if (event.do === 'go on') setInterval(() => (ticks += 1), 10);
  return { invocations, ticks, pid: process.pid, leftMs: context.getRemainingTimeInMillis(), endpoint: process.env.AWS_ENDPOINT_URL, node: process.version };
};`;

let lambda: LambdaClient;
let lambdaPids: string;

beforeAll(async () => {
  const { settings } = await useServer('localstack');
  lambda = new LambdaClient(awsSettings(settings));
  lambdaPids = settings['lambdaPids']!;
});

async function create(name: string): Promise<(event: unknown) => Promise<Answer>> {
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/r',
      Timeout: 2,
      MemorySize: 256,
      Code: { ZipFile: zipOf({ 'index.mjs': CODE }) },
    }),
  );
  await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30, minDelay: 0.1 }, { FunctionName: name });
  return async (event) => {
    const answer = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event) }));
    return { error: answer.FunctionError ?? null, ...(JSON.parse(Buffer.from(answer.Payload!).toString()) as object) };
  };
}
interface Answer {
  readonly error: string | null;
  readonly [name: string]: unknown;
}

test('answers, errors, time-outs and ends of a process', async () => {
  const invoke = await create('life');
  const first = await invoke({});
  expect(first).toMatchObject({ error: null, invocations: 1 });
  expect(first['leftMs']).toBeGreaterThan(1000);
  expect(await invoke({})).toMatchObject({ invocations: 2, pid: first['pid'] });
  expect(await invoke({ do: 'throw' })).toMatchObject({
    error: 'Unhandled',
    errorType: 'TypeError',
    errorMessage: 'boom',
  });
  expect(await invoke({})).toMatchObject({ invocations: 4, pid: first['pid'] });
  expect(await invoke({ do: 'sleep', ms: 5000 })).toMatchObject({ error: 'Unhandled', errorType: 'Sandbox.Timedout' });
  const second = await invoke({});
  expect(second).toMatchObject({ error: null, invocations: 1 });
  expect(second['pid']).not.toBe(first['pid']);
  expect(await invoke({ do: 'exit' })).toMatchObject({ error: 'Unhandled', errorType: 'Runtime.ExitError' });
  expect(await invoke({})).toMatchObject({ error: null, invocations: 1 });
});

test('between two invocations a process is frozen', async () => {
  const invoke = await create('frozen');
  await invoke({ do: 'go on' });
  await sleep(1000);
  expect((await invoke({}))['ticks']).toBeLessThan(20);
});

test('a process killed in the middle is an error at once, and the next invocation starts another', async () => {
  const invoke = await create('killed');
  await invoke({});
  const slow = invoke({ do: 'sleep', ms: 1900 });
  await sleep(300);
  const [file] = readdirSync(lambdaPids).filter((name) => name.startsWith('killed.'));
  process.kill(Number(file!.split('.').at(-1)), 'SIGKILL');
  expect(await slow).toMatchObject({ error: 'Unhandled', errorType: 'Runtime.ExitError' });
  expect(await invoke({})).toMatchObject({ error: null, invocations: 1 });
});

test('invocations at once have a process each', async () => {
  const invoke = await create('wide');
  const answers = await Promise.all(Array.from({ length: 4 }, () => invoke({ do: 'sleep', ms: 500 })));
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(4);
});
