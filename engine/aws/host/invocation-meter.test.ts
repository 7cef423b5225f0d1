import { beforeEach, expect, test } from 'vitest';
import { ConsumptionMeter } from '../../model/consumption.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { InvocationMeter, type InvocationStart } from './invocation-meter.ts';

const GB = 0.0625;
const express = (name: string): string => `arn:aws:states:us-east-1:1:express:m:${name}:id`;
let clock: ManualClock;
let meter: ConsumptionMeter;
let invocations: InvocationMeter;

beforeEach(() => {
  clock = new ManualClock();
  meter = new ConsumptionMeter();
  invocations = new InvocationMeter(meter, clock, { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512' });
});

const begin = (of: Omit<InvocationStart, 'beganMs'>): void =>
  invocations.begin({ ...of, beganMs: clock.monotonicMs() });

test('what follows a commit counts to the next one, and so does the wait between two invocations', async () => {
  begin({ execution: express('a'), executionStartedMs: clock.nowMs() - 200 });
  await clock.advance(300);
  invocations.lap();
  expect(meter.take()).toEqual({
    lambdaRequests: 1,
    lambdaGbSeconds: 0.15,
    expressRequests: 1,
    expressGbSeconds: 0.5 * GB,
  });
  await clock.advance(100);
  invocations.end();
  // Frozen: nothing of Lambda, but the execution waits.
  await clock.advance(9_500);
  begin({ execution: express('a'), executionStartedMs: clock.nowMs() - 10_100 });
  await clock.advance(300);
  invocations.lap();
  expect(meter.take()).toEqual({ lambdaRequests: 1, lambdaGbSeconds: 0.2, expressGbSeconds: 9.9 * GB });
});

test('an execution that another process began is counted from here, once', async () => {
  begin({ execution: express('a'), executionStartedMs: clock.nowMs() - 60_000 });
  await clock.advance(1_000);
  invocations.end();
  expect(meter.take()).toEqual({ lambdaRequests: 1, lambdaGbSeconds: 0.5, expressGbSeconds: GB });
});

test('a standard execution costs by transition, and nobody costs nothing', async () => {
  begin({ execution: 'arn:aws:states:us-east-1:1:execution:m:x', executionStartedMs: null });
  await clock.advance(1_000);
  invocations.end();
  expect(meter.take()).toEqual({ lambdaRequests: 1, lambdaGbSeconds: 0.5, standardTransitions: 4 });
  begin({ execution: null, executionStartedMs: null });
  invocations.end();
  expect(meter.take()).toEqual({ lambdaRequests: 1 });
});
