/**
 * StateTable on DynamoDB: an item per key, and one per time at which a key is due (layout: state-table-keys.ts). Reads are strongly consistent.
 *
 * Attributes of a record: e epoch, t and q its event and processing time (sortable), b bytes, or c the number of its pieces and n their writer's word, k the key where its
 * form does not tell it, x when DynamoDB may forget it (seconds; tombstones only: set it as the table's time-to-live attribute).
 * A write is several items, in this order, so that a key that is due is never without its timer, whoever dies when: new timers; pieces; the
 * record, if it still is the one that the writer has seen; then what is old of both goes. A timer of an epoch is only overwritten and deleted by
 * writers of later ones: a straggler leaves at most a timer too many.
 */
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { CorruptionError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import type {
  DueKeys,
  KeyAddress,
  KeyRecord,
  KeyTimeDomain,
  RecordWrite,
  StateTable,
  TablePlace,
} from '../ports/state-table.ts';
import {
  contentsKey,
  contentsOf,
  keyForm,
  keyOfForm,
  pieceOfRecord,
  recordsOf,
  sortableTime,
  timeOfSort,
  timerForm,
  timerRanges,
  timersOf,
  timerSort,
  timerTime,
} from './state-table-keys.ts';
import { bytesOf, keyed, newNonce, TableItems, type Item } from './table-items.ts';
import { chunks, inParallel } from './in-parallel.ts';
import type { TableKey } from './table-keys.ts';

/** DynamoDB's limit is 400 KB (409,600 bytes), names, numbers and the key included. */
const PIECE_BYTES = 380_000;
/** BatchGetItem takes 100 keys. */
const BATCH_READS = 100;
/** It answers at most 16 MB. */
const PIECES_AT_ONCE = 40;
/** Requests under way at a time; the SDK's agent has 50 sockets. */
const CALLS_AT_ONCE = 16;
const WRITES_AT_ONCE = 32;
const TOMBSTONE_MS = 24 * 3600 * 1000;
/** A record whose pieces go while it is read has been written anew; more often than that it is damaged. */
const READ_ROUNDS = 5;

const DOMAINS: readonly KeyTimeDomain[] = ['event-time', 'processing-time'];

interface Found {
  readonly item: Item;
  readonly form: string;
}

export class DynamoDbStateTable implements StateTable {
  readonly #items: TableItems;
  readonly #clock: Pick<Clock, 'sleep' | 'nowMs'>;
  /** Key groups that this process has put down in the table's contents, by place. */
  readonly #noted = new Map<string, Set<number>>();

  /** The client has `maxAttempts: 1`: see aws-call.ts. */
  constructor(client: DynamoDBClient, table: string, clock: Pick<Clock, 'sleep' | 'nowMs'>) {
    this.#items = new TableItems(client, table, clock);
    this.#clock = clock;
  }

  async read(place: TablePlace, keys: readonly KeyAddress[]): Promise<readonly (KeyRecord | null)[]> {
    const forms = keys.map(({ key }) => keyForm(key));
    const wanted = new Map<string, TableKey>(
      keys.map(({ keyGroup }, i) => [forms[i]!, { p: recordsOf(place, keyGroup), s: forms[i]! }]),
    );
    const records = new Map<string, KeyRecord>();
    await inParallel(chunks([...wanted.values()], BATCH_READS), CALLS_AT_ONCE, async (some) => {
      const items = await this.#items.getAll(some, BATCH_READS);
      for (const [form, record] of await this.#recordsOf([...items.values()])) records.set(form, record);
    });
    return forms.map((form) => records.get(form) ?? null);
  }

  /** Records of items, with their pieces. */
  async #recordsOf(items: readonly Item[]): Promise<ReadonlyMap<string, KeyRecord>> {
    const records = new Map<string, KeyRecord>();
    let left: Found[] = items.map((item) => ({ item, form: item['s']!.S! }));
    for (let round = 1; left.length > 0; round++) {
      const pieces = await this.#items.getAll(left.flatMap(piecesOf), PIECES_AT_ONCE);
      const torn: Found[] = [];
      for (const found of left) {
        const parts = piecesOf(found).map(({ s }) => pieces.get(s));
        if (parts.includes(undefined)) torn.push(found);
        else records.set(found.form, recordOf(found, parts as Item[]));
      }
      if (torn.length === 0) break;
      if (round >= READ_ROUNDS)
        throw new CorruptionError(`pieces of the state of ${torn[0]!.form} are gone from ${torn[0]!.item['p']!.S!}.`);
      // It was written anew meanwhile.
      const again = await this.#items.getAll(
        torn.map(({ item, form }) => ({ p: item['p']!.S!, s: form })),
        BATCH_READS,
      );
      left = [...again].map(([form, item]) => ({ item, form }));
    }
    return records;
  }

  async write(place: TablePlace, writes: readonly RecordWrite[]): Promise<readonly ('written' | 'changed')[]> {
    await this.#noteContents(place, writes);
    const outcomes: ('written' | 'changed')[] = [];
    await inParallel([...writes.entries()], WRITES_AT_ONCE, async ([i, write]) => {
      outcomes[i] = await this.#writeOne(place, write);
    });
    return outcomes;
  }

  async #writeOne(place: TablePlace, { key, keyGroup, record, was }: RecordWrite): Promise<'written' | 'changed'> {
    const form = keyForm(key);
    const p = recordsOf(place, keyGroup);
    const hashed: Item = keyOfForm(form) === null ? { k: { B: key } } : {};
    const timers = timersOf(place, keyGroup);
    const moved = DOMAINS.filter(
      (domain) => timeOf(record, domain) !== (was === null ? Infinity : timeOf(was, domain)),
    );
    for (const domain of moved) {
      const time = timeOf(record, domain);
      if (time !== Infinity)
        await this.#putTimer({ p: timers, s: timerSort(domain, time, form) }, hashed, record.epoch);
    }
    const pieces = await this.#putPieces(p, form, record.bytes);
    const content: Item =
      record.bytes === null
        ? { x: { N: `${Math.ceil((this.#clock.nowMs() + TOMBSTONE_MS) / 1000)}` } }
        : pieces !== null
          ? { c: { N: `${pieces.count}` }, n: { S: pieces.nonce } }
          : { b: { B: record.bytes } };
    const attributes = {
      e: { N: `${record.epoch}` },
      t: { S: sortableTime(record.eventTime) },
      q: { S: sortableTime(record.processingTime) },
      ...hashed,
      ...content,
    };
    const { isThere, isOurs, old } = await this.#putRecord({ p, s: form }, attributes, was);
    if (!isOurs) await this.#dropPieces(p, form, pieces);
    if (!isThere) return 'changed';
    for (const domain of was === null ? [] : moved) {
      const time = timeOf(was!, domain);
      if (time !== Infinity) await this.#dropTimer({ p: timers, s: timerSort(domain, time, form) }, record.epoch);
    }
    await this.#dropPieces(p, form, old === null ? null : piecesIn(old));
    return 'written';
  }

  /** `old`: what it has replaced, if that was in pieces and is known. */
  async #putRecord(
    key: TableKey,
    attributes: Item,
    was: KeyRecord | null,
  ): Promise<{ readonly isThere: boolean; readonly isOurs: boolean; readonly old: Item | null }> {
    const asksForOld = was?.bytes !== undefined && was.bytes !== null && was.bytes.length > PIECE_BYTES;
    return await this.#items.call('PutItem (state)', async () => {
      try {
        const { Attributes } = await this.#items.client.send(
          new PutItemCommand({
            TableName: this.#items.table,
            Item: { ...keyed(key), ...attributes },
            ...(was === null
              ? { ConditionExpression: 'attribute_not_exists(p)' }
              : { ConditionExpression: 'e = :was', ExpressionAttributeValues: { ':was': { N: `${was.epoch}` } } }),
            ...(asksForOld ? { ReturnValues: 'ALL_OLD' as const } : {}),
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return { isThere: true, isOurs: true, old: Attributes ?? null };
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        const there = error.Item ?? {};
        const isThere = there['e']?.N === attributes['e']?.N;
        return { isThere, isOurs: isThere && there['n']?.S === attributes['n']?.S, old: null };
      }
    });
  }

  async #putTimer(key: TableKey, hashed: Item, epoch: number): Promise<void> {
    await this.#conditionally('PutItem (timer)', async () => {
      await this.#items.client.send(
        new PutItemCommand({
          TableName: this.#items.table,
          Item: { ...keyed(key), e: { N: `${epoch}` }, ...hashed },
          ConditionExpression: 'attribute_not_exists(p) OR e <= :epoch',
          ExpressionAttributeValues: { ':epoch': { N: `${epoch}` } },
        }),
      );
    });
  }

  async #dropTimer(key: TableKey, epoch: number): Promise<void> {
    await this.#conditionally('DeleteItem (timer)', async () => {
      await this.#items.client.send(
        new DeleteItemCommand({
          TableName: this.#items.table,
          Key: keyed(key),
          ConditionExpression: 'e < :epoch',
          ExpressionAttributeValues: { ':epoch': { N: `${epoch}` } },
        }),
      );
    });
  }

  /** A condition that does not hold says that somebody else has done it, or more. */
  async #conditionally(what: string, write: () => Promise<void>): Promise<void> {
    await this.#items.call(what, async () => {
      try {
        await write();
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
      }
    });
  }

  /** Null: they are none. */
  async #putPieces(p: string, form: string, bytes: Uint8Array | null): Promise<Pieces | null> {
    if (bytes === null || bytes.length <= PIECE_BYTES) return null;
    const pieces = { nonce: newNonce(), count: Math.ceil(bytes.length / PIECE_BYTES) };
    await this.#items.write(
      sortsOf(form, pieces).map((s, i) => ({
        PutRequest: {
          Item: { ...keyed({ p, s }), b: { B: bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES) } },
        },
      })),
    );
    return pieces;
  }

  async #dropPieces(p: string, form: string, pieces: Pieces | null): Promise<void> {
    if (pieces === null) return;
    await this.#items.write(sortsOf(form, pieces).map((s) => ({ DeleteRequest: { Key: keyed({ p, s }) } })));
  }

  async due(place: TablePlace, keyGroup: number, domain: KeyTimeDomain, from: number, until: number): Promise<DueKeys> {
    const p = timersOf(place, keyGroup);
    const { within, after } = timerRanges(domain, from, until);
    const [due, later] = await Promise.all([this.#between(p, within), this.#between(p, after, 1)]);
    const keys = due.map((item) => item['k']?.B ?? keyOfForm(timerForm(item['s']!.S!))!);
    return { keys, next: later[0] === undefined ? Infinity : timerTime(later[0]['s']!.S!) };
  }

  /** Items with sort keys in the range; `most`: of these the first. */
  async #between(p: string, range: readonly [string, string], most: number | null = null): Promise<Item[]> {
    const items: Item[] = [];
    for await (const page of this.#pages(p, range, 's, k', most)) {
      items.push(...page);
      if (most !== null) break;
    }
    return items;
  }

  async *#pages(
    p: string,
    [from, to]: readonly [string, string],
    attributes: string | null,
    limit: number | null,
  ): AsyncIterable<Item[]> {
    let start: Item | undefined;
    do {
      const before: Item | undefined = start;
      const page = await this.#items.call('Query (state)', () =>
        this.#items.client.send(
          new QueryCommand({
            TableName: this.#items.table,
            KeyConditionExpression: 'p = :p AND s BETWEEN :from AND :to',
            ExpressionAttributeValues: { ':p': { S: p }, ':from': { S: from }, ':to': { S: to } },
            ConsistentRead: true,
            ...(attributes === null ? {} : { ProjectionExpression: attributes }),
            ...(limit === null ? {} : { Limit: limit }),
            ...(before === undefined ? {} : { ExclusiveStartKey: before }),
          }),
        ),
      );
      yield page.Items ?? [];
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
  }

  async *scan(
    place: TablePlace,
    keyGroup: number,
  ): AsyncIterable<readonly (KeyAddress & { readonly record: KeyRecord })[]> {
    for await (const page of this.#pages(recordsOf(place, keyGroup), ALL_FORMS, null, null)) {
      const live = page.filter((item) => item['e'] !== undefined && item['x'] === undefined);
      const records = await this.#recordsOf(live);
      yield live.flatMap((item) => {
        const form = item['s']!.S!;
        const record = records.get(form);
        const key = item['k']?.B ?? keyOfForm(form)!;
        return record === undefined || record.bytes === null ? [] : [{ keyGroup, key, record }];
      });
    }
  }

  async namespaces(job: string): Promise<readonly string[]> {
    return [...new Set([...(await this.#contents(job, '')).keys()].map((place) => place.split('#', 1)[0]!))];
  }

  async drop(job: string, namespace: string): Promise<void> {
    for (const [s, groups] of await this.#contents(job, `${namespace}#`)) {
      const place = { job, namespace, operator: s.slice(namespace.length + 1) };
      const partitions = [...groups].flatMap((group) => [recordsOf(place, group), timersOf(place, group)]);
      await inParallel(partitions, CALLS_AT_ONCE, async (p) => {
        for (const sorts of chunks(await this.#items.list(p, ''), 1000))
          await this.#items.write(sorts.map((one) => ({ DeleteRequest: { Key: keyed({ p, s: one['s']!.S! }) } })));
      });
      await this.#items.delete(contentsKey(place));
    }
    this.#noted.clear();
  }

  /** Key groups by place. What this process has written counts, though somebody may have dropped the namespace meanwhile. */
  async #contents(job: string, prefix: string): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    const found = new Map<string, Set<number>>();
    for (const item of await this.#items.list(contentsOf(job), prefix, 's, g'))
      found.set(item['s']!.S!, new Set((item['g']?.NS ?? []).map(Number)));
    const all = `${contentsOf(job)} `;
    for (const [key, groups] of this.#noted)
      if (groups.size > 0 && key.startsWith(all + prefix)) {
        const place = key.slice(all.length);
        found.set(place, new Set([...(found.get(place) ?? []), ...groups]));
      }
    return found;
  }

  /** Before anything is in a group: whoever drops the namespace finds it. */
  async #noteContents(place: TablePlace, writes: readonly RecordWrite[]): Promise<void> {
    const key = contentsKey(place);
    let noted = this.#noted.get(`${key.p} ${key.s}`);
    if (noted === undefined) this.#noted.set(`${key.p} ${key.s}`, (noted = new Set()));
    const news = [...new Set(writes.map(({ keyGroup }) => keyGroup))].filter((group) => !noted.has(group));
    if (news.length === 0) return;
    await this.#items.call('UpdateItem (state)', () =>
      this.#items.client.send(
        new UpdateItemCommand({
          TableName: this.#items.table,
          Key: keyed(key),
          UpdateExpression: 'ADD g :groups',
          ExpressionAttributeValues: { ':groups': { NS: news.map(String) } },
        }),
      ),
    );
    for (const group of news) noted.add(group);
  }
}

/** Every form, and pieces. */
const ALL_FORMS = ['!', '~'] as const;

const timeOf = (record: KeyRecord, domain: KeyTimeDomain): number =>
  domain === 'event-time' ? record.eventTime : record.processingTime;

/** Pieces of a large record: named by their writer, so that nobody takes another's away. */
interface Pieces {
  readonly nonce: string;
  readonly count: number;
}

function piecesIn(item: Item): Pieces | null {
  const count = item['c']?.N;
  return count === undefined ? null : { nonce: item['n']!.S!, count: Number(count) };
}

const sortsOf = (form: string, { nonce, count }: Pieces): string[] =>
  Array.from({ length: count }, (_, i) => pieceOfRecord(form, nonce, i));

function piecesOf({ item, form }: Found): TableKey[] {
  const pieces = piecesIn(item);
  return pieces === null ? [] : sortsOf(form, pieces).map((s) => ({ p: item['p']!.S!, s }));
}

function recordOf({ item, form }: Found, pieces: readonly Item[]): KeyRecord {
  const whole = (): Uint8Array =>
    pieces.length === 0
      ? bytesOf(item, form)
      : new Uint8Array(Buffer.concat(pieces.map((piece) => bytesOf(piece, form))));
  return {
    epoch: Number(item['e']!.N),
    bytes: item['x'] === undefined ? whole() : null,
    eventTime: timeOfSort(item['t']!.S!),
    processingTime: timeOfSort(item['q']!.S!),
  };
}
