/**
 * Publishes a slot of an epoch in one transaction: lock the slot's marker, write the rows, advance the marker, commit. Whatever fails, the
 * transaction is repeated from its beginning on a connection that works, and the marker tells whether a COMMIT without an answer
 * happened (`Ledger`, L1). Without a ledger it is at least once: the same, but nobody tells.
 */
import {
  ConfigError,
  MillraceError,
  RetryableError,
  UnknownOutcomeError,
  UserCodeError,
} from '../../../model/errors.ts';
import type { Publication, SinkContext, SinkPublisher } from '../../../ports/sink.ts';
import type { Dialect } from '../dialect.ts';
import type { JdbcConnectionOptions } from '../jdbc-connection-options.ts';
import { explain, SqlFailure, type JdbcSession } from '../session.ts';
import type { JdbcExecutionOptions } from './jdbc-execution-options.ts';
import type { Ledger, Place } from './ledger.ts';
import { rowsAtFault } from './deferred-constraints.ts';
import { isAboutRows, writeApart, type OnRejected } from './rejected-rows.ts';
import { openTarget, type RowTarget } from './row-target.ts';
import { readStagedRows, type StagedBatch, type StagedRow } from './staged-rows.ts';

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5000;

export interface PublisherOptions {
  readonly dialect: Dialect;
  readonly connection: JdbcConnectionOptions;
  readonly execution: JdbcExecutionOptions;
  /** Null: at least once. */
  readonly ledger: Ledger | null;
}

type RefusedRows = Map<number, SqlFailure>;

/** What goes on in one transaction; its answer is the publication's. */
type Work<R> = (session: JdbcSession) => Promise<R>;

export class JdbcPublisher implements SinkPublisher {
  readonly #options: PublisherOptions;
  readonly #ctx: SinkContext;
  #session: JdbcSession | null = null;
  /** By header: what the job stages is always the same, but for an epoch of an earlier version of it. */
  readonly #targets = new Map<string, RowTarget>();

  constructor(options: PublisherOptions, ctx: SinkContext) {
    this.#options = options;
    this.#ctx = ctx;
  }

