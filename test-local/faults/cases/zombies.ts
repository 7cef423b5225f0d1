/** Publishers that should be no more: requests that arrive when their process is dead, processes that wake when another has taken over. */
import { EXIT } from '../../../engine/cli/exit-codes.ts';
import { BOTH, EACH_KAFKA, expectText, ONE, TWO, type FaultCase } from '../fault-case.ts';
import { reached, type FaultTrial } from '../fault-trial.ts';
import type { JobProcess } from '../../job-process.ts';
import { errorOfEndTxn } from '../kafka-wire.ts';
import { signalInside } from '../other-machine.ts';
import type { Stop, StopAt } from '../tcp-proxy.ts';

/** A request of the dead process arrives when its successor has gone on. */
function late(request: 'Produce' | 'TxnOffsetCommit' | 'EndTxn'): FaultCase {
  return {
    name: `late-${request.toLowerCase()}`,
    what: `process killed; its ${request} arrives two epochs of its successor later`,
    checks: request === 'EndTxn' ? 'the broker refused it' : undefined,
    variants: [TWO, ...EACH_KAFKA],
    isQuick: request === 'EndTxn',
    async run(trial) {
      const first = await trial.afterEpochs(trial.start(), 2);
      const stop = trial.kafka.stopAt({ request, when: 'before' });
      await trial.feedUntil(stop, first);
      await trial.kill(first);
      const second = await trial.afterEpochs(trial.start(), 2);
      const answer = await stop.deliver();
      if (request === 'EndTxn' && errorOfEndTxn(answer) === 0) throw new Error('The broker took the late EndTxn.');
      await trial.toTheEnd(second);
    },
  };
}

/** A process in another container is stopped at `at`. */
async function frozen(trial: FaultTrial, through: 'kafka' | 'database', at: StopAt): Promise<[JobProcess, Stop]> {
  const process = await trial.afterEpochs(trial.start({ onOtherMachine: true }), 2);
  const stop = trial[through].stopAt(at);
  await trial.feedUntil(stop, process);
  signalInside(process.pid, 'SIGSTOP');
  return [process, stop];
}

/** Frozen at `at`; another process goes on, then the first wakes up, and ends fenced. */
async function takenOver(
  trial: FaultTrial,
  through: 'kafka' | 'database',
  at: StopAt,
  args: readonly string[] = [],
): Promise<void> {
  const [first, stop] = await frozen(trial, through, at);
  const second = await trial.afterEpochs(trial.start({ args }), 2);
  await thawed(trial, first, stop);
  await trial.toTheEnd(second);
}

async function thawed(trial: FaultTrial, process: JobProcess, stop: Stop): Promise<void> {
  signalInside(process.pid, 'SIGCONT');
  stop.release();
  const { stderr } = await trial.ended(process, EXIT.fenced);
  expectText(stderr, /taken over|newer run|fenced|process \d+/);
}

const zombie: FaultCase = {
  name: 'zombie',
  what: 'process stopped (SIGSTOP) before EndTxn; another takes over and goes on; the first wakes up',
  checks: 'the first ends, fenced',
  variants: BOTH,
  async run(trial) {
    await takenOver(trial, 'kafka', { request: 'EndTxn', when: 'before' });
  },
};

const racing: FaultCase = {
  name: 'two-publishers',
  what: 'two processes publish the same epoch: the first wakes up while the second is before its EndTxn',
  checks: 'the first ends, fenced',
  variants: [ONE, TWO],
  async run(trial) {
    const [first, stop] = await frozen(trial, 'kafka', { request: 'EndTxn', when: 'before' });
    const second = trial.start();
    const secondStop = trial.kafka.stopAt({ request: 'EndTxn', when: 'before' });
    await reached(secondStop, second);
    signalInside(first.pid, 'SIGCONT');
    const published = first.trace().filter((point) => point === 'slot-published').length;
    stop.release();
    // It publishes, as the marker says that nobody has, or learns that it is fenced.
    await first.passed('slot-published', published + 1).catch(() => undefined);
    secondStop.release();
    await trial.ended(first, EXIT.fenced);
    await trial.toTheEnd(second);
  },
};

const databaseZombie: FaultCase = {
  name: 'database-zombie',
  what: 'process stopped before COMMIT, holding its locks; another takes over; the first wakes up',
  checks: 'the first ends, fenced',
  variants: [ONE, { ...ONE, database: 'mariadb' }],
  async run(trial) {
    await takenOver(trial, 'database', { request: 'COMMIT', when: 'before' });
  },
};

const restoreOverLiving: FaultCase = {
  name: 'restore-over-living',
  what: 'restore (--restore) while the old run is stopped before EndTxn; then it wakes up',
  checks: 'the old run ends, fenced',
  variants: BOTH,
  async run(trial) {
    await takenOver(trial, 'kafka', { request: 'EndTxn', when: 'before' }, ['--restore']);
  },
};

const restoredCopy: FaultCase = {
  name: 'restored-copy',
  what: 'a copy of the state restored elsewhere while the old run is stopped before EndTxn; then it wakes up. No head fences it, only the markers',
  checks: 'the old run ends, fenced by the new run',
  variants: [ONE],
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'before' });
    await trial.feedUntil(stop, first);
    first.kill('SIGSTOP');
    const folder = trial.copyState();
    await trial.toTheEnd(trial.start({ folder, args: ['--restore'], onOtherMachine: true }));
    first.kill('SIGCONT');
    stop.release();
    const { stderr } = await trial.ended(first, EXIT.fenced);
    expectText(stderr, 'newer run');
    return folder;
  },
};

const killedStamping: FaultCase = {
  name: 'restore-killed',
  what: 'restore killed in the middle of stamping its markers: some slots are of the new run, some of the old; started again',
  variants: EACH_KAFKA,
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    await trial.kill(first);
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'before', nth: 4 });
    const second = trial.start({ args: ['--restore'] });
    await reached(stop, second);
    await trial.kill(second);
    stop.lose();
    await trial.toTheEnd();
  },
};

const refusedRestore: FaultCase = {
  name: 'restore-refused',
  what: 'a second process of the job, and a restore, on the machine where the first runs',
  checks: 'both were refused, naming the first',
  variants: [ONE],
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    for (const args of [[], ['--restore']]) {
      const { stderr } = await trial.ended(trial.start({ args }), EXIT.fenced);
      expectText(stderr, `process ${first.pid}`);
    }
    await trial.toTheEnd(first);
  },
};

export const zombies: readonly FaultCase[] = [
  late('Produce'),
  late('TxnOffsetCommit'),
  late('EndTxn'),
  zombie,
  racing,
  databaseZombie,
  restoreOverLiving,
  restoredCopy,
  killedStamping,
  refusedRestore,
];
