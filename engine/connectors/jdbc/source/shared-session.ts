/** One connection for all splits of a source in a process: requests go one after the other, and a connection that broke is replaced. */
import { ConfigError, RetryableError } from '../../../model/errors.ts';
import type { BoundStatement, Dialect } from '../dialect.ts';
import type { JdbcConnectionOptions } from '../jdbc-connection-options.ts';
import { explain, SqlFailure, type JdbcSession, type SqlResult } from '../session.ts';

const TRIES = 3;
const LOCK_TIMEOUT_MS = 30_000;

export class SharedSession {
  readonly #dialect: Dialect;
  readonly #connection: JdbcConnectionOptions;
  #session: JdbcSession | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(dialect: Dialect, connection: JdbcConnectionOptions) {
    this.#dialect = dialect;
    this.#connection = connection;
  }

  /** `where`: for messages. */
  async read({ sql, values }: BoundStatement, where: string): Promise<SqlResult> {
    return await this.with(where, async (session) => {
      // In a transaction: its settings are what the texts of values depend on.
      await session.begin(LOCK_TIMEOUT_MS);
      const result = await session.run(sql, values);
      await session.commit();
      return result;
    });
  }

  async with<R>(where: string, work: (session: JdbcSession) => Promise<R>): Promise<R> {
    const turn = this.#last.then(() => this.#tried(where, work));
    this.#last = turn.catch(() => undefined);
    return await turn;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#session?.close();
    this.#session = null;
  }

  async #tried<R>(where: string, work: (session: JdbcSession) => Promise<R>): Promise<R> {
    for (let tries = 1; ; tries++) {
      try {
        this.#session ??= await this.#dialect.connect(this.#connection, false);
        return await work(this.#session);
      } catch (thrown) {
        this.#session?.destroy();
        this.#session = null;
        if (!(thrown instanceof SqlFailure)) throw thrown;
        const { reaction } = thrown;
        if ((reaction === 'connection' || reaction === 'conflict') && tries < TRIES) continue;
        const message = `${where}: ${explain(thrown)}`;
        if (reaction === 'denied' || reaction === 'rejected')
          throw new ConfigError(`${message}. Correct the statement, or give the user the right.`, {}, thrown);
        throw new RetryableError(`${message}. It is tried again.`, {}, thrown);
      }
    }
  }
}