  async publish(publication: Publication): Promise<'published' | 'already'> {
    const { ledger } = this.#options;
    const { slot } = publication;
    const batches = publication.chunks.map(readStagedRows);
    /** Is a row to be searched for? */
    let apart = false;
    /** By position: what was refused at COMMIT. */
    const refused: RefusedRows = new Map();
    const work: Work<'published' | 'already' | typeof AGAIN> = async (session) => {
      if (ledger !== null && (await ledger.isPublished(session, slot, publication))) return 'already';
      try {
        await this.#write(session, publication, batches, apart, refused);
      } catch (thrown) {
        if (!apart && isAboutRows(thrown)) {
          apart = true;
          return AGAIN;
        }
        throw thrown;
      }
      await ledger?.advance(session, slot, publication);
      return 'published';
    };
    return await this.#transaction(this.#where(publication), work, (failure) => {
      const found = rowsAtFault(failure, batches, refused);
      for (const position of found) refused.set(position, failure);
      return found.length > 0;
    });
  }

  async stamp(run: string, epoch: number, slot: number): Promise<void> {
    const { ledger } = this.#options;
    if (ledger === null) return;
    await this.#transaction(this.#where({ run, epoch, slot }), async (session) => {
      await ledger.stamp(session, slot, { run, epoch });
    });
  }

  async close(): Promise<void> {
    await this.#session?.close();
    this.#session = null;
  }

  async #write(
    session: JdbcSession,
    publication: Publication,
    batches: readonly StagedBatch[],
    apart: boolean,
    refused: RefusedRows,
  ): Promise<void> {
    let from = 0;
    for (const { header, rows } of batches) {
      const text = JSON.stringify(header);
      let target = this.#targets.get(text);
      if (target === undefined) {
        target = await openTarget(this.#options.dialect, session, header, this.#where(publication));
        this.#targets.set(text, target);
      }
      await this.#writeRows(session, publication, target, rows, from, apart, refused);
      from += rows.length;
    }
  }

  /** Rows from the position `from` on, without those that are refused already. */
  async #writeRows(
    session: JdbcSession,
    publication: Publication,
    target: RowTarget,
    rows: readonly StagedRow[],
    from: number,
    apart: boolean,
    refused: RefusedRows,
  ): Promise<void> {
    const { batchSize } = this.#options.execution;
    const onRejected = this.#rejected(session, target, publication);
    const write = async (begin: number, end: number): Promise<void> => {
      const part = begin === 0 && end === rows.length ? rows : rows.slice(begin, end);
      if (apart) await writeApart(session, target, part, batchSize, onRejected, from + begin);
      else await target.write(session, part, batchSize);
    };
    let begin = 0;
    for (const position of [...refused.keys()].toSorted((a, b) => a - b)) {
      const at = position - from;
      if (at < 0 || at >= rows.length) continue;
      await write(begin, at);
      await onRejected(rows[at]!, position, refused.get(position)!);
      begin = at + 1;
    }
    await write(begin, rows.length);
  }

  #rejected(session: JdbcSession, target: RowTarget, publication: Publication): OnRejected {
    const { execution, dialect } = this.#options;
    if (execution.onConstraintViolation === 'fail')
      return async (row, position, failure) => {
        throw this.#refusal(publication, target.textOf(row), position, failure);
      };
    const columns = ['job', 'sink', 'run', 'epoch', 'slot', 'position', 'record', 'error'];
    const sql = dialect.insertIfAbsent(dialect.quoteName(execution.rejectsTable), columns);
    const { run, epoch, slot } = publication;
    const { job, sink } = this.#ctx;
    return async (row: StagedRow, position, failure) => {
      const place = [job, sink, run, String(epoch), String(slot), String(position)];
      await session.run(sql, [...place, target.textOf(row), explain(failure)]);
    };
  }

  #refusal(publication: Publication, row: string, position: number, failure: SqlFailure): UserCodeError {
    const { constraint } = failure;
    return new UserCodeError(
      `${this.#where(publication)}: record ${position} of ${publication.records} was refused by ${this.#options.connection.description}: ${explain(failure)}\n  record: ${row.slice(0, SHOWN_RECORD)}\n` +
        `  Nothing of this epoch was written, and the job goes on when all of it is accepted: mend the table. Or have refused rows written to a table: JdbcExecutionOptions.builder().withOnConstraintViolation('dead-letter').`,
      { ...placeOf(publication), position, constraint, sqlCode: failure.sqlCode },
      failure,
    );
  }

  /**
   * Repeats the transaction, at most `maxRetries` times, where that can help. `refusedAtCommit`: is it known now which rows are at fault? Then
   * it is repeated without them.
   */
  async #transaction<R>(
    where: string,
    work: Work<R | typeof AGAIN>,
    refusedAtCommit: (failure: SqlFailure) => boolean = () => false,
  ): Promise<R> {
    const { maxRetries } = this.#options.execution;
    /** A COMMIT has no answer yet. */
    let unknown = false;
    for (let retries = 0; ;) {
      let failure: SqlFailure;
      try {
        const result = await this.#attempt(work);
        if (result !== AGAIN) return result;
        continue;
      } catch (thrown) {
        if (thrown instanceof MillraceError) throw thrown;
        if (!(thrown instanceof SqlFailure)) throw thrown;
        failure = thrown;
      }
      const { reaction, atCommit } = failure;
      unknown ||= atCommit && reaction === 'connection';
      if (atCommit && reaction === 'rejected' && refusedAtCommit(failure)) continue;
      if (reaction === 'connection' || reaction === 'conflict') {
        if (retries++ < maxRetries) {
          await this.#ctx.clock.sleep(Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** retries));
          continue;
        }
      }
      throw this.#given(up(where, failure), failure, unknown);
    }
  }

  async #attempt<R>(work: Work<R>): Promise<R> {
    const { dialect, connection, execution } = this.#options;
    if (this.#session?.broken === true) this.#forget();
    this.#session ??= await dialect.connect(connection, true);
    const session = this.#session;
    try {
      await session.begin(execution.lockTimeoutMs);
      const result = await work(session);
      if (result === AGAIN) await session.rollback();
      else await session.commit();
      return result;
    } catch (thrown) {
      await this.#rollBack(session);
      throw thrown;
    }
  }

  /** A connection that cannot even roll back is dropped: the server rolls back for it. */
  async #rollBack(session: JdbcSession): Promise<void> {
    if (!session.broken) await session.rollback().catch(() => session.destroy());
    if (session.broken) this.#forget();
  }

  #forget(): void {
    this.#session?.destroy();
    this.#session = null;
    this.#targets.clear();
  }

  #given(message: string, failure: SqlFailure, unknown: boolean): Error {
    const at = { sqlCode: failure.sqlCode };
    if (failure.reaction === 'denied')
      return new ConfigError(`${message}. Publishing goes on once this is mended.`, at, failure);
    if (failure.reaction === 'rejected')
      return new UserCodeError(
        `${message}. It is checked at COMMIT, and the answer does not tell which record it was; nothing of the epoch was written. Mend the table, or have it checked row by row (NOT DEFERRABLE).`,
        at,
        failure,
      );
    if (unknown)
      return new UnknownOutcomeError(
        `${message}. Whether the last COMMIT happened is not known yet; publishing is repeated, and the ledger will tell.`,
        at,
        failure,
      );
    return new RetryableError(`${message}. Nothing was lost; publishing is repeated.`, at, failure);
  }

  #where({ run, epoch, slot }: Place & { readonly slot: number }): string {
    return `job "${this.#ctx.job}", sink "${this.#ctx.sink}", slot ${slot}, run ${run}, epoch ${epoch}`;
  }
}

/** The transaction is rolled back, and repeated at once. */
const AGAIN = Symbol('again');
const SHOWN_RECORD = 500;

const up = (where: string, failure: SqlFailure): string => `${where}: ${explain(failure)}`;
const placeOf = ({ run, epoch, slot }: Publication): Place & { readonly slot: number } => ({ run, epoch, slot });
