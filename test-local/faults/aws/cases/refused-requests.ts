/** AWS refuses, fails, or its answers are lost; nobody dies, or only an invocation does. */
import { DeleteFunctionConcurrencyCommand, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryPoint } from '../../../../infra/functions.ts';
import { BOTH_MODES, FANNED_OUT, FUSED, type AwsFaultCase } from '../aws-case.ts';
import type { AwsNeeds, AwsTrial, AwsVariant } from '../aws-trial.ts';
import { REFUSALS } from '../aws-wire.ts';
import type { Stop } from '../../tcp-proxy.ts';

/** Output of the epoch that is disturbed is too large for an item, so that it goes to the bucket. */
const LARGE: AwsNeeds = { settings: { largeWindow: 1_000, largeBytes: 10_000 } };
/** The coordinator's client tries eight times. */
const MORE_THAN_TRIES = 10;
const POLL_MS = 100;

interface Refused {
  /** Whose requests. */
  readonly who?: EntryPoint;
  readonly what: string;
  readonly request: RegExp | string;
  /** How often in a row. */
  readonly times: number;
  readonly answer: Buffer;
}

/** The next requests of a name are answered with a refusal: AWS never has them. */
function refuse(trial: AwsTrial, { who = 'coordinator', request, times, answer }: Refused): readonly Stop[] {
  const stops = Array.from({ length: times }, (_, i) => trial.aws[who].stopAt({ request, when: 'before', nth: i + 1 }));
  for (const stop of stops) stop.answer(answer);
  return stops;
}

function refused(name: string, refusal: Refused, more: Partial<AwsFaultCase> = {}): AwsFaultCase {
  return {
    name,
    what: `${refusal.what}, ${refusal.times} times in a row`,
    checks: 'all of them were refused',
    variants: [FUSED],
    async run(trial) {
      const run = await trial.start();
      await trial.afterEpochs(run, 2);
      const stops = refuse(trial, refusal);
      await trial.feed();
      for (const stop of stops) await trial.reached(stop, run);
      await trial.toTheEnd(run);
    },
    ...more,
  };
}

interface Lost {
  readonly who?: EntryPoint;
  readonly needs?: AwsNeeds;
  readonly variants?: readonly AwsVariant[];
}

/** `after`: it happened, and nobody is told. `before`: it did not happen, and nobody knows. */
function lost(
  when: 'before' | 'after',
  name: string,
  request: RegExp | string,
  { who = 'coordinator', needs = {}, variants = [FUSED] }: Lost = {},
): AwsFaultCase {
  const what = when === 'after' ? 'answer' : 'request';
  return {
    name: `${what}-lost-${name}`,
    what: `connection broken ${when === 'after' ? `after ${name}, before its answer` : `before ${name} arrives`}`,
    variants,
    needs,
    isQuick: when === 'after' && name === 'commit',
    async run(trial) {
      const run = await trial.start();
      await trial.afterEpochs(run, 2);
      const stop = trial.aws[who].stopAt({ request, when });
      await trial.feedUntil(stop, run);
      stop.lose();
      await trial.toTheEnd(run);
    },
  };
}

/** `at`: of the function's own requests. */
function timedOut(who: EntryPoint, request: string, more: Pick<AwsFaultCase, 'variants' | 'needs'>): AwsFaultCase {
  return {
    name: `${who}-timeout`,
    what: `${who} hangs in a request until Lambda ends it`,
    checks: 'the invocation timed out',
    ...more,
    async run(trial) {
      const run = await trial.start();
      await trial.afterEpochs(run, 2);
      const stop = trial.aws[who].stopAt({ request, when: 'before' });
      await trial.feedUntil(stop, run);
      while ((await run.errors()).length === 0) await sleep(POLL_MS);
      stop.lose();
      await trial.toTheEnd(run);
      const errors = await run.errors();
      if (!errors.includes('Sandbox.Timedout')) throw new Error(`No invocation timed out, but: ${errors.join(', ')}`);
    },
  };
}

