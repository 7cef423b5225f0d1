/**
 * Log on one machine's disk.
 *
 *   <root>/topics/<name>,<partitions>,<id>/<partition>/<first offset>.log    records (log-partition.ts, topic-folders.ts)
 *   <root>/journal/<number>.wal                                              redo journal and markers (log-journal.ts)
 *   <root>/lock/                                                             exclusive-lock.ts
 *
 * 1. Any number of processes may have a log open, and each may append: one at a time, under the lock, for the length of one
 *    append. Reading takes no lock.
 * 2. An append is decided by one fsynced journal entry, which holds frames and marker; then the segments get the frames.
 *    Dead before the fsync: it never was (the cut tail is reported). Dead after: whoever takes the lock next finishes it.
 * 3. Who takes the lock reads what the journal got since, and redoes it before anything else; a process that knows nothing
 *    yet (a start, a power failure perhaps) redoes the whole journal, blindly.
 * 4. A journal that is long enough is replaced by a new one, after all segments it names were fsynced.
 * 5. A zombie cannot publish again: markers guard appends (log-ledger.ts).
 */
import { dirname, join } from 'node:path';
import {
  ConfigError,
  CorruptionError,
  FencedError,
  MillraceError,
  RetryableError,
  UnknownOutcomeError,
  messageOf,
} from '../model/errors.ts';
import type { AppendMarker, Log, LogRecord, NewLogRecord, TopicInfo } from '../ports/log.ts';
import { diskError } from './durable-files.ts';
import { ExclusiveLock } from './exclusive-lock.ts';
import { encodeFrames, type EncodedFrames } from './log-frame.ts';
import { LogJournal, MAX_ENTRY_BYTES, type JournalEntry, type JournalPart, type PartitionEnd } from './log-journal.ts';
import { LogLedger } from './log-ledger.ts';
import { PartitionViews } from './partition-views.ts';
import { TopicFolders, checkTopic } from './topic-folders.ts';

export interface DiskLogOptions {
  /** A new segment begins when the last has this many bytes. */
  readonly segmentBytes?: number;
  /** A new journal begins when it has this many bytes. */
  readonly journalBytes?: number;
}

/** What had to be repaired since this log was opened. All zero: everyone before stopped cleanly. */
export interface LogRecovery {
  /** Holders of the lock that died with it. */
  deadWriters: number;
  /** Bytes of an append that was never decided. */
  cutBytes: number;
  /** Appends that were decided and not wholly in their segments. */
  finishedAppends: number;
}

type Batch = { readonly topic: string; readonly partition: number; readonly records: readonly NewLogRecord[] };

const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const DEFAULT_JOURNAL_BYTES = 16 * 1024 * 1024;

/** Opens the log in this folder, creates it if there is none, and repairs what a crash left (invariant 3). */
export async function openDiskLog(root: string, options: DiskLogOptions = {}): Promise<DiskLog> {
  const log = new DiskLog(root, options);
  await log.recover();
  return log;
}

