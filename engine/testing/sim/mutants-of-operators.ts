/**
 * Guards of operators and of the exchange between them. Some change a class while a run lasts, in all its processes and in the replay:
 * what is wrong in all of them alike is seen by the oracle, or where a replay is packed or cached otherwise than the run was.
 */
import type { Plan } from '../../checkpoint/records.ts';
import { OutputBuffer } from '../../operators/output-buffer.ts';
import type { ExchangeBatch } from '../../operators/exchange-batch.ts';
import { KeyedStage } from '../../runtime/keyed-stage.ts';
import { KeyedSubtask } from '../../runtime/keyed-subtask.ts';
import type { EpochRunner } from '../../runtime/epoch-runner.ts';
import { replaced, type Mutant, type Started } from './mutant.ts';
import { withoutEntries } from './mutants-of-state.ts';

/** Replaces a member of a prototype, and says how to put it back. */
function instead(
  prototype: object,
  name: string,
  change: (original: PropertyDescriptor) => PropertyDescriptor,
): () => void {
  const original = Object.getOwnPropertyDescriptor(prototype, name)!;
  Object.defineProperty(prototype, name, { ...change(original), configurable: true });
  return () => void Object.defineProperty(prototype, name, original);
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

const method = (prototype: object, name: string, change: (original: Method) => Method): (() => void) =>
  instead(prototype, name, ({ value }) => ({ value: change(value as Method), writable: true }));

const without =
  (lost: (name: string) => boolean) =>
  (started: Started): EpochRunner =>
    withoutEntries(started, lost);

const withoutObjects = (plan: Plan): Plan => ({
  ...plan,
  splits: plan.splits.map((split) => {
    if (split.state === null) return split;
    const { objects: _, ...state } = split.state;
    return { ...split, state };
  }),
});

export const operatorMutants: readonly Mutant[] = [
  {
    name: 'broadcast-state-of-one',
    law: 'E7',
    what: 'broadcast state comes back in the subtask that wrote it, and in no other',
    patch: () => instead(KeyedStage.prototype, 'hasBroadcastState', () => ({ get: () => false })),
  },
  {
    name: 'broadcast-state-lost',
    law: 'section 5',
    what: 'a restore does not bring broadcast state back',
    runner: without((name) => name.startsWith('broadcast:')),
  },
  {
    name: 'requests-not-awaited',
    law: 'E3',
    what: 'an epoch is staged while requests are under way',
    patch: () => method(KeyedStage.prototype, 'settle', () => async () => undefined),
  },
  {
    name: 'inputs-confused',
    law: 'E7',
    what: 'rows of the second input count as the first one’s',
    patch: () =>
      method(
        KeyedSubtask.prototype,
        'gather',
        (gather) =>
          function (this: unknown, ...args: unknown[]) {
            const batch = args[0] as ExchangeBatch;
            const { input } = batch;
            batch.input = 0;
            gather.apply(this, args);
            batch.input = input;
          },
      ),
  },
  {
    name: 'channels-of-subtasks',
    law: 'E7',
    what: 'what key groups emit is told apart by nothing: partitions and order follow the packing',
    patch: () =>
      method(
        OutputBuffer.prototype,
        'emit',
        (emit) =>
          function (this: unknown, ...args: unknown[]) {
            const [value, ts, wm] = args;
            emit.apply(this, [value, ts, wm, 0]);
          },
      ),
  },
  {
    name: 'window-timers-lost-at-restore',
    law: 'section 5',
    what: 'a restore does not bring the timers of windows back',
    runner: without((name) => name.startsWith('window-timers:')),
  },
  {
    name: 'trigger-state-lost-at-restore',
    law: 'section 5',
    what: "a restore does not bring triggers' state back",
    runner: without((name) => name.startsWith('trigger/')),
  },
  {
    name: 'merged-windows-lost-at-restore',
    law: 'section 5',
    what: 'a restore does not say which sessions have merged',
    runner: without((name) => name === 'window-set'),
  },
  {
    name: 'window-state-lost-at-restore',
    law: 'section 5',
    what: 'a restore does not bring back what window functions keep',
    runner: without((name) => name.startsWith('window/') || name.startsWith('global/')),
  },
  {
    name: 'operator-state-lost-at-restore',
    law: 'section 5',
    what: 'a restore does not bring operator state back',
    runner: without((name) => name.startsWith('operator-')),
  },
  {
    name: 'generator-state-lost',
    law: 'E3',
    what: "splits begin without the state of the user's watermark generators",
    runner: (started) =>
      replaced<EpochRunner>(started.runner, {
        run: (plan, attempt, budget) => started.runner.run(withoutObjects(plan), attempt, budget),
      }),
  },
];
