/**
 * Reads one partition. A row's position is its record's offset; offsets have gaps (compaction, transaction markers, aborted records), and a
 * batch that used its records up ends where the next fetch begins.
 *
 * Invariants: 1. rows are handed out in the order of offsets, none at or beyond `to` or the split's stop; 2. 'end' is answered only at such a
 * limit, exactly, so that a repetition of a range ends where the range does; 3. while `to` is given, 'empty' is never answered: those records
 * were there; 4. one answer at most is fetched ahead of the one in use.
 */
import { ConfigError, messageOf, MillraceError, RetryableError } from '../../../model/errors.ts';
import type { SourceBatch } from '../../../model/source-batch.ts';
import { ValuesBatch } from '../../../formats/values-batch.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { FillResult, SplitReader } from '../../../ports/source.ts';
import type { FetchAnswer, FetchRequest, Isolation } from '../client/kafka-client.ts';
import { RecordDecoder } from '../client/record-batch-decoder.ts';
import type { RecordColumns } from '../client/record-set.ts';
import type { FetchQueue, FetchTarget } from './fetch-queue.ts';
import { behindPosition, recreated, truncated, type Place } from './lost-partition.ts';
import type { OffsetResetStrategy } from './offsets-initializer.ts';
import type { RowMaker } from './row-maker.ts';

export interface SplitReading {
  readonly operator: string;
  readonly split: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** Null: it does not end. */
  readonly stop: number | null;
  readonly topicId: string | null;
  readonly rows: RowMaker;
  readonly queue: FetchQueue;
  readonly clock: Clock;
  readonly isolation: Isolation;
  readonly reset: OffsetResetStrategy;
  /** The client tries again for so long. */
  readonly retryForMs: number;
  /** The topic's id as last seen; null: not known. */
  topicIdNow(): string | null;
  /** The topic may be gone: says whether the split ends with it, or throws; false: the topic is there. */
  gone(place: Place, latest: number | null): Promise<boolean>;
  notice(text: string, data: Readonly<Record<string, unknown>>): void;
  closed(): Promise<void>;
}

/** New records are waited for no longer than this, so that other splits are read meanwhile. */
const WAIT_MS = 100;
/** Records of a planned range that do not come: the attempt fails so long after the client would have said why. */
const GIVE_UP_MS = 15_000;
/** Answers without bytes, of a log that reaches further, after which it is asked what comes next. */
const EMPTY_ANSWERS = 3;

