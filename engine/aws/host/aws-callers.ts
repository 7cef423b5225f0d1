/** Clients for what functions start: other functions, and the job's machine. Their connections are closed before the answer, as those of the ports are. */
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { Clock } from '../../ports/clock.ts';
import type { Invoker } from '../../ports/invoker.ts';
import { LambdaInvoker } from '../lambda-invoker.ts';
import type { MachineStarter } from '../machine-starter.ts';
import { StepFunctionsStarter } from '../step-functions-starter.ts';

const CONNECTION_MS = 3_000;
const ANSWER_MS = 5_000;
const ONCE = { maxAttempts: 1 } as const;

/** Waits for an answer as long as the caller itself may. */
export function openInvoker(clock: Pick<Clock, 'sleep'>): Invoker & { quiesce(): void } {
  const client = new LambdaClient({ ...ONCE, requestHandler: { connectionTimeout: CONNECTION_MS, requestTimeout: 0 } });
  return Object.assign(new LambdaInvoker(client, clock), { quiesce: () => client.destroy() });
}

export function openStarter(clock: Pick<Clock, 'sleep'>): MachineStarter & { quiesce(): void } {
  const requestHandler = { connectionTimeout: CONNECTION_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true };
  const client = new SFNClient({ ...ONCE, requestHandler });
  return Object.assign(new StepFunctionsStarter(client, clock), { quiesce: () => client.destroy() });
}
