/** Guards that live between the coordinator and the stores: compare-and-set, first ack, write order, consistent reads, sweeps. */
import { decodeRecord, encodeRecord } from '../../checkpoint/codec.ts';
import type { Head, Manifest } from '../../checkpoint/records.ts';
import { generation } from '../../model/ids.ts';
import { UnknownOutcomeError } from '../../model/errors.ts';
import type { StateStore } from '../../ports/state-store.ts';
import { unpackRecord } from '../../runtime/packed-record.ts';
import { replaced, type Mutant } from './mutant.ts';
import type { SimProcess } from './sim-process.ts';

const headOf = (bytes: Uint8Array): Head => decodeRecord<Head>(bytes, 'a head');
const isCommit = (head: Head): boolean => head.phase.kind === 'committed' && head.lease !== null;

/** Compare-and-set that goes by the version only where `guarded` says so. */
const blindly =
  (blind: (target: Head) => boolean) =>
  (store: StateStore, process: SimProcess): StateStore =>
    replaced(store, {
      casHead: (job, expected, bytes) =>
        blind(headOf(bytes)) && process.world.head !== null
          ? store.casHead(job, process.world.head.version, bytes)
          : store.casHead(job, expected, bytes),
    });

/** Written, but not waited for: it may be lost with the process. */
const unawaited =
  (kind: string) =>
  (store: StateStore, process: SimProcess): StateStore =>
    replaced(store, {
      createItem: async (job, key, bytes) => {
        if (!key.startsWith(kind)) return await store.createItem(job, key, bytes);
        void process
          .sleep(30)
          .then(() => store.createItem(job, key, bytes))
          .catch(() => undefined);
        return 'created';
      },
    });

const unawaitedBlobs =
  (part: string): NonNullable<Mutant['blobs']> =>
  (blobs, process) =>
    replaced(blobs, {
      create: async (name, chunks) => {
        if (name.includes('/fold-') !== (part === 'fold')) return await blobs.create(name, chunks);
        void process
          .sleep(30)
          .then(() => blobs.create(name, chunks))
          .catch(() => undefined);
        return 'created';
      },
    });

const rewritten = (head: Head, changes: Partial<Head>): Uint8Array => encodeRecord({ ...head, ...changes });

