/**
 * How rows are written:
 *
 *     JdbcExecutionOptions.builder().withBatchSize(5000).withMaxRetries(3).withOnConstraintViolation('dead-letter').build()
 *
 * There is no batch interval: rows are written when their epoch has been committed, all of it in one transaction.
 */
import { ConfigError } from '../../../model/errors.ts';

/**
 * What becomes of a row that the database refuses (a constraint, a trigger, a value). `fail`: nothing of its epoch is written, the job
 * says which row it is and goes on when it is accepted. `dead-letter`: it is written to the rejects table, with the rest of its epoch.
 */
export type OnConstraintViolation = 'fail' | 'dead-letter';

interface Settings {
  readonly batchSize: number;
  readonly maxRetries: number;
  readonly onConstraintViolation: OnConstraintViolation;
  readonly rejectsTable: string;
  readonly lockTimeoutMs: number;
}

const DEFAULTS: Settings = {
  batchSize: 5000,
  maxRetries: 3,
  onConstraintViolation: 'fail',
  rejectsTable: 'millrace_rejects',
  lockTimeoutMs: 30_000,
};

export class JdbcExecutionOptions implements Settings {
  readonly batchSize: number;
  readonly maxRetries: number;
  readonly onConstraintViolation: OnConstraintViolation;
  readonly rejectsTable: string;
  readonly lockTimeoutMs: number;

  static builder(): JdbcExecutionOptionsBuilder {
    return new JdbcExecutionOptionsBuilder(DEFAULTS);
  }
  static defaults(): JdbcExecutionOptions {
    return new JdbcExecutionOptions(DEFAULTS);
  }
  /** Use `builder()`. */
  constructor(settings: Settings) {
    this.batchSize = settings.batchSize;
    this.maxRetries = settings.maxRetries;
    this.onConstraintViolation = settings.onConstraintViolation;
    this.rejectsTable = settings.rejectsTable;
    this.lockTimeoutMs = settings.lockTimeoutMs;
  }
}

/** Immutable: each method answers another builder. */
export class JdbcExecutionOptionsBuilder {
  readonly #settings: Settings;
  constructor(settings: Settings) {
    this.#settings = settings;
  }
  /** Rows of one statement, at most. Default 5000. */
  withBatchSize(batchSize: number): JdbcExecutionOptionsBuilder {
    return this.#with({ batchSize: whole('withBatchSize', batchSize, 1) });
  }
  /** Times that a transaction is repeated at once, after a deadlock or a lost connection; then the restart strategy decides. Default 3. */
  withMaxRetries(maxRetries: number): JdbcExecutionOptionsBuilder {
    return this.#with({ maxRetries: whole('withMaxRetries', maxRetries, 0) });
  }
  /** Default: fail. */
  withOnConstraintViolation(onConstraintViolation: OnConstraintViolation): JdbcExecutionOptionsBuilder {
    return this.#with({ onConstraintViolation });
  }
  /** Where refused rows go. Default millrace_rejects; created when the job starts. */
  withRejectsTable(rejectsTable: string): JdbcExecutionOptionsBuilder {
    return this.#with({ rejectsTable });
  }
  /** For rows that others have locked. Default 30 s. */
  withLockTimeoutMs(lockTimeoutMs: number): JdbcExecutionOptionsBuilder {
    return this.#with({ lockTimeoutMs: whole('withLockTimeoutMs', lockTimeoutMs, 1) });
  }
  build(): JdbcExecutionOptions {
    return new JdbcExecutionOptions(this.#settings);
  }
  #with(settings: Partial<Settings>): JdbcExecutionOptionsBuilder {
    return new JdbcExecutionOptionsBuilder({ ...this.#settings, ...settings });
  }
}

export class JdbcExactlyOnceOptions {
  readonly ledgerTable: string;

  static builder(): JdbcExactlyOnceOptionsBuilder {
    return new JdbcExactlyOnceOptionsBuilder();
  }
  static defaults(): JdbcExactlyOnceOptions {
    return new JdbcExactlyOnceOptions('millrace_ledger');
  }
  /** Use `builder()`. */
  constructor(ledgerTable: string) {
    this.ledgerTable = ledgerTable;
  }
}

export class JdbcExactlyOnceOptionsBuilder {
  readonly #ledgerTable: string;
  constructor(ledgerTable = JdbcExactlyOnceOptions.defaults().ledgerTable) {
    this.#ledgerTable = ledgerTable;
  }
  /** The table with a row for each job, sink and slot, in the database of the rows. Default millrace_ledger; created when the job starts. */
  withLedgerTable(name: string): JdbcExactlyOnceOptionsBuilder {
    return new JdbcExactlyOnceOptionsBuilder(name);
  }
  build(): JdbcExactlyOnceOptions {
    return new JdbcExactlyOnceOptions(this.#ledgerTable);
  }
}

function whole(name: string, value: number, min: number): number {
  if (Number.isInteger(value) && value >= min) return value;
  throw new ConfigError(`${name}(${String(value)}): a whole number from ${min} is needed.`);
}
