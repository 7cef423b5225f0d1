import type { SFNClient } from '@aws-sdk/client-sfn';
import { expect, test } from 'vitest';
import { machineArn } from './machine-starter.ts';
import { StepFunctionsStarter } from './step-functions-starter.ts';

const named = (name: string): Error => Object.assign(new Error('as told'), { name });

/** Answers one after the other; an error is thrown. */
function starter(...answers: readonly (Error | null)[]): { of: StepFunctionsStarter; sent: unknown[] } {
  const sent: unknown[] = [];
  const send = async (command: { readonly input: unknown }): Promise<unknown> => {
    const answer = answers[sent.push(command.input) - 1];
    if (answer instanceof Error) throw answer;
    return {};
  };
  const client = { send } as unknown as Pick<SFNClient, 'send'>;
  return { of: new StepFunctionsStarter(client, { sleep: async () => undefined }), sent };
}

test('what is throttled or lost is sent again, under the same name', async () => {
  const { of, sent } = starter(named('ThrottlingException'), named('TimeoutError'), null);
  expect(await of.start('arn:m', 'ring-1', '{}')).toBe('started');
  expect(sent).toEqual(Array.from({ length: 3 }, () => ({ stateMachineArn: 'arn:m', name: 'ring-1', input: '{}' })));
});

test('an execution of that name is there already: by an attempt whose answer was lost, or by another', async () => {
  const { of } = starter(named('TimeoutError'), named('ExecutionAlreadyExists'));
  expect(await of.start('arn:m', 'ring-1', '{}')).toBe('already');
});

test('what no attempt mends is said in words', async () => {
  await expect(starter(named('StateMachineDoesNotExist')).of.start('arn:m', 'n', '{}')).rejects.toThrow(
    'there is no machine arn:m',
  );
  const away = starter(...Array.from({ length: 5 }, () => named('ServiceUnavailable')));
  await expect(away.of.start('arn:m', 'n', '{}')).rejects.toMatchObject({ code: 'retryable' });
});

test("a machine's ARN is that of a function of its account and region", () => {
  expect(machineArn('arn:aws-cn:lambda:cn-north-1:123456789012:function:s-job-control:live', 's-job')).toBe(
    'arn:aws-cn:states:cn-north-1:123456789012:stateMachine:s-job',
  );
  expect(() => machineArn('s-job-control', 's-job')).toThrow("is no function's ARN");
});