export const storeMutants: readonly Mutant[] = [
  {
    name: 'commit-unconditional',
    law: 'E3',
    what: 'a commit does not look at the head it replaces',
    store: blindly(isCommit),
  },
  {
    name: 'plan-unconditional',
    law: 'E1',
    what: 'a plan is taken whatever the head says',
    store: blindly((head) => head.phase.kind === 'running'),
  },
  {
    name: 'fold-unconditional',
    law: 'section 5',
    what: 'a fold replaces the head whatever it says',
    store: blindly((head) => head.folded !== null && head.phase.kind === 'published'),
  },
  {
    name: 'claim-unconditional',
    law: 'E4',
    what: 'the end of a session (stop, finish) replaces the head whatever it says',
    store: blindly((head) => head.lease === null),
  },
  {
    name: 'lost-is-won',
    law: 'E3',
    what: 'a compare-and-set that was lost counts as won',
    store: (store) =>
      replaced(store, { casHead: async (job, expected, bytes) => (await store.casHead(job, expected, bytes), 'won') }),
  },
  {
    name: 'timeout-is-won',
    law: 'E3',
    what: 'a compare-and-set without an answer counts as won',
    store: (store) =>
      replaced(store, {
        casHead: (job, expected, bytes) =>
          store.casHead(job, expected, bytes).catch((error: unknown) => {
            if (error instanceof UnknownOutcomeError) return 'won';
            throw error;
          }),
      }),
  },
  {
    name: 'settled-by-epoch',
    law: 'E3',
    what: 'after an unknown outcome any head of the same epoch counts as its own',
    store: (store) => {
      let mine: { version: number; bytes: Uint8Array } | null = null;
      return replaced(store, {
        casHead: async (job, expected, bytes) => {
          mine = { version: expected + 1, bytes };
          const answer = await store.casHead(job, expected, bytes);
          if (answer === 'won') mine = null;
          return answer;
        },
        readHead: async (job) => {
          const found = await store.readHead(job);
          if (mine === null || found === null || found.version < mine.version) return found;
          return headOf(found.bytes).epoch >= headOf(mine.bytes).epoch ? mine : found;
        },
      });
    },
  },
  {
    name: 'first-ack-does-not-win',
    law: 'E2',
    what: 'an attempt goes on with its own ack when another was first',
    store: (store) =>
      replaced(store, {
        createItem: async (job, key, bytes) => {
          const outcome = await store.createItem(job, key, bytes);
          return key.startsWith('ack/') ? 'created' : outcome;
        },
      }),
  },
  {
    name: 'stale-base',
    law: 'E3',
    what: 'plans on the manifest before the last one (an eventually consistent read)',
    store: (store) =>
      replaced(store, {
        readItem: async (job, key) => {
          const bytes = await store.readItem(job, key);
          if (bytes === null || !key.startsWith('manifest/')) return bytes;
          const { base } = unpackRecord<Manifest>(bytes, key);
          return base === null ? bytes : ((await store.readItem(job, base)) ?? bytes);
        },
      }),
  },
  { name: 'plan-not-awaited', law: 'E1', what: 'the head moves before the plan is written', store: unawaited('plan/') },
  {
    name: 'manifest-not-awaited',
    law: 'E3',
    what: 'the head moves before the manifest is written',
    store: unawaited('manifest/'),
  },
  {
    name: 'ack-not-awaited',
    law: 'E2',
    what: 'the manifest is built before the ack is written',
    store: unawaited('ack/'),
  },
  {
    name: 'segments-not-awaited',
    law: 'E2',
    what: 'an attempt acks before its segments are durable',
    blobs: unawaitedBlobs('attempt'),
  },
  {
    name: 'horizon-moves-first',
    law: 'section 5',
    what: 'the head refers to a folded base before it is written',
    blobs: unawaitedBlobs('fold'),
  },
  {
    name: 'epoch-numbers-again',
    law: 'section 1',
    what: 'a restore begins to count anew',
    store: (store, process) =>
      replaced(store, {
        casHead: (job, expected, bytes) => {
          const head = headOf(bytes);
          const begins =
            head.phase.kind === 'restoring' &&
            process.world.headRecord !== null &&
            process.world.headRecord.run !== head.run;
          return store.casHead(job, expected, begins ? rewritten(head, { epoch: 0 as Head['epoch'] }) : bytes);
        },
      }),
  },
  {
    name: 'clock-forgotten',
    law: 'E1',
    what: "the head does not keep the last plan's clock, so a wall clock that jumps back takes it along",
    store: (store) =>
      replaced(store, {
        casHead: (job, expected, bytes) =>
          store.casHead(job, expected, rewritten(headOf(bytes), { clock: 0 as Head['clock'] })),
      }),
  },
  {
    name: 'plan-takes-no-generation',
    law: 'E4',
    what: 'a plan does not take a generation in the head',
    store: (store, process) =>
      replaced(store, {
        casHead: (job, expected, bytes) => {
          const head = headOf(bytes);
          const before = process.world.headRecord;
          return store.casHead(
            job,
            expected,
            before !== null && head.phase.kind === 'running'
              ? rewritten(head, { generation: before.generation })
              : bytes,
          );
        },
      }),
  },
  {
    name: 'claim-takes-no-generation',
    law: 'E4',
    what: 'whoever takes the job over goes on under the generation that it finds',
    store: (store) => {
      const own = new Set<string>();
      const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
      return replaced(store, {
        casHead: (job, expected, bytes) => {
          own.add(textOf(bytes));
          return store.casHead(job, expected, bytes);
        },
        // What it finds seems to be one generation younger: so its claim takes none.
        readHead: async (job) => {
          const found = await store.readHead(job);
          if (found === null || own.has(textOf(found.bytes))) return found;
          const head = headOf(found.bytes);
          return { version: found.version, bytes: rewritten(head, { generation: generation(head.generation - 1) }) };
        },
      });
    },
  },
  {
    name: 'sweep-of-the-undecided',
    law: 'E6',
    what: 'a sweep takes what the current generation writes',
    sweeps: (head) => ({ ...head, generation: generation(head.generation + 1) }),
  },
  {
    name: 'sweep-of-referenced-state',
    law: 'E6',
    what: 'a sweep takes segments that the manifest refers to',
    sweeps: (head) => ({ ...head, manifest: null, folded: null, generation: generation(head.generation + 1) }),
  },
  {
    name: 'sweep-of-unpublished-output',
    law: 'E6',
    what: 'a sweep takes staged output that is committed and not yet published',
    sweeps: (head) => (head.phase.kind === 'committed' ? { ...head, phase: { kind: 'published' } } : head),
  },
];
