/** PostgreSQL's SQLSTATEs as reactions. */
import { messageOf } from '../../../model/errors.ts';
import { SqlFailure, type Reaction } from '../session.ts';

interface ServerError {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly detail?: unknown;
  readonly severity?: unknown;
}

/** Deadlock, serialization failure, lock timeout, a statement that was cancelled. */
const CONFLICTS: ReadonlySet<string> = new Set(['40P01', '40001', '55P03', '57014', '40003']);
/** Shutting down, starting up, idle in transaction, terminated, too many connections, read only after a failover. */
const DISCONNECTED: ReadonlySet<string> = new Set([...['57P01', '57P02', '57P03', '57P05', '25P03', '53300', '25006']]);
/** The command cannot affect a row a second time. */
const TWICE = '21000';
/**
 * Classes: integrity constraints, data exceptions, a view's check option, a row or an index entry that is too large, and what triggers
 * and functions raise.
 */
const ABOUT_ROWS: ReadonlySet<string> = new Set(['22', '23', '44', '54', 'P0', '09', '27', '2F', '38', '39']);
/** Others are made up by whoever wrote a trigger. */
const CLASS_OF_POSTGRES = /^(?:[0-4F]|5[3-8]|72|HV|XX)/;
const SQLSTATE = /^[0-9A-Z]{5}$/;

export function postgresFailure(thrown: unknown): SqlFailure {
  const { code, constraint, detail, severity } = (thrown ?? {}) as ServerError;
  // What the server says has a severity; everything else is the socket's or the driver's.
  if (typeof severity !== 'string' || typeof code !== 'string' || !SQLSTATE.test(code))
    return new SqlFailure(messageOf(thrown), { reaction: 'connection', sqlCode: '', cause: thrown });
  return new SqlFailure(messageOf(thrown), {
    reaction: reactionOf(code),
    sqlCode: code,
    constraint: typeof constraint === 'string' ? constraint : null,
    detail: typeof detail === 'string' ? detail : null,
    cause: thrown,
  });
}

/** The server does not speak TLS. */
export function isMissingTls(thrown: unknown): boolean {
  return /does not support SSL/i.test(messageOf(thrown));
}

function reactionOf(code: string): Reaction {
  if (CONFLICTS.has(code)) return 'conflict';
  if (DISCONNECTED.has(code) || code.startsWith('08')) return 'connection';
  if (code === TWICE) return 'again';
  if (ABOUT_ROWS.has(code.slice(0, 2)) || !CLASS_OF_POSTGRES.test(code)) return 'rejected';
  if (code.startsWith('28') || code.startsWith('42') || code.startsWith('3D') || code.startsWith('0A')) return 'denied';
  return 'other';
}
