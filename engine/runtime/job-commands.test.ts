import { expect, test } from 'vitest';
import { MemoryStateStore } from '../embedded/memory-state-store.ts';
import { giveCommand, lastCommand } from './job-commands.ts';

test('the last command counts, and the ones before it are gone', async () => {
  const store = new MemoryStateStore();
  expect(await lastCommand(store, 'job')).toBeNull();
  await giveCommand(store, 'job', 'stop', 10);
  await giveCommand(store, 'job', 'start', 20);
  expect(await lastCommand(store, 'job')).toEqual({ number: 2, kind: 'start', givenAtMs: 20 });
  expect(await store.listItems('job', 'command/')).toEqual(['command/000000000002']);
  expect(await lastCommand(store, 'other')).toBeNull();
});

test('two at once take a number each', async () => {
  const store = new MemoryStateStore();
  const given = await Promise.all([giveCommand(store, 'job', 'stop', 1), giveCommand(store, 'job', 'cancel', 2)]);
  const last = given.find(({ number }) => number === 2)!;
  expect(await lastCommand(store, 'job')).toEqual(last);
});

test('a command that an older version does not know is refused', async () => {
  const store = new MemoryStateStore();
  await store.createItem('job', 'command/000000000001', Buffer.from('{"format":2,"kind":"stop","givenAtMs":1}'));
  await expect(lastCommand(store, 'job')).rejects.toThrow(
    'command/000000000001 holds no command that this version knows',
  );
});
