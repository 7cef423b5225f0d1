/** PostgreSQL and MariaDB for tests, each with a second client to look with. */
import { afterAll, beforeAll } from 'vitest';
import { ManualClock } from '../../engine/testing/manual-clock.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import type { Dialect } from '../../engine/connectors/jdbc/dialect.ts';
import { dialectOf } from '../../engine/connectors/jdbc/dialects.ts';
import {
  JdbcConnectionOptionsBuilder,
  type JdbcConnectionOptions,
} from '../../engine/connectors/jdbc/jdbc-connection-options.ts';
import type { JdbcSession } from '../../engine/connectors/jdbc/session.ts';
import type { Publication, Sink, SinkContext, SinkPublisher } from '../../engine/ports/sink.ts';
import { useServer, type RunningServer } from '../servers/index.ts';

export const DATABASES = ['postgres', 'mariadb'] as const;
export type DatabaseName = (typeof DATABASES)[number];

export interface TestDatabase {
  readonly name: DatabaseName;
  readonly dialect: Dialect;
  readonly connection: JdbcConnectionOptions;
  readonly admin: JdbcSession;
  /** The rows' values as text. */
  rows(sql: string): Promise<string[][]>;
  close(): Promise<void>;
}

export function connectionTo({ settings }: RunningServer, url = settings['url']!): JdbcConnectionOptions {
  return new JdbcConnectionOptionsBuilder()
    .withUrl(url)
    .withUsername(settings['user']!)
    .withPassword(settings['password']!)
    .build();
}

export async function openDatabase(name: DatabaseName, server?: RunningServer): Promise<TestDatabase> {
  const connection = connectionTo(server ?? (await useServer(name)));
  const dialect = dialectOf(connection.url);
  const admin = await dialect.connect(connection, true);
  return {
    name,
    dialect,
    connection,
    admin,
    rows: async (sql) => (await admin.run(sql)).rows.map((row) => row.map(String)),
    close: async () => await admin.close(),
  };
}

interface Closes {
  close?(): Promise<void>;
}

/** Opened before the tests of the suite that asks for it, and closed after them, with what they have opened. */
export interface SuiteDatabase extends TestDatabase {
  closesToo<C extends Closes>(opened: C): C;
}

export function databaseOfSuite(name: DatabaseName): SuiteDatabase {
  let database: TestDatabase | null = null;
  const opened: Closes[] = [];
  beforeAll(async () => {
    database = await openDatabase(name);
  });
  afterAll(async () => {
    for (const one of opened) await one.close?.();
    await database?.close();
  });
  return {
    name,
    get dialect() {
      return database!.dialect;
    },
    get connection() {
      return database!.connection;
    },
    get admin() {
      return database!.admin;
    },
    rows: (sql) => database!.rows(sql),
    close: async () => await database!.close(),
    closesToo(one) {
      opened.push(one);
      return one;
    },
  };
}

export const RUN = 'r00000000000001-test';

/** One sink of a job, as the runtime drives it. */
export class SinkOnTrial<T> {
  readonly ctx: SinkContext;
  readonly sink: Sink<T>;
  #publisher: SinkPublisher | null = null;

  constructor(sink: Sink<T>, job: string, clock: SinkContext['clock'] = new SystemClock()) {
    this.sink = sink;
    this.ctx = { job, sink: 'out', clock, log: null, blobs: null };
  }

  async start(run = RUN, epoch = 0): Promise<this> {
    await this.sink.validate(this.ctx);
    await (await this.publisher()).stamp(run, epoch, 0);
    return this;
  }

  stage(rows: readonly T[]): Pick<Publication, 'chunks' | 'records'> {
    const writer = this.sink.writer(this.ctx);
    writer.write(rows, new Float64Array(rows.length), rows.length);
    return writer.take();
  }

  async publish(epoch: number, rows: readonly T[], run = RUN): Promise<'published' | 'already'> {
    return await (await this.publisher()).publish({ run, epoch, slot: 0, ...this.stage(rows) });
  }

  async publisher(): Promise<SinkPublisher> {
    this.#publisher ??= await this.sink.publisher(this.ctx);
    return this.#publisher;
  }

  async close(): Promise<void> {
    await this.#publisher?.close();
  }
}

/** Sleeps pass at once. */
export function instantClock(): ManualClock {
  const clock = new ManualClock();
  clock.sleep = async (ms: number) => await clock.advance(ms);
  return clock;
}
