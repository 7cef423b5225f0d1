/** The job's process gets SIGKILL: at steps of the protocol, and between a request and its answer. */
import type { CrashPoint } from '../../../engine/runtime/crash-point.ts';
import { BOTH, BOTH_DATABASES, EACH_KAFKA, TWO, type FaultCase } from '../fault-case.ts';
import type { StopAt } from '../tcp-proxy.ts';

/** By the process itself: a step between two requests cannot be hit from outside. */
function atPoint(name: string, where: string, point: CrashPoint, nth = 3): FaultCase {
  return {
    name,
    what: `process killed ${where} (${point})`,
    variants: BOTH,
    async run(trial) {
      await trial.untilDead(trial.start({ crashAt: `${point}:${nth}` }));
      await trial.toTheEnd();
    },
  };
}

interface AtRequest {
  readonly through: 'kafka' | 'database';
  readonly where: string;
  readonly at: StopAt;
}

/** Killed from outside while the request, or its answer, is on its way. */
function atRequest(name: string, { through, where, at }: AtRequest, more: Partial<FaultCase> = {}): FaultCase {
  return {
    name,
    what: `process killed ${where}`,
    variants: through === 'kafka' ? BOTH : BOTH_DATABASES,
    async run(trial) {
      const first = await trial.afterEpochs(trial.start(), 2);
      const stop = trial[through].stopAt(at);
      await trial.feedUntil(stop, first);
      await trial.kill(first);
      stop.lose();
      await trial.toTheEnd();
    },
    ...more,
  };
}

/** The answer is lost, and nobody dies. */
function lostAnswer(name: string, through: 'kafka' | 'database', request: string): FaultCase {
  return {
    name,
    what: `connection broken after ${request}, before its answer; the process lives`,
    variants: through === 'kafka' ? EACH_KAFKA : BOTH_DATABASES,
    isQuick: name === 'end-txn-lost',
    async run(trial) {
      const process = await trial.afterEpochs(trial.start(), 2);
      const stop = trial[through].stopAt({ request, when: 'after' });
      await trial.feedUntil(stop, process);
      stop.lose();
      await trial.toTheEnd(process);
    },
  };
}

/** Windows that the third second of the input completes. */
const LARGE_SECOND = 1000;

const somePartitions: FaultCase = {
  name: 'some-partitions',
  what: 'process killed in the middle of a transaction, some of its produce requests written',
  checks: 'records of the open transaction were in the topic, unseen',
  variants: [TWO, ...EACH_KAFKA],
  isQuick: true,
  needs: { settings: { largeWindow: LARGE_SECOND } },
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    const stop = trial.kafka.stopAt({ request: 'Produce', when: 'before', nth: 4 });
    await trial.feedUntil(stop, first);
    await trial.kill(first);
    stop.lose();
    if ((await trial.topics.unstable()).length === 0) throw new Error('No record of an open transaction was there.');
    await trial.toTheEnd();
  },
};

const oneSlotOfTwo: FaultCase = {
  name: 'one-slot-of-two',
  what: "process killed in the middle of publishing: one slot's transaction committed, the other's not",
  checks: 'one of the two transactions was open',
  variants: [TWO, { ...TWO, kafka: 'kafka-3.9' }],
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    await trial.untilPublished();
    const second = trial.kafka.stopAt({ request: 'EndTxn', when: 'before', nth: 2 });
    await trial.feedUntil(second, first);
    await trial.kill(first);
    second.lose();
    const open = await trial.topics.openTransactions();
    if (open.length !== 1) throw new Error(`Open transactions: ${open.join(', ') || 'none'}.`);
    await trial.toTheEnd();
  },
};

/** MariaDB's statements are prepared: the marker is locked by the first of a transaction, rows are inserted by the second. */
const afterRows: FaultCase = {
  name: 'after-rows',
  what: 'process killed with rows in an open database transaction',
  variants: BOTH_DATABASES,
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    await trial.untilPublished();
    const isPrepared = trial.variant.database === 'mariadb';
    const stop = trial.database.stopAt(
      isPrepared ? { request: 'EXECUTE', when: 'after', nth: 2 } : { request: /^INSERT INTO .totals/, when: 'after' },
    );
    await trial.feedUntil(stop, first);
    await trial.kill(first);
    stop.lose();
    await trial.toTheEnd();
  },
};

export const processDeaths: readonly FaultCase[] = [
  atPoint('before-staging', 'before staging', 'run-middle'),
  atPoint('staged', 'after staging, before the commit', 'segments-staged'),
  atPoint('manifest-written', 'between manifest and commit', 'manifest-written'),
  atPoint('committed', 'after the commit, before publishing', 'commit-cas'),
  atPoint('first-sink-done', 'in the middle of publishing: one slot done, others not', 'slot-published', 3),
  atPoint('published', 'after publishing, before it was noted', 'published-cas'),
  somePartitions,
  oneSlotOfTwo,
  atRequest('before-marker', {
    through: 'kafka',
    where: 'with the records written, before the marker',
    at: { request: 'TxnOffsetCommit', when: 'before' },
  }),
  atRequest('before-end-txn', {
    through: 'kafka',
    where: 'with records and marker written, before EndTxn',
    at: { request: 'EndTxn', when: 'before' },
  }),
  atRequest(
    'after-end-txn',
    { through: 'kafka', where: 'after EndTxn, before its answer', at: { request: 'EndTxn', when: 'after' } },
    { variants: [TWO, ...EACH_KAFKA], isQuick: true },
  ),
  afterRows,
  atRequest('before-commit', {
    through: 'database',
    where: 'before COMMIT reaches the database',
    at: { request: 'COMMIT', when: 'before' },
  }),
  atRequest(
    'after-commit',
    { through: 'database', where: 'after COMMIT, before its answer', at: { request: 'COMMIT', when: 'after' } },
    { isQuick: true },
  ),
  lostAnswer('produce-lost', 'kafka', 'Produce'),
  lostAnswer('end-txn-lost', 'kafka', 'EndTxn'),
  lostAnswer('commit-lost', 'database', 'COMMIT'),
];
