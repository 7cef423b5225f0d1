/**
 * One connection to a database: what publishing and reading need of a driver. Sessions throw `SqlFailure`, which names the reaction;
 * a session whose connection broke is `broken` and good for nothing but `destroy`.
 */
import type { WireValue } from './wire-value.ts';

export interface SqlResult {
  readonly rows: readonly (readonly RawValue[])[];
  /** Columns of the rows. */
  readonly columns: readonly ResultColumn[];
}

/** As a driver gives it; see the dialect's `ResultReader`. */
export type RawValue = string | number | Uint8Array | null;

export interface ResultColumn {
  readonly name: string;
  /** The driver's number for the type. */
  readonly type: number;
}

export interface JdbcSession {
  readonly broken: boolean;
  /** One statement. Values stand for `$1`, `$2` … (PostgreSQL) or `?` (MySQL, MariaDB). */
  run(sql: string, values?: readonly WireValue[]): Promise<SqlResult>;
  /** Begins a transaction in which everything is bounded in time and nothing depends on the session's settings. */
  begin(lockTimeoutMs: number): Promise<void>;
  /** Throws where the server rolled back instead. A lost connection is a failure whose `atCommit` says that nobody knows. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** At once, without a word to the server. */
  destroy(): void;
  close(): Promise<void>;
}

/**
 * | reaction   | what follows                                                                                  |
 * |------------|-----------------------------------------------------------------------------------------------|
 * | connection | another connection, the transaction again; at COMMIT the marker is asked                       |
 * | conflict   | the transaction again: deadlock, serialization, lock timeout                                   |
 * | rejected   | a row is at fault (constraint, value): it is searched for                                      |
 * | again      | the statement cannot take these rows at once: row by row                                       |
 * | denied     | rights, names, syntax: nothing that trying again would help                                    |
 * | other      | fails the publication, which is repeated                                                       |
 */
export type Reaction = 'connection' | 'conflict' | 'rejected' | 'again' | 'denied' | 'other';

export class SqlFailure extends Error {
  readonly reaction: Reaction;
  /** SQLSTATE (PostgreSQL) or error number (MySQL, MariaDB); empty: the connection failed. */
  readonly sqlCode: string;
  readonly constraint: string | null;
  readonly detail: string | null;
  /** The answer to COMMIT is missing: whether it happened is not known. */
  readonly atCommit: boolean;

  constructor(
    message: string,
    failure: {
      readonly reaction: Reaction;
      readonly sqlCode: string;
      readonly constraint?: string | null;
      readonly detail?: string | null;
      readonly atCommit?: boolean;
      readonly cause?: unknown;
    },
  ) {
    super(message, failure.cause === undefined ? undefined : { cause: failure.cause });
    this.name = 'SqlFailure';
    this.reaction = failure.reaction;
    this.sqlCode = failure.sqlCode;
    this.constraint = failure.constraint ?? null;
    this.detail = failure.detail ?? null;
    this.atCommit = failure.atCommit ?? false;
  }
}

/** The same, at COMMIT. */
export function failureAtCommit(failure: SqlFailure): SqlFailure {
  const { message, reaction, sqlCode, constraint, detail } = failure;
  return new SqlFailure(message, { reaction, sqlCode, constraint, detail, atCommit: true, cause: failure });
}

/** With what the server said beside its message. */
export function explain(failure: SqlFailure): string {
  const code = failure.sqlCode === '' ? '' : ` (${failure.sqlCode})`;
  return `${failure.message}${code}${failure.detail === null ? '' : `: ${failure.detail}`}`;
}
