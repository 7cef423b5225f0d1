/** Zombies, twins and the late: requests that arrive when their sender is dead, coordinators of one job at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { StopAt } from '../../tcp-proxy.ts';
import { BOTH_MODES, FANNED_OUT, FUSED, FUSED_IN_MEMORY, type AwsFaultCase } from '../aws-case.ts';

/** A request of the dead coordinator arrives when its successor has gone on. */
function late(name: string, request: string | RegExp, more: Partial<AwsFaultCase> = {}): AwsFaultCase {
  return {
    name: `late-${name}`,
    what: `coordinator killed; its ${name} arrives two epochs of its successor later`,
    variants: [FUSED],
    async run(trial) {
      const run = await trial.start();
      await trial.afterEpochs(run, 2);
      const stop = trial.aws.coordinator.stopAt({ request, when: 'before' });
      await trial.feedUntil(stop, run);
      trial.stack.kill('coordinator');
      await trial.afterEpochs(run, 2);
      const answer = (await stop.deliver()).toString();
      if (request === COMMIT && !answer.includes('ConditionalCheckFailedException'))
        throw new Error(`The table took the zombie's commit:\n${answer}`);
      await trial.toTheEnd(run);
    },
    ...more,
  };
}

const SEGMENT = /^Put(Object|Item) (state|out)/;
const COMMIT = 'UpdateItem head committed';

const zombie: AwsFaultCase = {
  name: 'zombie',
  what: 'coordinator held up before its commit; the same task is delivered again and goes on; then the first commits',
  checks: 'the first found that it has lost the job',
  variants: [FUSED],
  isQuick: true,
  async run(trial) {
    const run = await trial.start();
    await trial.afterEpochs(run, 2);
    const stop = trial.aws.coordinator.stopAt({ request: COMMIT, when: 'before' });
    await trial.feedUntil(stop, run);
    const twin = trial.invoke(run);
    // Awaited in the end, where the case comes so far.
    twin.catch(() => undefined);
    await trial.afterEpochs(run, 2);
    const answer = stop.deliver();
    if (!(await answer).includes('ConditionalCheckFailedException'))
      throw new Error(`The table took the zombie's commit:\n${(await answer).toString()}`);
    await trial.toTheEnd(run);
    const { status } = await twin;
    if (status !== 'finished') throw new Error(`The twin answered "${status}".`);
  },
};

const twoExecutions: AwsFaultCase = {
  name: 'two-executions',
  what: 'two executions of the job at once, the coordinator that has it killed twice',
  checks: 'both saw its end',
  variants: BOTH_MODES,
  async run(trial) {
    const first = await trial.start();
    const second = await trial.start();
    for (let i = 0; i < 2; i++) {
      await trial.afterEpochs(first, 1);
      trial.stack.kill('coordinator');
    }
    await trial.toTheEnd(first);
    await second.finished();
  },
};

const expressEnds: AwsFaultCase = {
  name: 'express-ends',
  what: 'the express execution times out while its coordinator holds the commit; another is started',
  checks: 'the first execution timed out, its commit arrived late',
  variants: [FUSED],
  needs: { machine: 'EXPRESS', executionSeconds: 6, limits: { maxMs: 2_500, marginMs: 500 } },
  async run(trial) {
    const ticks = trial.ticking();
    await trial.afterEpochs(ticks, 2);
    const stop = trial.aws.coordinator.stopAt({ request: COMMIT, when: 'before' });
    await trial.feedUntil(stop, ticks);
    while (ticks.count('TIMED_OUT') === 0) await sleep(100);
    stop.release();
    await trial.toTheEnd(ticks);
  },
};

/** What the machine has sent before is sent again. */
const lateTasks: AwsFaultCase = {
  name: 'late-tasks',
  what: 'the tasks of the first epoch delivered again two epochs later: coordinator, subtasks, publishers',
  checks: 'each was delivered',
  variants: [FANNED_OUT],
  async run(trial) {
    const run = await trial.start();
    await trial.afterEpochs(run, 3);
    const tasks = await run.tasks();
    for (const entry of ['coordinator', 'subtask', 'publisher'] as const) {
      const sent = tasks.filter(({ to }) => to === trial.stack.deployment.nameOf(entry)).slice(0, 3);
      if (sent.length === 0) throw new Error(`The ${entry} was never invoked.`);
      for (const { to, event } of sent) await trial.stack.deployment.invoke(to, event).catch(() => undefined);
    }
    await trial.toTheEnd(run);
  },
};

/** So many epochs make a log that is worth folding (engine/aws/host/fixed-use.ts). */
const LONG_LOG = 17;

const FOLD_WRITE = /^(Put|Update|BatchWrite|Transact)/;

function lateFold(name: string, where: string, at: Omit<StopAt, 'when'>): AwsFaultCase {
  return {
    name: `late-fold-${name}`,
    what: `folder held up ${where} until the job has finished; then it goes on`,
    variants: [FUSED, FUSED_IN_MEMORY],
    async run(trial) {
      const run = await trial.start();
      const stop = trial.aws.folder.stopAt({ ...at, when: 'before' });
      await trial.afterEpochs(run, LONG_LOG);
      await trial.feedUntil(stop, run);
      await trial.toTheEnd(run);
      stop.release();
    },
  };
}

function doubled(name: string, how: 'at-once' | 'after', what: string): AwsFaultCase {
  return {
    name,
    what: `every invocation of every function is made ${what}`,
    checks: 'they were',
    variants: BOTH_MODES,
    needs: { doubled: how, limits: { maxMs: 2_500, marginMs: 500 } },
    async run(trial) {
      const twin = trial.aws.coordinator.stopAt({ request: /^Invoke .*-twin$/, when: 'before', nth: 2 });
      twin.release();
      await trial.toTheEnd(await trial.start());
      if (!twin.isReached) throw new Error('Nothing was doubled.');
    },
  };
}

export const lateRequests: readonly AwsFaultCase[] = [
  late('commit', COMMIT, { checks: 'the table refused it', isQuick: true, variants: BOTH_MODES }),
  late('plan', 'UpdateItem head running'),
  late('manifest', 'PutItem manifest'),
  late('segment', SEGMENT),
  zombie,
  twoExecutions,
  expressEnds,
  lateTasks,
  lateFold('beginning', 'before its first write', { request: FOLD_WRITE }),
  lateFold('writing', 'between two writes', { request: FOLD_WRITE, nth: 2 }),
  lateFold('record', 'before its record', { request: 'PutItem fold' }),
  doubled('doubled', 'at-once', 'twice at the same time; whichever answers first counts'),
  doubled('doubled-late', 'after', 'again after it has answered; the second answer counts'),
];