export class KafkaSplitReader implements SplitReader, FetchTarget {
  caughtUp = false;
  alone = false;
  readonly #reading: SplitReading;
  readonly #decoder: RecordDecoder;
  readonly #counts = new Map<string, number>();
  #position: number;
  #columns: RecordColumns | null = null;
  /** The next record of the columns. */
  #at = 0;
  #answer: FetchAnswer | null = null;
  #error: unknown = null;
  #wants = false;
  /** Where the log ends for this reader, as last seen. */
  #latest: number | null = null;
  #emptyAnswers = 0;
  #toldStarved = false;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(reading: SplitReading) {
    this.#reading = reading;
    this.#position = reading.position;
    this.#decoder = new RecordDecoder({ topic: reading.topic, partition: reading.partition });
    reading.queue.join(this);
  }

  fill(maxRows: number, to: number | null): FillResult | Promise<FillResult> {
    const { stop, queue } = this.#reading;
    const limit = Math.min(to ?? Infinity, stop ?? Infinity);
    if (this.#ended || this.#position >= (stop ?? Infinity)) queue.leave(this);
    if (this.#ended || this.#position >= limit) return 'end';
    if (this.#columns !== null) return this.#take(this.#columns, maxRows, limit);
    if (this.#answer === null && this.#error === null) {
      this.#want();
      if (to === null && this.caughtUp) return 'empty';
    }
    return this.#fillLater(maxRows, to, limit);
  }

  get asking(): boolean {
    return !this.caughtUp && !this.#ended;
  }

  get starved(): boolean {
    return this.#emptyAnswers > 0;
  }

  release(batch: SourceBatch): void {
    this.#reading.rows.release(batch);
  }

  endPosition(): number | null {
    return this.#reading.stop ?? this.#latest;
  }

  takeCounts(into: Map<string, number>): void {
    for (const [name, n] of this.#counts) into.set(name, (into.get(name) ?? 0) + n);
    this.#counts.clear();
  }

  async close(): Promise<void> {
    this.#reading.queue.leave(this);
    this.#wants = false;
    this.#columns = this.#answer = null;
    await this.#reading.closed();
  }

  get wanted(): FetchRequest | null {
    if (!this.#wants) return null;
    const { topic, partition, topicId } = this.#reading;
    return { topic, partition, from: this.#columns?.nextOffset ?? this.#position, topicId };
  }

  arrived(answer: FetchAnswer): void {
    this.#wants = false;
    this.#answer = answer;
    this.#wake?.();
  }

  failed(error: unknown): void {
    this.#wants = false;
    this.#error = error;
    this.#wake?.();
  }

  /** Rows of the records at hand; a batch without rows moves the position over what has none. */
  #take(columns: RecordColumns, maxRows: number, limit: number): FillResult | Promise<FillResult> {
    const end = firstAtOrAfter(columns, limit, this.#at);
    if (this.#at === end) {
      const to = end === columns.n ? Math.min(columns.nextOffset, limit) : limit;
      if (end === columns.n && columns.nextOffset <= limit) this.#columns = null;
      return this.#moveTo(to);
    }
    const made = this.#reading.rows.make(columns, this.#at, end, maxRows);
    if (made instanceof Promise) return made.then(() => this.#take(columns, maxRows, limit));
    const { batch, next, tombstones } = made;
    this.#at = next;
    this.#count('tombstones', tombstones);
    if (next < end) this.#position = columns.offsets[next - 1]! + 1;
    else this.#position = end === columns.n ? Math.min(columns.nextOffset, limit) : limit;
    if (next === columns.n && columns.nextOffset <= limit) this.#columns = null;
    batch.endPosition = this.#position;
    return batch;
  }

  #moveTo(position: number): SourceBatch {
    this.#position = position;
    return new ValuesBatch({
      values: [],
      positions: NOTHING,
      timestamps: NOTHING,
      endPosition: position,
      raw: () => '',
    });
  }

  async #fillLater(maxRows: number, to: number | null, limit: number): Promise<FillResult> {
    const { clock, retryForMs } = this.#reading;
    const untilMs = clock.monotonicMs() + (to === null ? WAIT_MS : retryForMs + GIVE_UP_MS);
    for (;;) {
      let late = false;
      while (this.#answer === null && this.#error === null) {
        if (late || (to === null && this.caughtUp)) return to === null ? 'empty' : this.#giveUp(to);
        this.#want();
        late = await this.#isLate(untilMs - clock.monotonicMs());
      }
      if (this.#error !== null) {
        const ended = await this.#failure(this.#error);
        if (ended) return 'end';
      }
      const answer = this.#answer;
      this.#answer = null;
      const jumped = answer === null ? null : await this.#load(answer, limit);
      if (jumped !== null) return jumped;
      if (this.#columns !== null) return this.#take(this.#columns, maxRows, limit);
    }
  }

  /** Decodes an answer and asks for the next one. A batch: there are no records where the answer belongs. */
  async #load(answer: FetchAnswer, limit: number): Promise<SourceBatch | null> {
    if (answer.kind === 'out-of-range') return this.#outOfRange(answer, limit);
    const { isolation } = this.#reading;
    this.#latest = isolation === 'read_committed' ? answer.lastStableOffset : answer.highWatermark;
    const columns = await this.#decoder.decode(answer.records, this.#position);
    if (columns.nextOffset === this.#position) {
      this.caughtUp = true;
      if (this.#latest <= this.#position || answer.records.bytes.length > 0) return null;
      return this.#emptyRange(limit);
    }
    this.#emptyAnswers = 0;
    this.caughtUp = columns.nextOffset >= this.#latest;
    this.#columns = columns;
    this.#at = 0;
    if (columns.nextOffset < limit) this.#want();
    return null;
  }

  /**
   * The log reaches further, yet nothing came. Either the answer was cut short for others; or compaction has taken all before a transaction that is
   * open; or the broker could not read in time (tiered storage). Nothing is passed over unless the next batch proves that there is nothing.
   */
  async #emptyRange(limit: number): Promise<SourceBatch | null> {
    this.alone = true;
    this.caughtUp = false;
    if (++this.#emptyAnswers < EMPTY_ANSWERS) return null;
    this.#emptyAnswers = 1;
    const { queue, topic, partition, topicId, split, operator } = this.#reading;
    const from = this.#position;
    let next: number | null;
    try {
      next = await queue.firstOffset({ topic, partition, topicId, from });
    } catch (thrown) {
      this.#error = thrown;
      return null;
    }
    const to = Math.min(next ?? from, this.#latest!, limit);
    if (to > from) return this.#moveTo(to);
    if (next === null && !this.#toldStarved) {
      this.#reading.notice(
        `source ${operator}: split ${split} reaches to offset ${this.#latest}, but the broker sends nothing from ${from} on; it is asked again (does its tiered storage answer? setProperty("fetch.max.wait.ms", …) gives it longer)`,
        { split, position: from },
      );
      this.#toldStarved = true;
    }
    return null;
  }

  #outOfRange(retained: Extract<FetchAnswer, { kind: 'out-of-range' }>, limit: number): SourceBatch | null {
    const { reset, topic, split, operator } = this.#reading;
    const position = this.#position;
    if (position > retained.latest) throw behindPosition(this.#place(), retained);
    if (position >= retained.earliest) return null; // it was out of range a moment ago
    if (reset === 'none') throw truncated(this.#place(), retained);
    const target = Math.min(limit, reset === 'earliest' ? retained.earliest : retained.latest);
    this.#count('offsetResets', 1);
    this.#count('offsetsSkipped', target - position);
    this.caughtUp = false;
    this.#reading.notice(
      `source ${operator}: offsets ${position} to ${target - 1} of topic "${topic}" were deleted before they were read; reading goes on behind them`,
      { split, from: position, to: target, reset },
    );
    return this.#moveTo(target);
  }

  /** True: the split ends here. */
  async #failure(error: unknown): Promise<boolean> {
    this.#error = null;
    if (error instanceof ConfigError && (await this.#reading.gone(this.#place(), this.#latest))) {
      this.#ended = true;
      return true;
    }
    this.#checkTopic();
    const where = `Source ${this.#reading.operator}, split ${this.#reading.split}, offset ${this.#position}`;
    if (error instanceof ConfigError) throw new ConfigError(`${where}: ${error.message}`, error.at, error);
    throw error instanceof MillraceError ? error : new RetryableError(`${where}: ${messageOf(error)}`, {}, error);
  }

  #giveUp(to: number): never {
    const { operator, split, retryForMs, isolation } = this.#reading;
    const seen = this.#latest === null ? 'is not known yet' : `was last seen at ${this.#latest}`;
    throw new RetryableError(
      `Source ${operator}: split ${split} has to be read again from offset ${this.#position} up to ${to}, as it was before, but nothing came for ${retryForMs + GIVE_UP_MS} ms. Its end${isolation === 'read_committed' ? ' (the last stable offset: an open transaction holds it back)' : ''} ${seen}.`,
      { split, position: this.#position },
    );
  }

  #want(): void {
    this.#checkTopic();
    this.#wants = true;
    this.#reading.queue.pump();
  }

  #checkTopic(): void {
    const { topicId } = this.#reading;
    const now = this.#reading.topicIdNow();
    if (topicId !== null && now !== null && now !== topicId) throw recreated(this.#place());
  }

  /** Until something has arrived, or the time is over. */
  async #isLate(ms: number): Promise<boolean> {
    if (ms <= 0) return true;
    const late = await new Promise<boolean>((resolve) => {
      const cancel = this.#reading.clock.after(ms, () => resolve(true));
      this.#wake = () => {
        cancel();
        resolve(false);
      };
    });
    this.#wake = null;
    return late;
  }

  #place(): Place {
    const { operator, split, topic } = this.#reading;
    return { operator, split, topic, position: this.#position };
  }

  #count(name: string, n: number): void {
    if (n > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + n);
  }
}

const NOTHING = new Float64Array(0);

/** Index of the first record at or after `offset`, from `at` on. */
function firstAtOrAfter({ offsets, n }: RecordColumns, offset: number, at: number): number {
  if (n === at || offsets[n - 1]! < offset) return n;
  let low = at;
  let high = n;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
