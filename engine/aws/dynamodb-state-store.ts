/**
 * StateStore on one DynamoDB table (layout: table-keys.ts). Every write is conditional and carries a nonce: after an answer that was lost, the
 * next attempt's refusal shows whose write it met. All reads are strongly consistent.
 *
 * An item holds at most 400 KB: larger records are pieces, written before the item that makes them one (E2). Pieces without their item are
 * listed like the item, so that sweeps find them, and are not read.
 */
import { randomBytes } from 'node:crypto';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type BatchGetItemCommandOutput,
  type BatchWriteItemCommandOutput,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { checkJob, checkKey } from '../model/item-names.ts';
import { CorruptionError, invariant, RetryableError, UnknownOutcomeError } from '../model/errors.ts';
import { MAX_HEAD_BYTES } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateStore, VersionedHead } from '../ports/state-store.ts';
import { callAws, CallFailed, type Attempt } from './aws-call.ts';
import {
  headKey,
  itemKey,
  jobKey,
  JOBS,
  keyOfSort,
  partitionsOf,
  pieceKey,
  piecePrefix,
  type TableKey,
} from './table-keys.ts';

type Item = Record<string, AttributeValue>;

/** DynamoDB's limit is 400 KB (409,600 bytes), names and numbers of the item included. */
const PIECE_BYTES = 380_000;
/** BatchWriteItem takes 25 items and 16 MB. */
const BATCH_WRITES = 25;
/** BatchGetItem takes 100 keys. */
const BATCH_READS = 100;
/** BatchGetItem answers at most 16 MB; unanswered keys are asked for again, but fewer at once cost fewer round trips. */
const PIECES_AT_ONCE = 40;

export class DynamoDbStateStore implements StateStore {
  readonly #client: DynamoDBClient;
  readonly #table: string;
  readonly #clock: Pick<Clock, 'sleep'>;

  /** The client has `maxAttempts: 1`: see aws-call.ts. */
  constructor(client: DynamoDBClient, table: string, clock: Pick<Clock, 'sleep'>) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  async readHead(job: string): Promise<VersionedHead | null> {
    checkJob(job);
    const item = await this.#get(headKey(job));
    return item === null ? null : { version: Number(item['v']?.N), bytes: bytesOf(item, job) };
  }

  async casHead(job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'> {
    checkJob(job);
    invariant(bytes.length <= MAX_HEAD_BYTES, `a head has at most ${MAX_HEAD_BYTES} bytes, not ${bytes.length}`);
    // Before the head: a job with a head is always listed.
    if (expected === 0) await this.#put(jobKey(job), {});
    const nonce = newNonce();
    try {
      return await this.#call('UpdateItem (head)', (attempt) => this.#swap(job, expected, bytes, nonce, attempt));
    } catch (error) {
      if (error instanceof CallFailed && error.unsure)
        throw new UnknownOutcomeError(
          `job "${job}": whether the head moved to version ${expected + 1} is not known`,
          { job },
          error,
        );
      throw error;
    }
  }