function tooManyRequests(who: EntryPoint, more: Pick<AwsFaultCase, 'variants' | 'needs'>): AwsFaultCase {
  return {
    name: `${who}-429`,
    what: `Lambda refuses to invoke the ${who} (429) for some seconds`,
    checks: 'invocations were refused',
    ...more,
    async run(trial) {
      const { lambda } = trial.stack.deployment;
      const FunctionName = trial.stack.deployment.nameOf(who);
      const run = await trial.start();
      await trial.afterEpochs(run, 2);
      await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
      await trial.feed();
      while ((await run.errors()).length < 2) await sleep(POLL_MS);
      await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      await trial.toTheEnd(run);
      const errors = await run.errors();
      if (!errors.some((error) => error.includes('TooManyRequests')))
        throw new Error(`No invocation was refused, but: ${errors.join(', ')}`);
    },
  };
}

const { throttled, tableDown, slowDown, bucketDown } = REFUSALS;

export const refusedRequests: readonly AwsFaultCase[] = [
  refused('throttled', { what: 'the table throttles', request: /^(Put|Update|Get)Item/, times: 6, answer: throttled }),
  refused('throttled-commit', {
    what: 'the table throttles the commit',
    request: 'UpdateItem head committed',
    times: MORE_THAN_TRIES,
    answer: throttled,
  }),
  refused('table-500', { what: 'the table fails (500)', request: /Item/, times: 6, answer: tableDown }),
  refused('table-500-commit', {
    what: 'the table fails (500) at the commit',
    request: 'UpdateItem head committed',
    times: MORE_THAN_TRIES,
    answer: tableDown,
  }),
  refused(
    'bucket-503',
    { what: 'the bucket asks to slow down', request: /^PutObject/, times: 4, answer: slowDown },
    { needs: LARGE },
  ),
  refused(
    'bucket-500',
    {
      what: 'the bucket fails (500) for a write',
      request: /^PutObject/,
      times: MORE_THAN_TRIES,
      answer: bucketDown,
    },
    { needs: LARGE },
  ),
  refused(
    'bucket-500-reading',
    {
      what: 'the bucket fails (500) for staged output',
      request: /^GetObject/,
      times: MORE_THAN_TRIES,
      answer: bucketDown,
    },
    { needs: LARGE },
  ),
  lost('after', 'commit', 'UpdateItem head committed', { variants: BOTH_MODES }),
  lost('before', 'commit', 'UpdateItem head committed', { variants: BOTH_MODES }),
  lost('after', 'plan', 'UpdateItem head running'),
  lost('after', 'release', 'UpdateItem head published', { needs: { limits: { lingerMs: 300 } } }),
  lost('after', 'manifest', 'PutItem manifest'),
  lost('after', 'segment', /^PutObject/, { needs: LARGE }),
  lost('before', 'segment', /^PutObject/, { needs: LARGE }),
  refused(
    'subtask-throttled',
    { who: 'subtask', what: 'the table throttles subtasks', request: /Item/, times: 6, answer: throttled },
    { variants: [FANNED_OUT] },
  ),
  refused(
    'subtask-ack-500',
    {
      who: 'subtask',
      what: 'the table fails (500) at acks',
      request: 'PutItem ack',
      times: MORE_THAN_TRIES,
      answer: tableDown,
    },
    { variants: [FANNED_OUT] },
  ),
  refused(
    'publisher-500',
    {
      who: 'publisher',
      what: 'the table fails (500) for publishers',
      request: /Item/,
      times: MORE_THAN_TRIES,
      answer: tableDown,
    },
    { variants: [FANNED_OUT] },
  ),
  lost('after', 'ack', 'PutItem ack', { who: 'subtask', variants: [FANNED_OUT] }),
  timedOut('coordinator', 'UpdateItem head committed', { variants: BOTH_MODES, needs: { timeoutSeconds: 6 } }),
  timedOut('subtask', 'PutItem ack', { variants: [FANNED_OUT], needs: { subtaskTimeoutSeconds: 6 } }),
  tooManyRequests('coordinator', { variants: BOTH_MODES, needs: { limits: { maxMs: 2_500, marginMs: 500 } } }),
  tooManyRequests('subtask', { variants: [FANNED_OUT] }),
];
