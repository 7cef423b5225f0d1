/**
 * Rows that the database refuses. The quick way writes an epoch in a few statements and is told only that one of many rows is at fault;
 * then the epoch is written again in halves, each in a savepoint, until single rows are left: in order, so that the row that is
 * named is the one that fails when rows are written one after the other.
 */
import { SqlFailure, type JdbcSession } from '../session.ts';
import type { RowTarget } from './row-target.ts';
import type { StagedRow } from './staged-rows.ts';

/** `position` of the row in the slot's epoch, from 0. */
export type OnRejected = (row: StagedRow, position: number, failure: SqlFailure) => Promise<void>;

const SAVEPOINT = 'millrace_rows';

export async function writeApart(
  session: JdbcSession,
  target: RowTarget,
  rows: readonly StagedRow[],
  batchSize: number,
  onRejected: OnRejected,
  from = 0,
): Promise<void> {
  if (rows.length === 0) return;
  await session.run(`SAVEPOINT ${SAVEPOINT}`);
  try {
    await target.write(session, rows, batchSize);
    await session.run(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    return;
  } catch (thrown) {
    if (!isAboutRows(thrown)) throw thrown;
    await session.run(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`);
    await session.run(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    if (rows.length === 1) return await onRejected(rows[0]!, from, thrown);
  }
  const half = Math.ceil(rows.length / 2);
  await writeApart(session, target, rows.slice(0, half), batchSize, onRejected, from);
  await writeApart(session, target, rows.slice(half), batchSize, onRejected, from + half);
}

/** May the same rows succeed in smaller numbers? */
export function isAboutRows(thrown: unknown): thrown is SqlFailure {
  return thrown instanceof SqlFailure && (thrown.reaction === 'rejected' || thrown.reaction === 'again');
}