  async #swap(
    job: string,
    expected: number,
    bytes: Uint8Array,
    nonce: string,
    { unsure }: Attempt,
  ): Promise<'won' | 'lost'> {
    try {
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: keyed(headKey(job)),
          ConditionExpression: expected === 0 ? 'attribute_not_exists(p)' : 'v = :expected',
          UpdateExpression: 'SET v = :next, b = :bytes, n = :nonce',
          ExpressionAttributeValues: {
            ...(expected === 0 ? {} : { ':expected': { N: `${expected}` } }),
            ':next': { N: `${expected + 1}` },
            ':bytes': { B: bytes },
            ':nonce': { S: nonce },
          },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return 'won';
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      if (!unsure) return 'lost';
      if (error.Item?.['n']?.S === nonce) return 'won';
      const version = Number(error.Item?.['v']?.N ?? 0);
      if (version <= expected + 1) return 'lost';
      // It has moved twice: the first of the moves may have been this one.
      throw new UnknownOutcomeError(
        `job "${job}": whether this write moved the head to version ${expected + 1} is not known; it is at ${version} now`,
        { job },
        error,
      );
    }
  }

  async createItem(job: string, key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    checkJob(job);
    checkKey(key);
    const nonce = newNonce();
    if (bytes.length <= PIECE_BYTES)
      return await this.#create(itemKey(job, key), { n: { S: nonce }, b: { B: bytes } }, nonce);
    if ((await this.#get(itemKey(job, key))) !== null) return 'exists';
    const pieces = Math.ceil(bytes.length / PIECE_BYTES);
    const writes = Array.from({ length: pieces }, (_, i) => ({
      PutRequest: {
        Item: {
          ...keyed(pieceKey(job, key, nonce, i)),
          b: { B: bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES) },
        },
      },
    }));
    await this.#write(writes);
    const outcome = await this.#create(itemKey(job, key), { n: { S: nonce }, c: { N: `${pieces}` } }, nonce);
    if (outcome === 'exists')
      await this.#write(
        writes.map(({ PutRequest: { Item: piece } }) => ({ DeleteRequest: { Key: { p: piece.p, s: piece.s } } })),
      );
    return outcome;
  }

  async readItem(job: string, key: string): Promise<Uint8Array | null> {
    checkJob(job);
    checkKey(key);
    const item = await this.#get(itemKey(job, key));
    if (item === null) return null;
    const pieces = item['c']?.N;
    return pieces === undefined ? bytesOf(item, key) : await this.#readPieces(job, key, item['n']!.S!, Number(pieces));
  }

  async #readPieces(job: string, key: string, nonce: string, n: number): Promise<Uint8Array | null> {
    const keys = Array.from({ length: n }, (_, i) => pieceKey(job, key, nonce, i));
    const found = await this.#getAll(keys, PIECES_AT_ONCE);
    if (found.size === n) return new Uint8Array(Buffer.concat(keys.map(({ s }) => bytesOf(found.get(s)!, key))));
    // Deleted meanwhile, the item first; or gone while the item is there.
    if ((await this.#get(itemKey(job, key))) === null) return null;
    throw new CorruptionError(`job "${job}", item ${key}: ${n - found.size} of its ${n} pieces are gone`, { job, key });
  }

  async listItems(job: string, prefix: string): Promise<readonly string[]> {
    checkJob(job);
    const lists = await Promise.all(partitionsOf(job, prefix).map((p) => this.#sorts(p, prefix)));
    return [...new Set(lists.flat().map(keyOfSort))].sort();
  }

  async deleteItem(job: string, key: string): Promise<void> {
    checkJob(job);
    checkKey(key);
    await this.#call('DeleteItem', () =>
      this.#client.send(new DeleteItemCommand({ TableName: this.#table, Key: keyed(itemKey(job, key)) })),
    );
    const p = `${job}#C`;
    const pieces = await this.#sorts(p, piecePrefix(key));
    await this.#write(pieces.map((s) => ({ DeleteRequest: { Key: keyed({ p, s }) } })));
  }

  async listJobs(): Promise<readonly string[]> {
    const jobs = await this.#sorts(JOBS, '');
    const heads = await this.#getAll(jobs.map(headKey), BATCH_READS, (item) => item['p']!.S!);
    return jobs.filter((job) => heads.has(headKey(job).p)).sort();
  }

  async #create(key: TableKey, attributes: Item, nonce: string): Promise<'created' | 'exists'> {
    return await this.#call('PutItem', async ({ unsure }) => {
      try {
        await this.#client.send(
          new PutItemCommand({
            TableName: this.#table,
            Item: { ...keyed(key), ...attributes },
            ConditionExpression: 'attribute_not_exists(p)',
            ...(unsure ? { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } : {}),
          }),
        );
        return 'created';
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        return unsure && error.Item?.['n']?.S === nonce ? 'created' : 'exists';
      }
    });
  }

  async #put(key: TableKey, attributes: Item): Promise<void> {
    const Item = { ...keyed(key), ...attributes };
    await this.#call('PutItem', () => this.#client.send(new PutItemCommand({ TableName: this.#table, Item })));
  }

  async #get(key: TableKey): Promise<Item | null> {
    const input = { TableName: this.#table, Key: keyed(key), ConsistentRead: true };
    const { Item } = await this.#call('GetItem', () => this.#client.send(new GetItemCommand(input)));
    return Item ?? null;
  }

  /** Items by sort key, or by what `name` says. */
  async #getAll(
    keys: readonly TableKey[],
    atOnce: number,
    name: (item: Item) => string = (item) => item['s']!.S!,
  ): Promise<ReadonlyMap<string, Item>> {
    const found = new Map<string, Item>();
    for (let at = 0; at < keys.length; at += atOnce) {
      let asked: Item[] | undefined = keys.slice(at, at + atOnce).map(keyed);
      while (asked !== undefined && asked.length > 0) {
        const before: Item[] = asked;
        const answer: BatchGetItemCommandOutput = await this.#call('BatchGetItem', () =>
          this.#client.send(
            new BatchGetItemCommand({ RequestItems: { [this.#table]: { Keys: before, ConsistentRead: true } } }),
          ),
        );
        const items = answer.Responses?.[this.#table] ?? [];
        for (const item of items) found.set(name(item), item);
        asked = answer.UnprocessedKeys?.[this.#table]?.Keys;
        if (items.length === 0 && asked !== undefined && asked.length > 0) await this.#clock.sleep(UNANSWERED_MS);
      }
    }
    return found;
  }

  async #write(writes: readonly WriteRequest[]): Promise<void> {
    for (let at = 0; at < writes.length; at += BATCH_WRITES) {
      let asked: WriteRequest[] | undefined = writes.slice(at, at + BATCH_WRITES);
      for (let round = 1; asked !== undefined && asked.length > 0; round++) {
        const before: WriteRequest[] = asked;
        const answer: BatchWriteItemCommandOutput = await this.#call('BatchWriteItem', () =>
          this.#client.send(new BatchWriteItemCommand({ RequestItems: { [this.#table]: before } })),
        );
        asked = answer.UnprocessedItems?.[this.#table];
        if (asked === undefined || asked.length === 0) break;
        if (round >= WRITE_ROUNDS)
          throw new RetryableError(`table ${this.#table}: ${asked.length} writes were throttled ${round} times`);
        await this.#clock.sleep(UNANSWERED_MS * round);
      }
    }
  }

  async #sorts(p: string, prefix: string): Promise<string[]> {
    const sorts: string[] = [];
    let start: Item | undefined;
    do {
      const from: Item | undefined = start;
      const page = await this.#call('Query', () =>
        this.#client.send(
          new QueryCommand({
            TableName: this.#table,
            KeyConditionExpression: prefix === '' ? 'p = :p' : 'p = :p AND begins_with(s, :prefix)',
            ExpressionAttributeValues: { ':p': { S: p }, ...(prefix === '' ? {} : { ':prefix': { S: prefix } }) },
            ProjectionExpression: 's',
            ConsistentRead: true,
            ...(from === undefined ? {} : { ExclusiveStartKey: from }),
          }),
        ),
      );
      for (const item of page.Items ?? []) sorts.push(item['s']!.S!);
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return sorts;
  }

  async #call<T>(what: string, call: (attempt: Attempt) => Promise<T>): Promise<T> {
    return await callAws(`${what} on table ${this.#table}`, this.#clock, call);
  }
}

const UNANSWERED_MS = 50;
const WRITE_ROUNDS = 20;

const keyed = ({ p, s }: TableKey) => ({ p: { S: p }, s: { S: s } });
const newNonce = (): string => randomBytes(9).toString('base64url');

/** An empty binary comes back as an empty one, or not at all. */
function bytesOf(item: Item, of: string): Uint8Array {
  const bytes = item['b']?.B;
  if (bytes === undefined && item['b'] !== undefined)
    throw new CorruptionError(`${of}: its bytes are of another type`, { of });
  return bytes ?? new Uint8Array();
}
