/**
 * The generated definitions on a Step Functions interpreter that is not ours (LocalStack's), with functions that do as the execution's input says:
 * Maps, intrinsic functions, errors and renewals work there as `infra/job-machine.test.ts` says they do.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROUND_UNITS } from '../../infra/job-machine.ts';
import { topologyOf } from '../../infra/topology.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { Deployment } from './deployment.ts';
import { historyOf } from './step-functions.ts';
import { zipOf } from './zip.ts';

/** The coordinator answers by `input.settings.script`, one after the other, and in the end what it has heard; tasks fail by name. */
const CODE = `
const heard = (event) => [...(event.carry?.heard ?? []), event.done.kind === null ? null : [event.done.kind, event.done.error?.Error ?? null]];
export const handler = async (event, context) => {
  if (context.functionName.endsWith('-coordinator')) {
    const at = event.carry?.at ?? 0;
    const next = JSON.parse(event.input.settings.script)[at] ?? { status: 'finished' };
    if (next.throws) throw Object.assign(new Error('as told'), { name: next.throws });
    const carry = { at: at + 1, heard: heard(event) };
    return { waitSeconds: 0, epochs: 1, tasks: [], tree: false, error: null, carry, startedAt: event.startedAt, ...next };
  }
  if (context.functionName.endsWith('-control')) return { command: event.command, reason: event.reason ?? null };
  const tasks = event.task.tasks ?? [event.task];
  for (const { fails } of tasks) if (fails) throw Object.assign(new Error('as told'), { name: fails });
  if (event.input.settings.script === undefined) throw new Error('no input');
  return 'x'.repeat(1000);
};`;

/** As job-machine.ts has them. */
const EVENTS_OF_A_UNIT = 7;
let deployment: Deployment;

beforeAll(async () => {
  const { settings } = await useServer('localstack');
  const topology = topologyOf({
    job: 'scripted',
    stack: `m${randomUUID().slice(0, 8)}`,
    machine: 'EXPRESS',
    jobFile: '',
  });
  deployment = await Deployment.create(topology, awsSettings(settings), async () => zipOf({ 'index.mjs': CODE }));
});
afterAll(async () => {
  await deployment.destroy();
  deployment.close();
});

const inputOf = (script: readonly unknown[]): unknown => ({ settings: { script: JSON.stringify(script) } });
const tasks = (n: number): readonly unknown[] => Array.from({ length: n }, (_, subtask) => ({ subtask }));
const EPOCH = [
  { status: 'stage', tasks: tasks(3) },
  { status: 'stage', tasks: [{ tasks: tasks(2) }, { tasks: tasks(2) }], tree: true },
  { status: 'stage', tasks: [{ subtask: 0 }, { subtask: 1, fails: 'TypeError' }] },
  { status: 'publish', tasks: tasks(2) },
  { status: 'publish', tasks: [{ fails: 'TypeError' }] },
  { status: 'continue', waitSeconds: 1 },
];
/** What the coordinator hears in the invocations of an epoch. */
const HEARD = [
  null,
  ['stage', null],
  ['stage', null],
  ['stage', 'TypeError'],
  ['publish', null],
  ['publish', 'TypeError'],
  null,
];

test('express: a fanned-out epoch, and what fails in it', async () => {
  const found = await deployment.startSync(inputOf(EPOCH));
  expect([found.status, found.error, found.cause]).toEqual(['SUCCEEDED', undefined, undefined]);
  const output = JSON.parse(found.output!) as { readonly startedAt: string };
  expect(output).toMatchObject({ status: 'finished', carry: { heard: HEARD } });
  expect(Date.now() - Date.parse(output.startedAt)).toBeLessThan(60_000);
});

test('standard: the same, and its events are as many as it counts with', async () => {
  const execution = await deployment.start(inputOf(EPOCH), 'STANDARD');
  const found = await deployment.ended(execution);
  expect(JSON.parse(found.output!)).toMatchObject({ status: 'finished', carry: { heard: HEARD } });
  const events = await historyOf(deployment.states, execution);
  const ITEMS = 10;
  expect(events.filter(({ type }) => type === 'MapIterationStarted')).toHaveLength(ITEMS);
  expect(events.length).toBeLessThan((ITEMS + HEARD.length * ROUND_UNITS) * EVENTS_OF_A_UNIT);
});

test('express: a first answer that no epoch is due ends it; a failure stops the job, and fails', async () => {
  const notDue = await deployment.startSync(inputOf([{ status: 'continue', waitSeconds: 5, epochs: 0 }]));
  expect(JSON.parse(notDue.output!)).toMatchObject({ status: 'continue', waitSeconds: 5 });
  const failed = await deployment.startSync(
    inputOf([{ status: 'failed', error: { code: 'user-code', message: 'boom' } }]),
  );
  expect(failed).toMatchObject({ status: 'FAILED', error: 'user-code', cause: 'boom' });
});

test('standard: a command', async () => {
  const found = await deployment.ended(await deployment.start({ command: 'pause' }, 'STANDARD'));
  expect(JSON.parse(found.output!)).toEqual({ command: 'pause', reason: null });
});

test('express: in time it starts the next execution, which begins where it ended', async () => {
  const { definition } = deployment.topology.machines[0]!;
  const text = JSON.stringify(deployment.resolved(definition)).replace(
    '"$.round.minutes","NumericGreaterThanEquals":3',
    '"$.round.minutes","NumericGreaterThanEquals":0',
  );
  await deployment.states('UpdateStateMachine', {
    stateMachineArn: deployment.machineArn('EXPRESS'),
    definition: text,
  });
  const found = await deployment.startSync(inputOf([{ status: 'continue' }]));
  expect(JSON.parse(found.output!)).toMatchObject({
    next: 1,
    carry: { at: 1, heard: [null] },
    started: { ExecutionArn: expect.stringMatching(/-1:/) as string },
  });
});
