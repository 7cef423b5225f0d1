/**
 * Rows into PostgreSQL, MySQL or MariaDB. What most jobs want, a table:
 *
 *     JdbcSink.builder<Total>()
 *       .withTable({ name: 'totals', columns: ['customer', 'total'], keyFields: ['customer'] })
 *       .buildExactlyOnce(new JdbcConnectionOptionsBuilder().withUrl(url).withUsername(user).withPassword(password).build())
 *
 * or, as in Flink, any statement: `.withQueryStatement('INSERT INTO totals VALUES (?, ?)', (row) => [row.customer, row.total])`.
 *
 * Exactly once: rows and the ledger's marker are written in one transaction after the epoch was committed (see `Ledger`, and decision 13
 * for why there is no XA).
 */
import { ConfigError, MillraceError, RetryableError } from '../../../model/errors.ts';
import type { DeliveryGuarantee, Sink, SinkContext, SinkPublisher, SinkWriter } from '../../../ports/sink.ts';
import type { Dialect } from '../dialect.ts';
import { dialectOf } from '../dialects.ts';
import type { JdbcConnectionOptions } from '../jdbc-connection-options.ts';
import { explain, SqlFailure, type JdbcSession } from '../session.ts';
import type { JdbcValue } from '../wire-value.ts';
import { JdbcExactlyOnceOptions, JdbcExecutionOptions } from './jdbc-execution-options.ts';
import { JdbcPublisher } from './jdbc-publisher.ts';
import { columnsOf, planTable, type JdbcTable, type TablePlan } from './jdbc-table.ts';
import { JdbcWriter, queryStage, tableStage, type StageRow } from './jdbc-writer.ts';
import { Ledger } from './ledger.ts';
import { TableStatements } from './row-target.ts';
import { ledgerTable, provide, rejectsTable } from './service-tables.ts';
import type { StagedHeader } from './staged-rows.ts';

type Target<T> =
  | { readonly kind: 'table'; readonly plan: TablePlan<T> }
  | { readonly kind: 'query'; readonly sql: string; readonly valuesOf: (row: T) => readonly unknown[] };

/** A job's name and a sink's uid in the ledger. */
const MAX_NAME = 200;

export class JdbcSink<T> implements Sink<T> {
  readonly description: string;
  readonly guarantee: DeliveryGuarantee;
  readonly stagedForm = 'database rows';
  readonly #target: Target<T>;
  readonly #connection: JdbcConnectionOptions;
  readonly #execution: JdbcExecutionOptions;
  /** Null: at least once. */
  readonly #exactlyOnce: JdbcExactlyOnceOptions | null;
  readonly #dialect: Dialect;
  readonly #notices: string[] = [];
  #staging: { readonly header: StagedHeader; readonly stage: StageRow<T> } | null = null;

  static builder<T>(): JdbcSinkBuilder<T> {
    return new JdbcSinkBuilder<T>({ target: null, execution: JdbcExecutionOptions.defaults() });
  }

  /** Use `builder()`. */
  constructor(
    target: Target<T>,
    connection: JdbcConnectionOptions,
    execution: JdbcExecutionOptions,
    exactlyOnce: JdbcExactlyOnceOptions | null,
  ) {
    this.#target = target;
    this.#connection = connection;
    this.#execution = execution;
    this.#exactlyOnce = exactlyOnce;
    this.#dialect = dialectOf(connection.url);
    this.guarantee = exactlyOnce === null ? 'AT_LEAST_ONCE' : 'EXACTLY_ONCE';
    const what = target.kind === 'table' ? `${target.plan.mode} ${target.plan.name}` : 'statement';
    this.description = `jdbc ${what} at ${connection.description}`;
  }

  get notice(): string | null {
    return this.#notices.length === 0 ? null : `${this.description}: ${this.#notices.join('; ')}`;
  }

