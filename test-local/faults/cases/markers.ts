/** What tells whether an epoch is published is gone: the job stops and asks, writes nothing, and goes on when it is answered as its message says. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT } from '../../../engine/cli/exit-codes.ts';
import { BOTH, BOTH_DATABASES, EACH_KAFKA, expectText, ONE, TWO, type FaultCase } from '../fault-case.ts';
import { SHORT_RETENTION } from '../fault-servers.ts';
import type { FaultTrial } from '../fault-trial.ts';
import { REPOSITORY } from '../../job-process.ts';

const POLL_MS = 250;
const CHECKS = 'the job stopped, asked, and wrote nothing; the answer that it names was all it took';

/** Starts the job until it asks no more, answering each slot's question with the command that it names. */
async function answerAll(trial: FaultTrial, published: 'yes' | 'no'): Promise<number> {
  for (let asked = 0; ; asked++) {
    const before = await trial.topics.totals();
    const process = trial.start();
    const began = await Promise.race([
      process.passed('published-cas').then(
        () => true,
        () => false,
      ),
      process.exited.then(() => false),
    ]);
    if (began) {
      await trial.toTheEnd(process);
      return asked;
    }
    const { stderr } = await trial.ended(process, EXIT.usage);
    expectText(stderr, 'cannot be told', 'start the job again');
    // Slots that were answered are published while others ask.
    if (asked === 0 && (await trial.topics.totals()).length !== before.length)
      throw new Error('The job that asks has written.');
    const command = new RegExp(`millrace (marker kafka --published ${published} .*--bootstrap-server) `).exec(stderr);
    if (command === null) throw new Error(`It names no command:\n${stderr}`);
    const args = ['engine/cli/main.ts', ...command[1]!.split(' '), trial.topics.bootstrapServers];
    const answer = spawnSync(globalThis.process.execPath, args, { cwd: REPOSITORY, encoding: 'utf8' });
    if (answer.status !== 0) throw new Error(`The answer failed:\n${answer.stderr}`);
  }
}

function expectQuestions(asked: number): void {
  if (asked === 0) throw new Error('The job asked nothing.');
}

/** Killed with an epoch committed, of which nothing has reached the target. */
async function killedCommitted(
  trial: FaultTrial,
  through: 'kafka' | 'database',
  request: string | RegExp,
): Promise<void> {
  const first = await trial.afterEpochs(trial.start(), 2);
  await trial.untilPublished();
  const stop = trial[through].stopAt({ request, when: 'before' });
  await trial.feedUntil(stop, first);
  await trial.kill(first);
  stop.lose();
}

const deleted: FaultCase = {
  name: 'marker-deleted',
  what: 'process killed after the commit; the groups of its markers deleted',
  checks: CHECKS,
  variants: BOTH,
  isQuick: true,
  async run(trial) {
    await killedCommitted(trial, 'kafka', 'Produce');
    await trial.topics.deleteMarkers();
    expectQuestions(await answerAll(trial, 'no'));
  },
};

const deletedWithNothing: FaultCase = {
  name: 'marker-deleted-nothing-staged',
  what: 'process killed after the commit of an epoch that writes nothing; the groups of its markers deleted',
  checks: 'it went on without a question',
  variants: BOTH,
  async run(trial) {
    const first = trial.start({ crashAt: 'commit-cas' });
    await trial.untilDead(first);
    await trial.topics.deleteMarkers();
    await trial.toTheEnd();
  },
};

const deletedAfterwards: FaultCase = {
  name: 'marker-deleted-published',
  what: 'process killed after EndTxn, before its answer; the groups of its markers deleted',
  checks: CHECKS,
  variants: [ONE],
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'after' });
    await trial.feedUntil(stop, first);
    await trial.kill(first);
    stop.lose();
    await trial.topics.deleteMarkers();
    expectQuestions(await answerAll(trial, 'yes'));
  },
};

