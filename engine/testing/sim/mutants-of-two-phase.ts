/** Guards of sinks that commit in two phases (T1 to T7 of `TwoPhasePublisher`), each switched off at the ledger's objects or in the target. */
import { clone } from '../../state/serializer.ts';
import { replaced, type Mutant } from './mutant.ts';

const isLedger = (name: string): boolean => name.startsWith('two-phase.');

/** The ledger as a process sees it that does not know the objects of others: it holds its own for the first. */
const forgetful =
  (part: string): NonNullable<Mutant['blobs']> =>
  (blobs) => {
    const own = new Set<string>();
    const isOthers = (name: string): boolean => isLedger(name) && name.endsWith(part) && !own.has(name);
    return replaced(blobs, {
      create: async (name, chunks) => {
        if (!isOthers(name)) return await blobs.create(name, chunks);
        own.add(name);
        await blobs.create(name, chunks);
        return 'created';
      },
      list: async (prefix) => (await blobs.list(prefix)).filter(({ name }) => !isOthers(name)),
    });
  };

const VOID = clone({ format: 1, decision: { kind: 'void' } });

export const twoPhaseMutants: readonly Mutant[] = [
  {
    name: 'two-phase-claim-does-not-count',
    law: 'T1',
    what: 'an attempt that another publisher has claimed is claimed again',
    blobs: forgetful('-claim'),
  },
  {
    name: 'two-phase-decision-does-not-count',
    law: 'T2',
    what: 'an attempt that another publisher has decided is decided again: void',
    blobs: forgetful('-decision'),
  },
  {
    name: 'two-phase-decided-is-void',
    law: 'T3',
    what: 'what another publisher has decided is aborted and prepared again',
    blobs: (blobs) => {
      const own = new Set<string>();
      return replaced(blobs, {
        create: (name, chunks) => (own.add(name), blobs.create(name, chunks)),
        read: async (name, from, to) =>
          isLedger(name) && name.endsWith('-decision') && !own.has(name) ? VOID : await blobs.read(name, from, to),
      });
    },
  },
  {
    name: 'two-phase-commit-guesses',
    law: 'T4',
    what: 'the target says "never" of a transaction that is committed',
    sinks: { commitTellsAlready: false },
  },
  {
    name: 'two-phase-done-is-not-seen',
    law: 'T5',
    what: 'markers of other epochs are not seen',
    blobs: (blobs) =>
      replaced(blobs, {
        list: async (prefix) => {
          const names = await blobs.list(prefix);
          return isLedger(prefix) ? names.filter(({ name }) => !name.endsWith('/done')) : names;
        },
        // Forgotten as if two later markers were there.
        create: async (name, chunks) => {
          const outcome = await blobs.create(name, chunks);
          if (isLedger(name) && name.endsWith('/done'))
            for (const { name: old } of await blobs.list(name.slice(0, name.lastIndexOf('/')))) await blobs.delete(old);
          return outcome;
        },
      }),
  },
];