  async validate(ctx: SinkContext): Promise<void> {
    for (const [what, name] of [
      ['job name', ctx.job],
      ['uid', ctx.sink],
    ] as const)
      if (name.length > MAX_NAME)
        throw new ConfigError(
          `Sink ${ctx.sink}: the ${what} is longer than ${MAX_NAME} characters, the ledger's limit.`,
        );
    await this.#withSession(ctx, async (session) => {
      this.#staging = await this.#stagingOf(session, ctx);
      await this.#validateTarget(session, ctx);
      await this.#provideTables(session, ctx);
      await this.#collectNotices(session, ctx);
    });
  }

  async open(ctx: SinkContext): Promise<void> {
    if (this.#staging !== null) return;
    await this.#withSession(ctx, async (session) => {
      this.#staging = await this.#stagingOf(session, ctx);
    });
  }

  writer(ctx: SinkContext): SinkWriter<T> {
    if (this.#staging === null) throw new ConfigError(`Sink ${ctx.sink} (${this.description}) was not opened.`);
    return new JdbcWriter(this.#staging.header, this.#staging.stage);
  }

  async publisher(ctx: SinkContext): Promise<SinkPublisher> {
    const ledger =
      this.#exactlyOnce === null ? null : new Ledger(this.#dialect, this.#exactlyOnce.ledgerTable, ctx.job, ctx.sink);
    const options = { dialect: this.#dialect, connection: this.#connection, execution: this.#execution, ledger };
    return new JdbcPublisher(options, ctx);
  }

  async #stagingOf(
    session: JdbcSession,
    ctx: SinkContext,
  ): Promise<{ readonly header: StagedHeader; readonly stage: StageRow<T> }> {
    const target = this.#target;
    if (target.kind === 'query') {
      const { types } = await this.#dialect.prepareQuery(session, target.sql);
      return {
        header: { format: 1, kind: 'query', sql: target.sql, parameters: types.length },
        stage: queryStage(target.valuesOf, types),
      };
    }
    const { plan } = target;
    const columns = columnsOf(plan, await this.#dialect.table(session, plan.name), this.#where(ctx));
    const { name: table, key, mode } = plan;
    return {
      header: { format: 1, kind: 'table', table, columns: columns.map(({ name }) => name), key, mode },
      stage: tableStage(plan, columns),
    };
  }

  /** May this user write it, and would the server take the statements? */
  async #validateTarget(session: JdbcSession, ctx: SinkContext): Promise<void> {
    if (this.#target.kind === 'query') return;
    const { plan } = this.#target;
    const table = await this.#dialect.table(session, plan.name);
    const columns = columnsOf(plan, table, this.#where(ctx));
    if (table!.unsafe !== null && this.#exactlyOnce !== null)
      throw new ConfigError(
        `${this.#where(ctx)}: the table ${plan.name} ${table!.unsafe}, so its rows cannot be exactly once. Change it, or use buildAtLeastOnce().`,
      );
    const statements = new TableStatements(this.#dialect, table!, columns, plan.mode, plan.key);
    const sample = [{ change: 'write', values: columns.map(() => null) }] as const;
    await this.#dialect.check(session, statements.of('write', sample));
    if (plan.deleteWhen !== null) await this.#dialect.check(session, statements.of('delete', sample));
  }

  async #provideTables(session: JdbcSession, ctx: SinkContext): Promise<void> {
    const where = this.#where(ctx);
    if (this.#exactlyOnce !== null) {
      const ledger = ledgerTable(this.#dialect, this.#exactlyOnce.ledgerTable);
      await provide(this.#dialect, session, ledger, ['job', 'sink', 'slot', 'run', 'epoch', 'published_at'], where);
    }
    if (this.#execution.onConstraintViolation === 'dead-letter') {
      const rejects = rejectsTable(this.#dialect, this.#execution.rejectsTable);
      const columns = ['job', 'sink', 'run', 'epoch', 'slot', 'position', 'record', 'error'];
      await provide(this.#dialect, session, rejects, columns, where);
    }
  }

  async #collectNotices(session: JdbcSession, ctx: SinkContext): Promise<void> {
    this.#notices.length = 0;
    if (this.#exactlyOnce === null)
      this.#notices.push("it is at least once: after a crash an epoch's rows may be written again");
    else this.#notices.push(...(await this.#dialect.hazards(session)));
    if (this.#execution.onConstraintViolation === 'fail') return;
    const { rejectsTable: name } = this.#execution;
    const [one, two] = [this.#dialect.placeholder(1), this.#dialect.placeholder(2)];
    const count = `SELECT COUNT(*) FROM ${this.#dialect.quoteName(name)} WHERE job = ${one} AND sink = ${two}`;
    const { rows } = await session.run(count, [ctx.job, ctx.sink]);
    this.#notices.push(
      `rows that the database refuses go to ${name}, which holds ${String(rows[0]?.[0])} of this sink`,
    );
  }

  async #withSession(ctx: SinkContext, work: (session: JdbcSession) => Promise<void>): Promise<void> {
    let session: JdbcSession | null = null;
    try {
      session = await this.#dialect.connect(this.#connection, true);
      await work(session);
    } catch (thrown) {
      if (thrown instanceof MillraceError || !(thrown instanceof SqlFailure)) throw thrown;
      const message = `${this.#where(ctx)}: ${explain(thrown)}`;
      if (thrown.reaction === 'denied' || thrown.reaction === 'rejected')
        throw new ConfigError(
          `${message}. Mend the statement, or give user "${this.#connection.user}" the right.`,
          {},
          thrown,
        );
      throw new RetryableError(`${message}. Is the database up, and its address right?`, {}, thrown);
    } finally {
      await session?.close();
    }
  }

  #where(ctx: SinkContext): string {
    return `Sink ${ctx.sink} (${this.description})`;
  }
}

interface BuilderState<T> {
  readonly target: Target<T> | null;
  readonly execution: JdbcExecutionOptions;
}

/** Immutable: each method answers another builder. */
export class JdbcSinkBuilder<T> {
  readonly #state: BuilderState<T>;
  constructor(state: BuilderState<T>) {
    this.#state = state;
  }
  /** Rows are inserted into, replace rows of, or delete rows from this table. */
  withTable<U extends T = T>(table: JdbcTable<U>): JdbcSinkBuilder<U> {
    return new JdbcSinkBuilder<U>({ ...this.#state, target: { kind: 'table', plan: planTable(table) } });
  }
  /** A statement with `?` for each value, run for every row in order; `??` is a question mark. */
  withQueryStatement<U extends T = T>(sql: string, valuesOf: (row: U) => readonly JdbcValue[]): JdbcSinkBuilder<U> {
    return new JdbcSinkBuilder<U>({ ...this.#state, target: { kind: 'query', sql, valuesOf } });
  }
  withExecutionOptions(execution: JdbcExecutionOptions): JdbcSinkBuilder<T> {
    return new JdbcSinkBuilder({ ...this.#state, execution });
  }
  buildAtLeastOnce(connection: JdbcConnectionOptions): JdbcSink<T> {
    return new JdbcSink(this.#target(), connection, this.#state.execution, null);
  }
  buildExactlyOnce(
    connection: JdbcConnectionOptions,
    exactlyOnce: JdbcExactlyOnceOptions = JdbcExactlyOnceOptions.defaults(),
  ): JdbcSink<T> {
    return new JdbcSink(this.#target(), connection, this.#state.execution, exactlyOnce);
  }
  #target(): Target<T> {
    const { target } = this.#state;
    if (target !== null) return target;
    throw new ConfigError(
      "JdbcSink has no target: call withTable({ name: 'totals', columns: ['id', 'total'], keyFields: ['id'] }) or withQueryStatement(sql, (row) => [row.id]).",
    );
  }
}
