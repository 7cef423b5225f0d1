/** The error numbers of MySQL and MariaDB as reactions. */
import { messageOf } from '../../../model/errors.ts';
import { SqlFailure, type Reaction } from '../session.ts';

interface ServerError {
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  readonly code?: unknown;
}

/** Lock wait timeout, deadlock, a record that has changed since it was read (MariaDB), a statement that was interrupted or timed out. */
const CONFLICTS: ReadonlySet<number> = new Set([1205, 1213, 1020, 1317, 3024, 1969]);
/** Too many connections, shutting down, killed, read only after a failover, the session of a killed connection. */
const DISCONNECTED: ReadonlySet<number> = new Set([
  1040, 1203, 1053, 1927, 1290, 1792, 1836, 4031, 1158, 1159, 1160, 1161,
]);
const SIGNALS: ReadonlySet<number> = new Set([1643, 1644, 1645]);
/** Access denied, no such database, table, column, privilege; syntax; prepared. */
const DENIED: ReadonlySet<number> = new Set([
  ...[1044, 1045, 1049, 1054, 1064, 1142, 1143, 1146, 1103, 1136, 1227, 1235, 1305, 1370, 1698, 4164],
]);

export function mysqlFailure(thrown: unknown): SqlFailure {
  const { errno, sqlState } = (thrown ?? {}) as ServerError;
  // What the server says has an SQL state; everything else is the socket's or the driver's.
  if (typeof errno !== 'number' || typeof sqlState !== 'string' || sqlState === '')
    return new SqlFailure(messageOf(thrown), { reaction: 'connection', sqlCode: '', cause: thrown });
  const message = messageOf(thrown);
  return new SqlFailure(message, {
    reaction: reactionOf(errno, sqlState),
    sqlCode: String(errno),
    constraint: constraintOf(message),
    cause: thrown,
  });
}

function reactionOf(errno: number, sqlState: string): Reaction {
  // Whatever state the trigger that raises it chose.
  if (SIGNALS.has(errno)) return 'rejected';
  if (CONFLICTS.has(errno)) return 'conflict';
  if (DISCONNECTED.has(errno) || sqlState.startsWith('08')) return 'connection';
  if (DENIED.has(errno) || sqlState.startsWith('42') || sqlState.startsWith('28')) return 'denied';
  // Integrity constraints, data exceptions, check constraints (MariaDB 4025, MySQL 3819), wrong values, signals.
  if (sqlState.startsWith('23') || sqlState.startsWith('22') || sqlState === '45000') return 'rejected';
  if ([4025, 3819, 1364, 1366, 1265, 1526, 1242, 3140, 4038].includes(errno)) return 'rejected';
  return 'other';
}

/** The key or constraint that a message names. */
function constraintOf(message: string): string | null {
  return (
    /for key '([^']+)'/.exec(message)?.[1] ??
    /CONSTRAINT [`']([^`']+)[`'] FOREIGN KEY/.exec(message)?.[1] ??
    /(?:CONSTRAINT|constraint) [`']([^`']+)[`']/.exec(message)?.[1] ??
    null
  );
}
