/** What `TwoPhaseCommitSink` asks of prepare, commit and abort, called one by one. */
import { messageOf } from '../../model/errors.ts';
import { contextOf, transactionOf, type SinkTransaction } from '../../operators/two-phase/transaction.ts';
import type { CommitOutcome, TwoPhaseCommitSink } from '../../operators/two-phase/two-phase-commit-sink.ts';
import type { TargetOnTrial } from './target-on-trial.ts';
import type { TimeLimit } from './time-limit.ts';

interface Rows<T> {
  rows(n: number): readonly T[];
}

/** Publication numbers that `everything` does not reach. */
const FIRST = 1_000_000;

/** Each call on a sink of its own: what counts is in the target and in the committable. */
export async function checkTwoPhaseContract<T, C>(
  make: () => TwoPhaseCommitSink<T, C>,
  options: Rows<T>,
  target: TargetOnTrial<T>,
  limit: TimeLimit,
): Promise<string[]> {
  const problems: string[] = [];
  const see = async (after: string, isOpen = false): Promise<void> => {
    for (const problem of await target.compare(isOpen)) problems.push(`${after}: ${problem}`);
  };
  const says = (what: string, answer: string, expected: string): void => {
    if (answer !== expected) problems.push(`${what} answered "${answer}" instead of "${expected}"`);
  };
  const prepare = async (transaction: SinkTransaction, n: number): Promise<C> => {
    const records = options.rows(FIRST + n).map((value) => ({ value, timestamp: null }));
    return await limit.of('prepare', () => make().prepare(transaction, records));
  };
  const commit = async (committable: C, transaction: SinkTransaction): Promise<CommitOutcome> =>
    await limit.of('commit', () => make().commit(committable, transaction));
  const abort = async (transaction: SinkTransaction): Promise<void> =>
    await limit.of('abort', () => make().abort(transaction));
  try {
    const one = transactionAt(1);
    const first = await prepare(one, 0);
    await see('prepare', true);
    says('commit after prepare', await commit(first, one), 'committed');
    target.expect(options.rows(FIRST));
    await see('prepare, commit');
    says('commit after commit', await commit(first, one), 'already');
    await see('commit after commit');
    await abort(one);
    await see('abort after commit (it must change nothing)');
    says('commit after commit and abort', await commit(first, one), 'already');
    const two = transactionAt(2);
    const second = await prepare(two, 1);
    await abort(two);
    await abort(two);
    await see('prepare, abort, abort');
    says('commit after abort', await commit(second, two), 'never');
    await see('commit after abort');
    await abort(transactionAt(3));
    await see('abort of what was never prepared');
  } catch (thrown) {
    problems.push(`prepare, commit and abort one by one: ${messageOf(thrown)}`);
  }
  return problems;
}

/** A slot of its own: a target remembers the last transaction of each. */
function transactionAt(epoch: number): SinkTransaction {
  return transactionOf(contextOf('check', 'sink', 1, { run: 'r00000000000000-contract', epoch }), 1);
}
