/** Guards of sessions that several drivers have, and of folds that are written outside. */
import type { Ack, FoldRecord } from '../../checkpoint/records.ts';
import { packRecord, unpackRecord } from '../../runtime/packed-record.ts';
import { replaced, type Mutant } from './mutant.ts';

export const sessionMutants: readonly Mutant[] = [
  {
    name: 'incarnation-left-out',
    law: 'E1',
    what: 'two drivers of a session write their plans, attempts and folds under the same names',
    incarnation: 'same',
  },
  {
    name: 'done-for-another',
    law: 'E5',
    what: 'what was done while a session was suspended is believed of whatever plan or epoch it finds',
    believesDone: true,
  },
  {
    name: 'extended-ack-unmarked',
    law: 'E1',
    what: "a driver adopts the ack of another one's extended plan for the plan as it was written",
    store: (store) =>
      replaced(store, {
        createItem: (job, key, bytes) => {
          if (!key.startsWith('ack/')) return store.createItem(job, key, bytes);
          const { extended: _, ...ack } = unpackRecord<Ack>(bytes, key);
          return store.createItem(job, key, packRecord(ack));
        },
      }),
  },
  {
    name: 'fold-drops-later-log',
    law: 'section 5',
    what: 'a fold is taken for the whole log, whatever has been committed since',
    store: (store, process) =>
      replaced(store, {
        readItem: async (job, key) => {
          const bytes = await store.readItem(job, key);
          const epoch = process.world.headRecord?.epoch;
          if (bytes === null || epoch === undefined || !key.startsWith('fold/')) return bytes;
          const record: FoldRecord = { ...unpackRecord<FoldRecord>(bytes, key), epoch };
          return packRecord(record);
        },
      }),
  },
  {
    name: 'sweep-of-adoptable-folds',
    law: 'E6',
    what: 'a sweep takes a fold that nobody has adopted yet',
    sweeps: (head) => ({ ...head, run: `${head.run}~` as typeof head.run }),
  },
];
