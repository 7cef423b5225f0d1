import { expect, test } from 'vitest';
import { invocationLease, parseOwner } from './invocation-lease.ts';

const NOW = 1_000_000;
const identity = (execution: string, deadlineMs = NOW + 60_000) => ({ execution, request: 'r/1', deadlineMs });
const lease = (execution: string, deadlineMs?: number) => invocationLease(identity(execution, deadlineMs), () => NOW);

test('an owner says who it is', () => {
  const me = identity('arn:aws:states:us-east-1:0:execution:machine:x/y');
  expect(parseOwner(invocationLease(me, () => NOW).owner)).toEqual(me);
  for (const other of ['', 'lambda/a/b', 'lambda/a/b/soon', 'lambda/a/b/1/2', 'machine/boot/ns/12/34'])
    expect(parseOwner(other), other).toBeNull();
});

test('until its deadline an invocation of another execution is alive; an earlier one of this execution may be', () => {
  const mine = lease('mine');
  expect(mine.isAlive(lease('other').owner)).toBe('alive');
  expect(mine.isAlive(lease('mine').owner)).toBe('unknown');
  expect(mine.isAlive(lease('other', NOW - 1_000).owner), 'clocks differ').toBe('alive');
  for (const execution of ['mine', 'other']) expect(mine.isAlive(lease(execution, NOW - 60_000).owner)).toBe('dead');
});

test('of an owner on another host nothing is known', () => {
  expect(lease('mine').isAlive('machine/boot/ns/12/34')).toBe('unknown');
});
