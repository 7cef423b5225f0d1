/**
 * StateStore on one DynamoDB table (layout: table-keys.ts). Every write is conditional and carries a nonce: after an answer that was lost, the
 * next attempt's refusal shows whose write it met. All reads are strongly consistent.
 *
 * An item holds at most 400 KB: larger records are pieces, written before the item that makes them one (E2). Pieces without their item are
 * listed like the item, so that sweeps find them, and are not read.
 */
import { ConditionalCheckFailedException, UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { checkJob, checkKey } from '../model/item-names.ts';
import { CorruptionError, invariant, UnknownOutcomeError } from '../model/errors.ts';
import { MAX_HEAD_BYTES } from '../model/limits.ts';
import type { Clock } from '../ports/clock.ts';
import type { StateStore, VersionedHead } from '../ports/state-store.ts';
import { CallFailed, type Attempt } from './aws-call.ts';
import { bytesOf, keyed, newNonce, TableItems } from './table-items.ts';
import { headKey, itemKey, jobKey, JOBS, keyOfSort, partitionsOf, pieceKey, piecePrefix } from './table-keys.ts';

/** DynamoDB's limit is 400 KB (409,600 bytes), names and numbers of the item included. */
const PIECE_BYTES = 380_000;
/** BatchGetItem takes 100 keys. */
const BATCH_READS = 100;
/** BatchGetItem answers at most 16 MB; unanswered keys are asked for again, but fewer at once cost fewer round trips. */
const PIECES_AT_ONCE = 40;

export class DynamoDbStateStore implements StateStore {
  readonly #items: TableItems;

  /** The client has `maxAttempts: 1`: see aws-call.ts. */
  constructor(client: DynamoDBClient, table: string, clock: Pick<Clock, 'sleep'>) {
    this.#items = new TableItems(client, table, clock);
  }

  async readHead(job: string): Promise<VersionedHead | null> {
    checkJob(job);
    const item = await this.#items.get(headKey(job));
    return item === null ? null : { version: Number(item['v']?.N), bytes: bytesOf(item, job) };
  }

  async casHead(job: string, expected: number, bytes: Uint8Array): Promise<'won' | 'lost'> {
    checkJob(job);
    invariant(bytes.length <= MAX_HEAD_BYTES, `a head has at most ${MAX_HEAD_BYTES} bytes, not ${bytes.length}`);
    // Before the head: a job with a head is always listed.
    if (expected === 0) await this.#items.put(jobKey(job), {});
    const nonce = newNonce();
    try {
      return await this.#items.call('UpdateItem (head)', (attempt) => this.#swap(job, expected, bytes, nonce, attempt));
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
      await this.#items.client.send(
        new UpdateItemCommand({
          TableName: this.#items.table,
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
    if (bytes.length <= PIECE_BYTES) return await this.#items.create(itemKey(job, key), { b: { B: bytes } }, nonce);
    if ((await this.#items.get(itemKey(job, key))) !== null) return 'exists';
    const pieces = Math.ceil(bytes.length / PIECE_BYTES);
    const writes = Array.from({ length: pieces }, (_, i) => ({
      PutRequest: {
        Item: {
          ...keyed(pieceKey(job, key, nonce, i)),
          b: { B: bytes.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES) },
        },
      },
    }));
    await this.#items.write(writes);
    const outcome = await this.#items.create(itemKey(job, key), { c: { N: `${pieces}` } }, nonce);
    if (outcome === 'exists')
      await this.#items.write(
        writes.map(({ PutRequest: { Item: piece } }) => ({ DeleteRequest: { Key: { p: piece.p, s: piece.s } } })),
      );
    return outcome;
  }

  async readItem(job: string, key: string): Promise<Uint8Array | null> {
    checkJob(job);
    checkKey(key);
    const item = await this.#items.get(itemKey(job, key));
    if (item === null) return null;
    const pieces = item['c']?.N;
    return pieces === undefined ? bytesOf(item, key) : await this.#readPieces(job, key, item['n']!.S!, Number(pieces));
  }

  async #readPieces(job: string, key: string, nonce: string, n: number): Promise<Uint8Array | null> {
    const keys = Array.from({ length: n }, (_, i) => pieceKey(job, key, nonce, i));
    const found = await this.#items.getAll(keys, PIECES_AT_ONCE);
    if (found.size === n) return new Uint8Array(Buffer.concat(keys.map(({ s }) => bytesOf(found.get(s)!, key))));
    // Deleted meanwhile, the item first; or gone while the item is there.
    if ((await this.#items.get(itemKey(job, key))) === null) return null;
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
    const gone = await this.#items.delete(itemKey(job, key));
    // Pieces of others that lost against an item in one are found when it is not there any more.
    if (gone !== null && gone['c'] === undefined) return;
    const p = `${job}#C`;
    const pieces = await this.#sorts(p, piecePrefix(key));
    await this.#items.write(pieces.map((s) => ({ DeleteRequest: { Key: keyed({ p, s }) } })));
  }

  async listJobs(): Promise<readonly string[]> {
    const jobs = await this.#sorts(JOBS, '');
    const heads = await this.#items.getAll(jobs.map(headKey), BATCH_READS, (item) => item['p']!.S!);
    return jobs.filter((job) => heads.has(headKey(job).p)).sort();
  }

  async #sorts(p: string, prefix: string): Promise<string[]> {
    return (await this.#items.list(p, prefix)).map((item) => item['s']!.S!);
  }
}
