/** Items of one DynamoDB table by their keys: written on conditions, read strongly consistently, in batches where there are many. */
import { randomBytes } from 'node:crypto';
import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type AttributeValue,
  type BatchGetItemCommandOutput,
  type BatchWriteItemCommandOutput,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb';
import { CorruptionError, RetryableError } from '../model/errors.ts';
import type { Clock } from '../ports/clock.ts';
import { callAws, type Attempt } from './aws-call.ts';
import type { TableKey } from './table-keys.ts';

export type Item = Record<string, AttributeValue>;

/** BatchWriteItem takes 25 items and 16 MB. */
const BATCH_WRITES = 25;
const UNANSWERED_MS = 50;
const WRITE_ROUNDS = 20;

export class TableItems {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly #clock: Pick<Clock, 'sleep'>;

  /** The client has `maxAttempts: 1`: see aws-call.ts. */
  constructor(client: DynamoDBClient, table: string, clock: Pick<Clock, 'sleep'>) {
    this.client = client;
    this.table = table;
    this.#clock = clock;
  }

  /** An item of this nonce is the caller's own, whoever was told so. */
  async create(key: TableKey, attributes: Item, nonce: string): Promise<'created' | 'exists'> {
    return await this.call('PutItem', async ({ unsure }) => {
      try {
        await this.client.send(
          new PutItemCommand({
            TableName: this.table,
            Item: { ...keyed(key), n: { S: nonce }, ...attributes },
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

  async put(key: TableKey, attributes: Item): Promise<void> {
    const Item = { ...keyed(key), ...attributes };
    await this.call('PutItem', () => this.client.send(new PutItemCommand({ TableName: this.table, Item })));
  }

  /** Answers what was there; null: nothing. */
  async delete(key: TableKey): Promise<Item | null> {
    const input = { TableName: this.table, Key: keyed(key), ReturnValues: 'ALL_OLD' } as const;
    const { Attributes } = await this.call('DeleteItem', () => this.client.send(new DeleteItemCommand(input)));
    return Attributes ?? null;
  }

  async get(key: TableKey): Promise<Item | null> {
    const input = { TableName: this.table, Key: keyed(key), ConsistentRead: true };
    const { Item } = await this.call('GetItem', () => this.client.send(new GetItemCommand(input)));
    return Item ?? null;
  }

  /** Items by sort key, or by what `name` says. */
  async getAll(
    keys: readonly TableKey[],
    atOnce: number,
    name: (item: Item) => string = (item) => item['s']!.S!,
  ): Promise<ReadonlyMap<string, Item>> {
    const found = new Map<string, Item>();
    for (let at = 0; at < keys.length; at += atOnce) {
      let asked: Item[] | undefined = keys.slice(at, at + atOnce).map(keyed);
      while (asked !== undefined && asked.length > 0) {
        const before: Item[] = asked;
        const answer: BatchGetItemCommandOutput = await this.call('BatchGetItem', () =>
          this.client.send(
            new BatchGetItemCommand({ RequestItems: { [this.table]: { Keys: before, ConsistentRead: true } } }),
          ),
        );
        const items = answer.Responses?.[this.table] ?? [];
        for (const item of items) found.set(name(item), item);
        asked = answer.UnprocessedKeys?.[this.table]?.Keys;
        if (items.length === 0 && asked !== undefined && asked.length > 0) await this.#clock.sleep(UNANSWERED_MS);
      }
    }
    return found;
  }

  async write(writes: readonly WriteRequest[]): Promise<void> {
    for (let at = 0; at < writes.length; at += BATCH_WRITES) {
      let asked: WriteRequest[] | undefined = writes.slice(at, at + BATCH_WRITES);
      for (let round = 1; asked !== undefined && asked.length > 0; round++) {
        const before: WriteRequest[] = asked;
        const answer: BatchWriteItemCommandOutput = await this.call('BatchWriteItem', () =>
          this.client.send(new BatchWriteItemCommand({ RequestItems: { [this.table]: before } })),
        );
        asked = answer.UnprocessedItems?.[this.table];
        if (asked === undefined || asked.length === 0) break;
        if (round >= WRITE_ROUNDS)
          throw new RetryableError(`table ${this.table}: ${asked.length} writes were throttled ${round} times`);
        await this.#clock.sleep(UNANSWERED_MS * round);
      }
    }
  }

  /** The items of a partition, in the order of their sort keys, as far as `attributes` names what is in them. */
  async list(p: string, prefix: string, attributes = 's'): Promise<Item[]> {
    const items: Item[] = [];
    let start: Item | undefined;
    do {
      const from: Item | undefined = start;
      const page = await this.call('Query', () =>
        this.client.send(
          new QueryCommand({
            TableName: this.table,
            KeyConditionExpression: prefix === '' ? 'p = :p' : 'p = :p AND begins_with(s, :prefix)',
            ExpressionAttributeValues: { ':p': { S: p }, ...(prefix === '' ? {} : { ':prefix': { S: prefix } }) },
            ProjectionExpression: attributes,
            ConsistentRead: true,
            ...(from === undefined ? {} : { ExclusiveStartKey: from }),
          }),
        ),
      );
      items.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return items;
  }

  async call<T>(what: string, call: (attempt: Attempt) => Promise<T>): Promise<T> {
    return await callAws(`${what} on table ${this.table}`, this.#clock, call);
  }
}

export const keyed = ({ p, s }: TableKey): { readonly p: { S: string }; readonly s: { S: string } } => ({
  p: { S: p },
  s: { S: s },
});

export const newNonce = (): string => randomBytes(9).toString('base64url');

/** An empty binary comes back as an empty one, or not at all. */
export function bytesOf(item: Item, of: string): Uint8Array {
  const bytes = item['b']?.B;
  if (bytes === undefined && item['b'] !== undefined)
    throw new CorruptionError(`${of}: its bytes are of another type`, { of });
  return bytes ?? new Uint8Array();
}
