/**
 * The marker of each slot: one row (job, sink, slot) with the run and the epoch that the target holds, changed in the transaction that
 * writes the rows. Locking it comes first:
 *
 * L1 Whoever holds the row's lock is the only one to publish or stamp the slot; who waits for it reads what the other committed. So a
 *    COMMIT without an answer is settled by locking the row again: the server has decided it by then.
 * L2 (run, epoch) only grows, run ids compared as strings: what is at or below it is there.
 * L3 A row of a newer run fences; of an older run, or none, cannot be where this run has stamped its own: stop and ask.
 */
import { ConfigError, FencedError } from '../../../model/errors.ts';
import type { Dialect } from '../dialect.ts';
import { explain, SqlFailure, type JdbcSession } from '../session.ts';

export interface Place {
  readonly run: string;
  readonly epoch: number;
}

export class Ledger {
  readonly table: string;
  readonly #dialect: Dialect;
  readonly #job: string;
  readonly #sink: string;
  readonly #sqlName: string;

  constructor(dialect: Dialect, table: string, job: string, sink: string) {
    this.table = table;
    this.#dialect = dialect;
    this.#job = job;
    this.#sink = sink;
    this.#sqlName = dialect.quoteName(table);
  }

  /** Is the publication of `place` there? Locks the slot. */
  async isPublished(session: JdbcSession, slot: number, place: Place): Promise<boolean> {
    const marker = await this.#lock(session, slot);
    if (marker === null || marker.run < place.run) throw this.#question(slot, place, marker);
    if (marker.run > place.run) throw this.#fenced(slot, place, marker);
    return marker.epoch >= place.epoch;
  }

  async advance(session: JdbcSession, slot: number, { run, epoch }: Place): Promise<void> {
    const at = (n: number): string => this.#dialect.placeholder(n);
    await session.run(
      `UPDATE ${this.#sqlName} SET run = ${at(1)}, epoch = ${at(2)}, published_at = CURRENT_TIMESTAMP WHERE job = ${at(3)} AND sink = ${at(4)} AND slot = ${at(5)}`,
      [run, String(epoch), ...this.#key(slot)],
    );
  }

  /** A new run begins after `place.epoch`. Never replaces what is newer. */
  async stamp(session: JdbcSession, slot: number, place: Place): Promise<void> {
    const columns = ['job', 'sink', 'slot', 'run', 'epoch'];
    // First, so that there is a row to lock: a lock on a gap would not keep another stamp out.
    await session.run(this.#dialect.insertIfAbsent(this.#sqlName, columns), [
      ...this.#key(slot),
      place.run,
      String(place.epoch),
    ]);
    const marker = await this.#lock(session, slot);
    if (marker === null) throw this.#question(slot, place, marker);
    if (marker.run > place.run) throw this.#fenced(slot, place, marker);
    if (marker.run < place.run) await this.advance(session, slot, place);
  }

  async #lock(session: JdbcSession, slot: number): Promise<Place | null> {
    const at = (n: number): string => this.#dialect.placeholder(n);
    const sql = `SELECT run, epoch FROM ${this.#sqlName} WHERE job = ${at(1)} AND sink = ${at(2)} AND slot = ${at(3)} FOR UPDATE`;
    try {
      const [row] = (await session.run(sql, this.#key(slot))).rows;
      return row === undefined ? null : { run: String(row[0]), epoch: Number(row[1]) };
    } catch (thrown) {
      if (!(thrown instanceof SqlFailure) || thrown.reaction !== 'denied') throw thrown;
      throw new ConfigError(
        `${this.#where(slot)}: the ledger ${this.table} cannot be read any more: ${explain(thrown)}. It says which epochs are in the database; without it none is published. Bring it back with its rows, or give SELECT and UPDATE on it.`,
        { table: this.table },
      );
    }
  }

  #key(slot: number): [string, string, string] {
    return [this.#job, this.#sink, String(slot)];
  }

  /** L3. The answer is a row that the user writes. */
  #question(slot: number, { run, epoch }: Place, marker: Place | null): ConfigError {
    const found =
      marker === null ? 'has no row of it any more' : `has it at the older run ${marker.run}, epoch ${marker.epoch}`;
    const [job, sink] = [this.#job, this.#sink].map((text) => `'${text.replaceAll("'", "''")}'`);
    const answer = (at: number): string =>
      marker === null
        ? `INSERT INTO ${this.table} (job, sink, slot, run, epoch) VALUES (${job}, ${sink}, ${slot}, '${run}', ${at});`
        : `UPDATE ${this.table} SET run = '${run}', epoch = ${at} WHERE job = ${job} AND sink = ${sink} AND slot = ${slot};`;
    return new ConfigError(
      `${this.#where(slot)}: run ${run} wrote a marker into the ledger before its first epoch, but the ledger ${this.table} ${found}: somebody changed it, or brought back an older database. Whether epoch ${epoch} is in the database cannot be told, and publishing it might double it. Look there whether its rows are in, then say so and start the job again. They are: ${answer(epoch)} They are not: ${answer(epoch - 1)}`,
      { run, epoch, slot, marker },
    );
  }

  #fenced(slot: number, { run, epoch }: Place, newer: Place): FencedError {
    return new FencedError(
      `${this.#where(slot)}: the ledger ${this.table} belongs to the newer run ${newer.run}; run ${run} has been replaced and stops at epoch ${epoch}. If another job writes under the same name into this database, give one of them another name or another ledger.`,
      { run, epoch, slot, newer: newer.run },
    );
  }

  #where(slot: number): string {
    return `job "${this.#job}", sink "${this.#sink}", slot ${slot}`;
  }
}
