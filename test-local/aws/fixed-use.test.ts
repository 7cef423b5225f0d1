/** What `millrace cost` takes for granted is what is deployed. */
import { expect, test } from 'vitest';
import { TICKS_PER_HOUR, TRANSITIONS_PER_ROUND } from '../../engine/aws/host/fixed-use.ts';
import { jobMachine } from '../../infra/job-machine.ts';
import { topologyOf } from '../../infra/topology.ts';

const of = { name: 'f', timeoutSeconds: 1 };
const functions = { coordinator: of, control: of, subtask: of, publisher: of, dispatcher: of };

test('a round of a standard execution takes so many transitions', () => {
  const { States } = jobMachine({ kind: 'STANDARD', functions });
  const round = ['Run'];
  // The next epoch after its wait: the choice's other ways are rarer.
  const next = (state: string): string => (state === 'Decide' ? 'Sleep' : (States[state] as { Next: string }).Next);
  for (let state = next('Run'); state !== 'Run'; state = next(state)) round.push(state);
  expect(round).toEqual(['Run', 'Count', 'Decide', 'Sleep']);
  expect(round).toHaveLength(TRANSITIONS_PER_ROUND);
});

test('a job is looked after so often', () => {
  const { schedules } = topologyOf({ job: 'j', stack: 's', machine: 'EXPRESS', jobFile: 'f.ts' });
  expect(schedules.map(({ everySeconds }) => everySeconds * TICKS_PER_HOUR)).toEqual([3600]);
});
