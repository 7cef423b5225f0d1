/** Guards between the coordinator and the data plane: publish after the commit, stamp, plans as they are, the cache's tag. */
import type { Manifest, Plan } from '../../checkpoint/records.ts';
import { attemptId } from '../../model/ids.ts';
import { MAX_WATERMARK } from '../../model/watermark.ts';
import type { EpochRunner } from '../../runtime/epoch-runner.ts';
import type { FusedRunner } from '../../runtime/fused-runner.ts';
import { unpackRecord } from '../../runtime/packed-record.ts';
import { replaced, type Mutant, type Started } from './mutant.ts';

/** Runs another plan than the one it was given. */
const withPlan =
  (change: (plan: Plan, started: Started) => Plan) =>
  (started: Started): EpochRunner =>
    replaced<EpochRunner>(started.runner, {
      run: (plan, attempt, budget) => started.runner.run(change(plan, started), attempt, budget),
    });

/** The runner's cache: what is in memory, by the tag of the state that it stands for. Private to it; only mutants reach in. */
interface Cache {
  tag: string | null;
  watermarks: string;
  tagOf(state: Plan['state'], subtasks: Plan['subtasks']): string;
}
const cacheOf = (runner: FusedRunner): Cache => runner as unknown as Cache;

/** The manifest that a plan and its ack would make: enough to publish. */
const likely = (plan: Plan, staged: Manifest['staged']): Manifest =>
  ({ run: plan.run, epoch: plan.epoch, staged }) as Manifest;

