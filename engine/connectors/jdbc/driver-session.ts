/** What the sessions of all drivers have in common: every answer is bounded in time, and what goes wrong is a SqlFailure. */
import { failureAtCommit, SqlFailure, type JdbcSession, type SqlResult } from './session.ts';
import type { WireValue } from './wire-value.ts';
import { within } from './within.ts';

/** For taking leave: a server that does not answer any more would keep the job from ending. */
const LEAVE_MS = 2000;

export abstract class DriverSession implements JdbcSession {
  broken = false;
  readonly #requestTimeoutMs: number;

  constructor(requestTimeoutMs: number) {
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  abstract run(sql: string, values?: readonly WireValue[]): Promise<SqlResult>;
  abstract begin(lockTimeoutMs: number): Promise<void>;
  /** COMMIT, of which the server says that it was one. */
  protected abstract sendCommit(): Promise<void>;
  /** What the driver threw. */
  protected abstract failureOf(thrown: unknown): SqlFailure;
  /** Takes leave of the server. */
  protected abstract end(): Promise<void>;
  /** The socket, at once. */
  protected abstract cut(): void;

  async commit(): Promise<void> {
    try {
      await this.sendCommit();
    } catch (thrown) {
      throw thrown instanceof SqlFailure ? failureAtCommit(thrown) : thrown;
    }
  }

  async rollback(): Promise<void> {
    await this.run('ROLLBACK');
  }

  destroy(): void {
    this.broken = true;
    this.cut();
  }

  async close(): Promise<void> {
    if (this.broken) this.destroy();
    else await within(LEAVE_MS, this.end(), () => new Error('no leave')).catch(() => this.destroy());
  }

  protected checkOpen(): void {
    if (this.broken) throw new SqlFailure('the connection is closed', { reaction: 'connection', sqlCode: '' });
  }

  /** A connection that gave no answer is good for nothing any more. */
  protected async answerTo<R>(ask: () => Promise<R>): Promise<R> {
    const ms = this.#requestTimeoutMs;
    try {
      return await within(
        ms,
        ask(),
        () => new SqlFailure(`no answer within ${ms} ms`, { reaction: 'connection', sqlCode: '' }),
      );
    } catch (thrown) {
      const failure = thrown instanceof SqlFailure ? thrown : this.failureOf(thrown);
      if (failure.reaction === 'connection') this.destroy();
      throw failure;
    }
  }
}
