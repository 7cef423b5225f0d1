/** Another parallelism, another job: what a deployment does by mistake or on purpose. */
import { join } from 'node:path';
import { EXIT } from '../../../engine/cli/exit-codes.ts';
import { expectText, ONE, TWO, type FaultCase } from '../fault-case.ts';

const RIVAL = 'test-local/faults/rival-job.ts';

const fewerSlots: FaultCase = {
  name: 'fewer-slots',
  what: 'process of parallelism 3 killed with some slots published; started with 1, stopped, restored with 2',
  variants: [
    { ...ONE, workers: 3 },
    { ...TWO, workers: 3 },
  ],
  isQuick: true,
  async run(trial) {
    await trial.untilDead(trial.start({ crashAt: 'slot-published:4' }));
    const second = await trial.afterEpochs(trial.start({ workers: 1 }), 2);
    second.kill('SIGTERM');
    await trial.ended(second, EXIT.interrupted);
    await trial.toTheEnd(trial.start({ workers: 2, args: ['--restore'] }));
  },
};

const samePrefix: FaultCase = {
  name: 'same-prefix',
  what: 'a second job with the transactional id prefix of one that runs',
  checks: 'it was refused, naming the prefix and the first job, which went on',
  variants: [ONE, TWO],
  isQuick: true,
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    const { stderr } = await trial.ended(trial.start({ job: RIVAL, folder: join(trial.folder, 'rival') }), EXIT.usage);
    expectText(stderr, trial.topics.prefix, 'is in use by job "faults"', 'setTransactionalIdPrefix()');
    await trial.toTheEnd(first);
  },
};

const samePrefixAtOnce: FaultCase = {
  name: 'same-prefix-at-once',
  what: 'two new jobs with one transactional id prefix, started at the same time',
  checks: 'one was refused, naming the other, which wrote all there is',
  variants: [ONE],
  async run(trial) {
    const rivalFolder = join(trial.folder, 'rival');
    const both = [
      { process: trial.start(), folder: trial.folder },
      { process: trial.start({ job: RIVAL, folder: rivalFolder }), folder: rivalFolder },
    ] as const;
    const loser = await Promise.race(both.map(async (one) => ({ ...one, exit: await one.process.exited })));
    if (loser.exit.code !== EXIT.usage) throw new Error(`It ended with ${loser.exit.code}:\n${loser.exit.stderr}`);
    expectText(loser.exit.stderr, trial.topics.prefix, /is in use by job "(faults|rival)"/);
    const winner = both.find(({ process }) => process !== loser.process)!;
    await trial.toTheEnd(winner.process);
    return winner.folder;
  },
};

export const changedJobs: readonly FaultCase[] = [fewerSlots, samePrefix, samePrefixAtOnce];
