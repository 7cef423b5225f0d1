/**
 * A dialect whose sessions can be disturbed at each step, before it or after it took effect and before its answer arrived. Steps are the
 * statements that a publisher sends.
 */
import type { Dialect } from '../../engine/connectors/jdbc/dialect.ts';
import { SqlFailure, type JdbcSession, type SqlResult } from '../../engine/connectors/jdbc/session.ts';
import type { WireValue } from '../../engine/connectors/jdbc/wire-value.ts';

export class Died extends Error {}

/** `session`: the one whose step it is. */
export type Disturb = (session: JdbcSession, step: string) => Promise<void>;

export class SessionsOnTrial {
  readonly dialect: Dialect;
  /** SQL codes of all failures that the server answered. */
  readonly failures: string[] = [];
  disturbedAt: string | null = null;
  dead = false;
  readonly #atStep: number | RegExp;
  readonly #disturb: Disturb;
  #steps = 0;

  /** `atStep`: the nth, counted from 1, or the first that matches. */
  constructor(dialect: Dialect, atStep: number | RegExp, disturb: Disturb) {
    this.#atStep = atStep;
    this.#disturb = disturb;
    this.dialect = {
      ...dialect,
      connect: async (options, writes) => {
        if (this.dead) throw new Died('the process is dead');
        return new SessionOnTrial(await dialect.connect(options, writes), this);
      },
    };
  }

  async step(name: string, session: JdbcSession): Promise<void> {
    if (this.dead) throw new Died('the process is dead');
    this.#steps++;
    const isIt = typeof this.#atStep === 'number' ? this.#steps === this.#atStep : this.#atStep.test(name);
    if (!isIt || this.disturbedAt !== null) return;
    this.disturbedAt = name;
    await this.#disturb(session, name);
  }

  die(session: JdbcSession): never {
    this.dead = true;
    session.destroy();
    throw new Died('the process died here');
  }
}

class SessionOnTrial implements JdbcSession {
  readonly #session: JdbcSession;
  readonly #trial: SessionsOnTrial;

  constructor(session: JdbcSession, trial: SessionsOnTrial) {
    this.#session = session;
    this.#trial = trial;
  }
  get broken(): boolean {
    return this.#session.broken;
  }
  async run(sql: string, values?: readonly WireValue[]): Promise<SqlResult> {
    return await this.#step(sql.slice(0, 60), async () => await this.#session.run(sql, values));
  }
  async begin(lockTimeoutMs: number): Promise<void> {
    await this.#step('BEGIN', async () => await this.#session.begin(lockTimeoutMs));
  }
  async commit(): Promise<void> {
    await this.#step('COMMIT', async () => await this.#session.commit());
  }
  async rollback(): Promise<void> {
    await this.#session.rollback();
  }
  destroy(): void {
    this.#session.destroy();
  }
  async close(): Promise<void> {
    await this.#session.close();
  }

  async #step<R>(name: string, act: () => Promise<R>): Promise<R> {
    await this.#trial.step(`before ${name}`, this.#session);
    let result: R;
    try {
      result = await act();
    } catch (thrown) {
      if (thrown instanceof SqlFailure) this.#trial.failures.push(thrown.sqlCode);
      throw thrown;
    }
    await this.#trial.step(`after ${name}`, this.#session);
    return result;
  }
}

/** The connection is lost at this step. */
export function loseConnection(session: JdbcSession, step: string): never {
  session.destroy();
  throw new SqlFailure('the connection was lost (injected)', {
    reaction: 'connection',
    sqlCode: '',
    atCommit: step === 'after COMMIT',
  });
}
