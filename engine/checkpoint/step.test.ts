import { expect, test } from 'vitest';
import { InvariantError } from '../model/errors.ts';
import { epoch, generation, runId, wallTimeMs } from '../model/ids.ts';
import { headIs, moveHead } from './head-moves.ts';
import { nextRunId } from './run-ids.ts';
import type { Head } from './records.ts';
import { begin, type Session } from './states.ts';
import { step } from './step.ts';
import { to } from './transitions.ts';

const session: Session = {
  job: 'j',
  owner: 'o',
  id: 's',
  incarnation: 'i',
  ttlMs: 100,
  graphHash: 'h',
  start: 'continue',
  poison: 'fail',
  onCancel: 'retain',
  minPauseMs: 0,
};

test('an event that a state does not accept is refused', () => {
  expect(() => step(begin(session), { kind: 'published' })).toThrow(InvariantError);
});

test('a new job begins by stamping its sinks; cancel wins over stop', () => {
  const found = { kind: 'head-read', found: null, owner: 'none', monoMs: 0, nowMs: wallTimeMs(5) } as const;
  const { machine, effects } = step(begin(session), found);
  expect(effects).toMatchObject([
    {
      kind: 'cas',
      expected: 0,
      target: { epoch: 0, generation: 1, phase: { kind: 'restoring' }, lease: { session: 's' } },
    },
  ]);
  const cancelled = step(step(machine, { kind: 'request', request: 'cancel' }).machine, {
    kind: 'request',
    request: 'stop',
  });
  expect(cancelled.machine.request).toBe('cancel');
});

test('run ids grow even if the clock goes back', () => {
  const first = nextRunId(null, wallTimeMs(1000), 'b');
  expect(nextRunId(first, wallTimeMs(10), 'a') > first).toBe(true);
});

test('illegal moves of the head and of the machine do not compile', () => {
  const head: Head = {
    format: 1,
    job: 'j',
    run: runId('r'),
    generation: generation(1),
    epoch: epoch(1),
    manifest: 'm',
    folded: null,
    clock: wallTimeMs(0),
    phase: { kind: 'published' },
    lease: null,
  };
  if (!headIs(head, 'published')) throw new Error('it is');
  // @ts-expect-error Published does not become Committed: nothing ran.
  moveHead(head, { kind: 'committed' }, {});
  expect(() => moveHead(head, { kind: 'running', plan: 'p' }, { generation: generation(0) })).toThrow(/E4/);
  // @ts-expect-error a state's data belongs to that state.
  to<'reading'>({ kind: 'reading' });
});
