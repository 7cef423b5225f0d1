/** The broker or the database gets SIGKILL and comes back, or cannot be reached for longer than the restart strategy would allow. */
import {
  BOTH,
  BOTH_DATABASES,
  expectText,
  ON_OLDER_BROKER,
  ONE,
  TWO,
  WITH_KAFKAJS,
  type FaultCase,
} from '../fault-case.ts';
import { reached } from '../fault-trial.ts';
import type { StopAt } from '../tcp-proxy.ts';

function brokerDies(name: string, where: string, at: StopAt, more: Partial<FaultCase> = {}): FaultCase {
  return {
    name: `broker-${name}`,
    what: `broker killed and restarted ${where}; the process lives`,
    variants: [ONE],
    needs: { kills: ['kafka'] },
    async run(trial) {
      const process = await trial.afterEpochs(trial.start(), 2);
      const stop = trial.kafka.stopAt(at);
      await trial.feedUntil(stop, process);
      await trial.mortalBroker.kill();
      stop.lose();
      await trial.mortalBroker.restart();
      await trial.toTheEnd(process);
    },
    ...more,
  };
}

const whileStamping: FaultCase = {
  name: 'broker-stamping',
  what: 'broker killed and restarted while a new job writes its first markers; the process lives',
  variants: [ONE],
  needs: { kills: ['kafka'] },
  async run(trial) {
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'before', nth: 3 });
    const process = trial.start();
    await reached(stop, process);
    await trial.mortalBroker.kill();
    stop.lose();
    await trial.mortalBroker.restart();
    await trial.toTheEnd(process);
  },
};

const bothDie: FaultCase = {
  name: 'broker-and-process',
  what: 'broker and process killed after EndTxn, before its answer',
  variants: [ONE],
  needs: { kills: ['kafka'] },
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'after' });
    await trial.feedUntil(stop, first);
    await Promise.all([trial.kill(first), trial.mortalBroker.kill()]);
    stop.lose();
    await trial.mortalBroker.restart();
    await trial.toTheEnd();
  },
};

/** `how`: what has become of the COMMIT when the server dies. */
function databaseDies(how: 'before' | 'in' | 'after'): FaultCase {
  return {
    name: `database-${how}-commit`,
    what: `database killed and restarted ${how === 'in' ? 'while it works on COMMIT' : `${how} COMMIT`}; the process lives`,
    variants: BOTH_DATABASES,
    isQuick: how === 'in',
    needs: { kills: ['database'] },
    async run(trial) {
      const process = await trial.afterEpochs(trial.start(), 2);
      const stop = trial.database.stopAt({ request: 'COMMIT', when: how === 'after' ? 'after' : 'before' });
      await trial.feedUntil(stop, process);
      const killed = trial.mortalDatabase.kill();
      if (how === 'in') stop.release();
      await killed;
      stop.lose();
      await trial.mortalDatabase.restart();
      await trial.toTheEnd(process);
    },
  };
}

/** More than its restart strategy allows. */
const TRIES = 4;

function away(through: 'kafka' | 'database', at: StopAt): FaultCase {
  return {
    name: `${through === 'kafka' ? 'broker' : 'database'}-away`,
    what: `${through === 'kafka' ? 'broker' : 'database'} unreachable for ${TRIES} tries of a job that is allowed 1 restart`,
    checks: 'the job paused, and said so',
    variants: through === 'kafka' ? BOTH : BOTH_DATABASES,
    isQuick: through === 'database',
    needs: { settings: { restarts: 1, kafkaPatienceMs: 300 } },
    async run(trial) {
      const process = await trial.afterEpochs(trial.start(), 2);
      const stop = trial[through].stopAt(at);
      await trial.feedUntil(stop, process);
      const begun = process.trace().filter((point) => point === 'publish-started').length;
      trial[through].refuse();
      stop.lose();
      await process.passed('publish-started', begun + TRIES);
      trial[through].accept();
      const { stderr } = await trial.toTheEnd(process);
      expectText(stderr, 'a committed epoch could not be published; the job pauses, and tries again');
    },
  };
}

export const serverDeaths: readonly FaultCase[] = [
  brokerDies('reading', 'while it is read from', { request: 'Fetch', when: 'after' }),
  brokerDies('before-produce', 'before the records reach it', { request: 'Produce', when: 'before' }),
  brokerDies('after-produce', 'with the records written, before it says so', { request: 'Produce', when: 'after' }),
  brokerDies('after-marker', 'with the marker written, before it says so', {
    request: 'TxnOffsetCommit',
    when: 'after',
  }),
  brokerDies('before-end-txn', 'before EndTxn', { request: 'EndTxn', when: 'before' }),
  brokerDies(
    'after-end-txn',
    'after EndTxn, before its answer',
    { request: 'EndTxn', when: 'after' },
    { variants: [TWO, ON_OLDER_BROKER, WITH_KAFKAJS] },
  ),
  whileStamping,
  bothDie,
  databaseDies('before'),
  databaseDies('in'),
  databaseDies('after'),
  away('kafka', { request: 'Produce', when: 'before' }),
  away('database', { request: 'COMMIT', when: 'before' }),
];