const expired: FaultCase = {
  name: 'marker-expired',
  what: 'process killed after the commit, and not started until its markers have expired (offsets.retention.minutes)',
  checks: CHECKS,
  variants: [ONE],
  needs: { brokerProperties: SHORT_RETENTION },
  async run(trial) {
    await killedCommitted(trial, 'kafka', 'Produce');
    while ((await trial.topics.markers()).length > 0) await sleep(POLL_MS);
    expectQuestions(await answerAll(trial, 'no'));
  },
};

/** Stopped in order, so nothing is in doubt: the markers may expire. */
const expiredAtRest: FaultCase = {
  name: 'marker-expired-at-rest',
  what: 'job stopped in order (SIGTERM), and not started until its markers have expired',
  checks: 'it went on without a question',
  variants: [ONE],
  needs: { brokerProperties: SHORT_RETENTION },
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 3);
    first.kill('SIGTERM');
    await trial.ended(first, EXIT.interrupted);
    while ((await trial.topics.markers()).length > 0) await sleep(POLL_MS);
    await trial.toTheEnd();
  },
};

const ledgerDeleted: FaultCase = {
  name: 'ledger-deleted',
  what: 'process killed after the commit; the rows of its ledger deleted',
  checks: 'the job stopped, asked, and wrote nothing; the row that it names was all it took',
  variants: [...BOTH_DATABASES, TWO],
  async run(trial) {
    await killedCommitted(trial, 'database', /^(BEGIN|START TRANSACTION)/);
    await trial.tables.run(`DELETE FROM ${trial.tables.ledger}`);
    const written = await trial.tables.totals();
    for (let asked = 0; ; asked++) {
      const process = trial.start();
      await process.passed('published-cas').catch(() => undefined);
      if (process.trace().includes('published-cas')) {
        expectQuestions(asked);
        // Slots that wrote nothing meanwhile have no row, and are asked for when they write.
        await trial.feedRest();
      }
      const { code, stderr } = await process.exited;
      if (code === EXIT.ok) return;
      expectText(stderr, 'cannot be told');
      const answer = /They are not: ([A-Z][^;]*);/.exec(stderr);
      if (answer === null) throw new Error(`It names no answer:\n${stderr}`);
      if (asked === 0 && (await trial.tables.totals()).length !== written.length)
        throw new Error('The job that asks has written.');
      await trial.tables.run(answer[1]!);
    }
  },
};

const timedOut: FaultCase = {
  name: 'transaction-timeout',
  what: 'process stopped (SIGSTOP) before EndTxn until the broker aborts its transaction; then it wakes up',
  checks: 'it published the epoch anew',
  variants: [TWO, ...EACH_KAFKA],
  isQuick: true,
  needs: { settings: { transactionTimeoutMs: 2000 } },
  async run(trial) {
    const process = await trial.afterEpochs(trial.start(), 2);
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'before' });
    await trial.feedUntil(stop, process);
    process.kill('SIGSTOP');
    await untilAborted(trial);
    process.kill('SIGCONT');
    stop.release();
    await trial.toTheEnd(process);
  },
};

const timedOutDead: FaultCase = {
  name: 'transaction-timeout-dead',
  what: 'process killed before EndTxn, and not started until the broker aborts its transaction',
  checks: 'readers were not held up for longer than the timeout',
  variants: [ONE],
  needs: { settings: { transactionTimeoutMs: 2000 } },
  async run(trial) {
    const first = await trial.afterEpochs(trial.start(), 2);
    const stop = trial.kafka.stopAt({ request: 'EndTxn', when: 'before' });
    await trial.feedUntil(stop, first);
    await trial.kill(first);
    stop.lose();
    await untilAborted(trial);
    await trial.topics.totals();
    await trial.toTheEnd();
  },
};

async function untilAborted({ topics }: FaultTrial): Promise<void> {
  while ((await topics.openTransactions()).length > 0) await sleep(POLL_MS);
}

export const markers: readonly FaultCase[] = [
  deleted,
  deletedWithNothing,
  deletedAfterwards,
  expired,
  expiredAtRest,
  ledgerDeleted,
  timedOut,
  timedOutDead,
];