export const runnerMutants: readonly Mutant[] = [
  {
    name: 'publish-before-commit',
    law: 'E2',
    what: 'an attempt publishes what it has staged',
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, {
        run: async (plan, attempt, budget) => {
          const ran = await runner.run(plan, attempt, budget);
          await runner.publish(likely(plan, ran.ack.staged));
          return ran;
        },
      }),
  },
  {
    name: 'publish-from-memory',
    law: 'E3',
    what: 'publishes the manifest it has written when its commit has no answer or is lost',
    store: (store, process) => {
      let last: Manifest | null = null;
      return replaced(store, {
        createItem: (job, key, bytes) => {
          if (key.startsWith('manifest/')) last = unpackRecord<Manifest>(bytes, key);
          return store.createItem(job, key, bytes);
        },
        casHead: async (job, expected, bytes) => {
          const commits = last !== null && last.epoch === (process.world.headRecord?.epoch ?? 0) + 1;
          const answer = await store.casHead(job, expected, bytes).catch((error: unknown) => error as Error);
          if (commits && answer !== 'won' && last !== null) await process.publishes?.(last).catch(() => undefined);
          if (answer instanceof Error) throw answer;
          return answer;
        },
      });
    },
    runner: ({ runner, process }) => {
      process.publishes = (manifest) => runner.publish(manifest);
      return runner;
    },
  },
  {
    name: 'publish-timeout-is-done',
    law: 'E5',
    what: 'a publication without an answer counts as done',
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, { publish: (manifest) => runner.publish(manifest).catch(() => undefined) }),
  },
  {
    name: 'publish-not-awaited',
    law: 'E5',
    what: 'the next epoch is planned while this one is still being published',
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, {
        publish: async (manifest) => {
          void runner.publish(manifest).catch(() => undefined);
        },
      }),
  },
  {
    name: 'publish-only-own',
    law: 'E5',
    what: 'what a coordinator finds committed after a crash is taken as published',
    runner: ({ runner }) => {
      const own = new Set<string>();
      return replaced<EpochRunner>(runner, {
        run: (plan, attempt, budget) => {
          own.add(`${plan.run} ${plan.epoch}`);
          return runner.run(plan, attempt, budget);
        },
        publish: async (manifest) => {
          if (own.has(`${manifest.run} ${manifest.epoch}`)) await runner.publish(manifest);
        },
      });
    },
  },
  {
    name: 'restore-without-publishing',
    law: 'E5',
    what: 'a restore does not publish what the old run has committed',
    runner: ({ runner, restore }) => {
      let published = !restore;
      return replaced<EpochRunner>(runner, {
        publish: async (manifest) => {
          if (published) await runner.publish(manifest);
          published = true;
        },
      });
    },
  },
  {
    name: 'restore-without-stamp',
    law: 'section 6',
    what: 'a new run begins without fencing and stamping its slots',
    runner: ({ runner }) => replaced<EpochRunner>(runner, { stamp: async () => {} }),
  },
  {
    name: 'skip-list-forgotten',
    law: 'E1',
    what: 'a retry does not leave out the record that made user code fail',
    runner: withPlan((plan) => ({ ...plan, skip: [] })),
  },
  {
    name: 'other-ranges-on-retry',
    law: 'E1',
    what: 'an attempt of a plan that names its ranges reads further',
    runner: withPlan((plan) => ({ ...plan, splits: plan.splits.map((split) => ({ ...split, to: null })) })),
  },
  {
    name: 'clock-of-the-machine',
    law: 'E1',
    what: "an attempt goes by the machine's clock, not by the plan's",
    runner: withPlan((plan, { process }) => ({
      ...plan,
      clock: (plan.clock + process.world.queue.now) as Plan['clock'],
    })),
  },
  {
    name: 'watermarks-lost',
    law: 'E3',
    what: 'keyed stages begin without the watermark of the epoch before',
    runner: withPlan((plan) => ({ ...plan, watermarks: {} })),
  },
  {
    name: 'channel-state-lost',
    law: 'E3',
    what: 'splits begin without the state of their watermark generators',
    runner: withPlan((plan) => ({
      ...plan,
      splits: plan.splits.map((split) => ({
        ...split,
        state: split.state === null ? null : { ...split.state, generators: {} },
      })),
    })),
  },
  {
    name: 'log-cut-short',
    law: 'section 5',
    what: 'the last segment of the log is not read',
    runner: withPlan((plan) => ({ ...plan, state: { ...plan.state, log: plan.state.log.slice(0, -1) } })),
  },
  {
    name: 'stale-cache',
    law: 'section 5',
    what: 'memory is trusted whatever segments the plan names',
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, {
        run: (plan, attempt, budget) => {
          const cache = cacheOf(runner);
          if (cache.tag !== null) cache.tag = cache.tagOf(plan.state, plan.subtasks);
          cache.watermarks = JSON.stringify(plan.watermarks);
          return runner.run(plan, attempt, budget);
        },
      }),
  },
  {
    name: 'cache-told-by-state-alone',
    law: 'section 5',
    what: 'memory is trusted when the state is the same and the watermarks are not',
    graphs: 'plain',
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, {
        run: (plan, attempt, budget) => {
          cacheOf(runner).watermarks = JSON.stringify(plan.watermarks);
          return runner.run(plan, attempt, budget);
        },
      }),
  },
  {
    name: 'tag-not-cleared',
    law: 'section 5',
    what: 'after an attempt that failed, memory still counts as the state before it',
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, {
        run: async (plan, attempt, budget) => {
          const cache = cacheOf(runner);
          try {
            return await runner.run(plan, attempt, budget);
          } catch (error) {
            cache.tag = cache.tagOf(plan.state, plan.subtasks);
            cache.watermarks = JSON.stringify(plan.watermarks);
            throw error;
          }
        },
      }),
  },
  {
    name: 'tag-set-for-another',
    law: 'E2',
    what: "memory counts as the winner's state although another attempt won",
    store: (store, process) =>
      replaced(store, {
        readItem: async (job, key) => {
          const bytes = await store.readItem(job, key);
          if (key.startsWith('ack/')) process.adopted = true;
          return bytes;
        },
      }),
    runner: ({ runner, process }) =>
      replaced<EpochRunner>(runner, {
        publish: async (manifest) => {
          if (process.adopted) runner.committed(manifest);
          process.adopted = false;
          await runner.publish(manifest);
        },
      }),
  },
  {
    name: 'names-without-attempt',
    law: 'E2',
    what: "an object's name does not say which attempt wrote it",
    runner: ({ runner }) =>
      replaced<EpochRunner>(runner, { run: (plan, _attempt, budget) => runner.run(plan, attemptId('any'), budget) }),
  },
  {
    name: 'end-told-too-early',
    law: 'section 3',
    what: 'the watermark is taken to be at the end when some splits have ended',
    runner: withPlan((plan) =>
      plan.splits.some((split) => split.state?.ended === true)
        ? { ...plan, watermarks: Object.fromEntries(Object.keys(plan.watermarks).map((uid) => [uid, MAX_WATERMARK])) }
        : plan,
    ),
  },
];
