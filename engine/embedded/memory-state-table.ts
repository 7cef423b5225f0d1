/** StateTable in memory: for tests and the simulator. Bytes are copied in and out: nobody shares a buffer with it. */
import type {
  DueKeys,
  KeyAddress,
  KeyRecord,
  KeyTimeDomain,
  RecordWrite,
  StateTable,
  TablePlace,
} from '../ports/state-table.ts';

interface Stored extends KeyAddress {
  readonly record: KeyRecord;
}
/** Records by the text of their keys. */
type Group = Map<string, Stored>;

const SCANNED_AT_ONCE = 500;

export class MemoryStateTable implements StateTable {
  /** By job, namespace, operator and key group. */
  readonly #jobs = new Map<string, Map<string, Map<string, Group>>>();
  /** Keys read since the start, and calls. */
  readonly counts = { reads: 0, keysRead: 0, written: 0, dueQueries: 0 };

  async read(place: TablePlace, keys: readonly KeyAddress[]): Promise<readonly (KeyRecord | null)[]> {
    this.counts.reads++;
    this.counts.keysRead += keys.length;
    return keys.map(({ keyGroup, key }) => copyOf(this.#find(place, keyGroup)?.get(textOf(key))?.record ?? null));
  }

  async write(place: TablePlace, writes: readonly RecordWrite[]): Promise<readonly ('written' | 'changed')[]> {
    return writes.map(({ keyGroup, key, record, was }) => {
      const group = this.#group(place, keyGroup);
      const text = textOf(key);
      const there = group.get(text)?.record ?? null;
      if (there?.epoch === record.epoch) return 'written';
      if (there?.epoch !== was?.epoch) return 'changed';
      this.counts.written++;
      group.set(text, { keyGroup, key: Uint8Array.from(key), record: copyOf(record)! });
      return 'written';
    });
  }

  async due(place: TablePlace, keyGroup: number, domain: KeyTimeDomain, from: number, until: number): Promise<DueKeys> {
    this.counts.dueQueries++;
    const keys: Uint8Array[] = [];
    let next = Infinity;
    for (const { key, record } of this.#find(place, keyGroup)?.values() ?? []) {
      const time = domain === 'event-time' ? record.eventTime : record.processingTime;
      if (record.bytes === null || time === Infinity || time < from) continue;
      if (time <= until) keys.push(key.slice());
      else next = Math.min(next, time);
    }
    return { keys, next };
  }

  async *scan(
    place: TablePlace,
    keyGroup: number,
  ): AsyncIterable<readonly (KeyAddress & { readonly record: KeyRecord })[]> {
    const live = [...(this.#find(place, keyGroup)?.values() ?? [])].filter(({ record }) => record.bytes !== null);
    for (let at = 0; at < live.length; at += SCANNED_AT_ONCE)
      yield live
        .slice(at, at + SCANNED_AT_ONCE)
        .map(({ key, record }) => ({ keyGroup, key: key.slice(), record: copyOf(record)! }));
  }

  async namespaces(job: string): Promise<readonly string[]> {
    return [...(this.#jobs.get(job)?.keys() ?? [])].sort();
  }

  async drop(job: string, namespace: string): Promise<void> {
    this.#jobs.get(job)?.delete(namespace);
  }

  #find({ job, namespace, operator }: TablePlace, keyGroup: number): Group | undefined {
    return this.#jobs.get(job)?.get(namespace)?.get(`${keyGroup} ${operator}`);
  }

  #group({ job, namespace, operator }: TablePlace, keyGroup: number): Group {
    const spaces = ofMap(this.#jobs, job, () => new Map<string, Map<string, Group>>());
    const groups = ofMap(spaces, namespace, () => new Map<string, Group>());
    return ofMap(groups, `${keyGroup} ${operator}`, () => new Map<string, Stored>());
  }
}

function ofMap<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

const textOf = (key: Uint8Array): string => Buffer.from(key).toString('latin1');

function copyOf(record: KeyRecord | null): KeyRecord | null {
  return record === null ? null : { ...record, bytes: record.bytes?.slice() ?? null };
}