export class DiskLog implements Log {
  readonly root: string;
  readonly recovered: LogRecovery = { deadWriters: 0, cutBytes: 0, finishedAppends: 0 };
  readonly #segmentBytes: number;
  readonly #journalBytes: number;
  readonly #journals: string;
  readonly #tmp: string;
  readonly #topics: TopicFolders;
  readonly #lock: ExclusiveLock;
  readonly #views: PartitionViews;
  /** As of `#journal.end`. */
  readonly #ledger: LogLedger;
  #journal: LogJournal | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(root: string, options: DiskLogOptions = {}) {
    this.root = root;
    this.#segmentBytes = options.segmentBytes ?? DEFAULT_SEGMENT_BYTES;
    this.#journalBytes = options.journalBytes ?? DEFAULT_JOURNAL_BYTES;
    this.#journals = join(root, 'journal');
    this.#tmp = join(root, 'tmp');
    this.#topics = new TopicFolders(join(root, 'topics'));
    this.#views = new PartitionViews(this.#topics);
    this.#ledger = new LogLedger(this.#topics.root);
    this.#lock = new ExclusiveLock(join(root, 'lock'));
  }

  async recover(): Promise<void> {
    await this.#locked(() => this.#topics.sweep());
  }

  async topics(): Promise<readonly TopicInfo[]> {
    return this.#topics.list().map(({ name, partitions }) => ({ name, partitions }));
  }

  async createTopic(name: string, partitions: number): Promise<'created' | 'exists'> {
    checkTopic(name, partitions);
    return this.#locked((journal) => {
      if (this.#topics.find(name) !== undefined) return 'exists';
      this.#announce(journal);
      this.#topics.create(name, partitions);
      return 'created';
    });
  }

  async deleteTopic(name: string): Promise<void> {
    await this.#locked((journal) => {
      const topic = this.#topics.find(name);
      if (topic === undefined) return;
      this.#announce(journal);
      this.#ledger.dropTopic(topic.folder);
      this.#topics.delete(topic);
    });
  }

  async offsets(topic: string, partition: number): Promise<{ readonly earliest: number; readonly latest: number }> {
    return this.#views.read(topic, partition, (view, key) => {
      const latest = this.#checkedEnd(key).next;
      return { earliest: view.earliest, latest };
    });
  }

  async offsetForTime(topic: string, partition: number, timestampMs: number): Promise<number> {
    return this.#views.read(topic, partition, (view) => view.offsetForTime(timestampMs));
  }

  async fetch(
    topic: string,
    partition: number,
    from: number,
    to: number,
    maxBytes: number,
  ): Promise<readonly LogRecord[]> {
    return this.#views.read(topic, partition, (view, key) => {
      const records = view.fetch(from, to, maxBytes);
      if (records !== null) return records;
      this.#checkedEnd(key);
      const range = `[${view.earliest}, ${view.end.next})`;
      throw new RetryableError(
        `offset ${from} of topic "${topic}" partition ${partition} is outside of what is retained: ${range}.`,
        {
          topic,
          partition,
          from,
          earliest: view.earliest,
          latest: view.end.next,
        },
      );
    });
  }

  async append(batches: readonly Batch[], marker?: AppendMarker): Promise<void> {
    await this.#locked((journal) => {
      if (marker !== undefined) this.#ledger.refuseZombie(marker);
      const current = journal.end > this.#journalBytes ? this.#renewJournal(journal) : journal;
      const { parts, encoded } = this.#place(batches);
      if (parts.length === 0 && marker === undefined) return;
      current.append(
        { kind: 'append', marker: marker ?? null, parts },
        encoded.map((frames) => frames.bytes),
      );
      try {
        parts.forEach((part, i) => {
          this.#views
            .at(part.partition)
            .put(part.segment, part.position, encoded[i]!.bytes, encoded[i]!.frames, this.#tmp);
        });
      } catch (thrown) {
        throw new UnknownOutcomeError(
          `the append is in the journal of ${this.root} and will be finished later; now: ${messageOf(thrown)}`,
          {},
          thrown,
        );
      }
      this.#ledger.takeIn(marker ?? null, parts);
    });
  }

  async lastMarker(producer: string): Promise<AppendMarker | null> {
    return this.#locked(() => this.#ledger.markers.get(producer) ?? null);
  }

  async stamp(marker: AppendMarker): Promise<void> {
    await this.#locked((journal) => {
      const stored = this.#ledger.markers.get(marker.producer);
      if (stored !== undefined && stored.run === marker.run && stored.epoch >= marker.epoch) return;
      this.#ledger.refuseOldRun(marker);
      journal.append({ kind: 'append', marker, parts: [] }, []);
      this.#ledger.takeIn(marker, []);
    });
  }

  async retain(
    topic: string,
    limits: { readonly retainMs?: number; readonly retainBytes?: number },
    nowMs: number,
  ): Promise<void> {
    await this.#locked((journal) => {
      const { folder, partitions } = this.#views.topicOf(topic);
      let announced = false;
      for (let p = 0; p < partitions; p++) {
        const count = this.#views.at(`${folder}/${p}`).expired(limits, nowMs);
        if (count === 0) continue;
        if (!announced) this.#announce(journal);
        announced = true;
        const view = this.#views.at(`${folder}/${p}`);
        view.refresh();
        view.drop(count);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turn;
    this.#forget();
    this.#lock.close();
  }

  /** Runs `work` under the lock, in the order of the calls, with the journal read to its end. */
  #locked<T>(work: (journal: LogJournal) => T): Promise<T> {
    if (this.#closed) return Promise.reject(new ConfigError(`the log in ${this.root} was closed.`));
    const turn = this.#turn.then(() =>
      this.#lock.run((afterDeath) => {
        if (afterDeath) this.recovered.deadWriters++;
        try {
          return work(this.#catchUp());
        } catch (thrown) {
          // What memory holds may be wrong now: the next one reads everything again.
          if (!(thrown instanceof ConfigError || thrown instanceof FencedError)) this.#forget();
          throw thrown instanceof MillraceError ? thrown : diskError(thrown, 'change', this.root);
        }
      }),
    );
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Invariant 3. */
  #catchUp(): LogJournal {
    const number = LogJournal.current(this.#journals);
    const known = this.#journal;
    if (known !== null && known.number === number) {
      if (known.size !== known.end) this.#redo(known, false);
      return known;
    }
    this.#forget();
    this.#journal =
      number === 0
        ? LogJournal.begin(this.#journals, 1, { kind: 'snapshot', markers: [], ends: [] })
        : new LogJournal(this.#journals, number);
    this.#redo(this.#journal, true);
    return this.#journal;
  }

  #redo(journal: LogJournal, blindly: boolean): void {
    const { entries, cut } = journal.readNew();
    this.recovered.cutBytes += cut;
    if (blindly && entries[0]?.head.kind !== 'snapshot')
      throw new CorruptionError(
        `${journal.file} is damaged: it has no beginning. Restore the log's folder from a backup.`,
        { file: journal.file },
      );
    // An entry of a writer that died or failed may not be durable yet, and its records are about to be seen.
    journal.sync();
    const topics = new Set(this.#topics.list().map((topic) => topic.folder));
    for (const entry of entries) this.#redoEntry(entry, topics, blindly);
  }

  #redoEntry({ head, frames }: JournalEntry, topics: ReadonlySet<string>, blindly: boolean): void {
    switch (head.kind) {
      case 'snapshot':
        for (const marker of head.markers) this.#ledger.markers.set(marker.producer, marker);
        for (const [partition, end] of head.ends)
          if (topics.has(dirname(partition))) this.#ledger.ends.set(partition, end);
        return;
      case 'structure':
        this.#views.clear();
        return;
      case 'append': {
        let unfinished = false;
        let p = 0;
        for (const part of head.parts) {
          const bytes = frames.subarray(p, (p += part.bytes));
          if (!topics.has(dirname(part.partition))) continue;
          const view = this.#views.at(part.partition);
          if (!blindly && view.holds(part.segment, part.position + part.bytes)) continue;
          if (view.put(part.segment, part.position, bytes, null, this.#tmp)) unfinished = true;
        }
        if (unfinished) this.recovered.finishedAppends++;
        const present = head.parts.filter((part) => topics.has(dirname(part.partition)));
        this.#ledger.takeIn(head.marker, present);
      }
    }
  }

  /** Where each batch goes, and its bytes. Several batches may be for one partition. */
  #place(batches: readonly Batch[]): {
    readonly parts: readonly JournalPart[];
    readonly encoded: readonly EncodedFrames[];
  } {
    const ends = new Map<string, PartitionEnd>();
    const parts: JournalPart[] = [];
    const encoded: EncodedFrames[] = [];
    let total = 0;
    for (const { topic, partition, records } of batches) {
      const key = this.#views.keyOf(topic, partition);
      if (records.length === 0) continue;
      const end = ends.get(key) ?? this.#checkedEnd(key);
      const full = end.position >= this.#segmentBytes;
      const segment = full ? end.next : end.segment;
      const position = full ? 0 : end.position;
      const frames = encodeFrames(records, end.next);
      const next = end.next + records.length;
      total += frames.bytes.length;
      if (total > MAX_ENTRY_BYTES / 2)
        throw new ConfigError(`one append takes at most ${MAX_ENTRY_BYTES / 2} bytes. Commit smaller epochs.`, {
          topic,
          partition,
        });
      parts.push({ partition: key, segment, position, next, bytes: frames.bytes.length });
      encoded.push(frames);
      ends.set(key, { segment, position: position + frames.bytes.length, next });
    }
    return { parts, encoded };
  }

  /** The end on disk, which must not be before the end that the journal knows. */
  #checkedEnd(key: string): PartitionEnd {
    const view = this.#views.at(key);
    view.refresh();
    const end = view.end;
    const known = this.#ledger.ends.get(key);
    if (known !== undefined && end.next < known.next)
      throw new CorruptionError(
        `${view.folder} is damaged: its records end at offset ${end.next} and went to ${known.next} once. Restore the folder from a backup.`,
        { folder: view.folder },
      );
    return end;
  }

  #announce(journal: LogJournal): void {
    journal.append({ kind: 'structure' }, []);
    this.#views.clear();
  }

  /** Invariant 4. */
  #renewJournal(journal: LogJournal): LogJournal {
    this.#ledger.syncSegments();
    const next = LogJournal.begin(this.#journals, journal.number + 1, this.#ledger.snapshot());
    next.skip();
    journal.close();
    this.#journal = next;
    return next;
  }

  #forget(): void {
    this.#journal?.close();
    this.#journal = null;
    this.#views.clear();
    this.#ledger.clear();
  }
}
