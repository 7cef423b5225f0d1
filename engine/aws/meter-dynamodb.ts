/**
 * Counts the request units that a DynamoDB client uses: by `ConsumedCapacity`, which every request asks for, and by DynamoDB's rules where
 * there is none, as in a refusal (developer guide, "DynamoDB read and write operations"): a write takes a unit per KB of the item, a
 * strongly consistent read one per 4 KB; what is not there counts as one.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { ConsumptionMeter } from '../model/consumption.ts';
import { watchClient } from './watch-client.ts';

type Item = Readonly<Record<string, AttributeValue>>;

const WRITE_UNIT_BYTES = 1024;
const READ_UNIT_BYTES = 4096;
const READS: ReadonlySet<string> = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan', 'TransactGetItems']);
const WRITES: ReadonlySet<string> = new Set([
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'TransactWriteItems',
]);
/** Requests about the table itself cost nothing. */
const isData = (command: string): boolean => READS.has(command) || WRITES.has(command);

export function meterDynamoDb(client: object, meter: ConsumptionMeter): void {
  watchClient(client, 'meter', {
    ask: (command, input) => (isData(command) ? { ...input, ReturnConsumedCapacity: 'TOTAL' } : input),
    answered: (command, input, output) => {
      if (!isData(command)) return;
      const units = capacityOf(output) ?? unitsBySize(command, input, output);
      meter.add(READS.has(command) ? { readUnits: units } : { writeUnits: units });
    },
    // Checked against an item, which costs as much as writing it.
    failed: (command, input, error) => {
      if (error instanceof Error && error.name === 'ConditionalCheckFailedException')
        meter.add({ writeUnits: unitsBySize(command, input, { Attributes: (error as { Item?: Item }).Item }) });
    },
  });
}

function capacityOf(output: Readonly<Record<string, unknown>>): number | null {
  const consumed = output['ConsumedCapacity'] as Capacity | readonly Capacity[] | undefined;
  if (consumed === undefined) return null;
  const units = [consumed].flat().map((one: Capacity) => one.CapacityUnits);
  return units.every((n) => n !== undefined) ? units.reduce((sum, n) => sum + n, 0) : null;
}
interface Capacity {
  readonly CapacityUnits?: number;
}

/** What one request takes by the sizes that are known of it. */
export function unitsBySize(
  command: string,
  input: Readonly<Record<string, unknown>>,
  output: Readonly<Record<string, unknown>>,
): number {
  const of = (bytes: number, unit: number): number => Math.max(1, Math.ceil(bytes / unit));
  const sizes = (items: unknown): readonly number[] => (items as readonly Item[] | undefined)?.map(itemBytes) ?? [];
  switch (command) {
    case 'GetItem':
      return of(itemBytes(output['Item'] as Item | undefined), READ_UNIT_BYTES);
    case 'Query':
    case 'Scan':
      return of(
        sizes(output['Items']).reduce((sum, n) => sum + n, 0),
        READ_UNIT_BYTES,
      );
    case 'BatchGetItem': {
      const found = Object.values((output['Responses'] ?? {}) as Record<string, unknown>).flatMap(sizes);
      const asked = Object.values((input['RequestItems'] ?? {}) as Record<string, { Keys?: unknown[] }>);
      const missing = asked.reduce((sum, { Keys }) => sum + (Keys?.length ?? 0), 0) - found.length;
      return found.reduce((sum, n) => sum + of(n, READ_UNIT_BYTES), Math.max(0, missing));
    }
    case 'BatchWriteItem': {
      const writes = Object.values((input['RequestItems'] ?? {}) as Record<string, readonly Write[]>).flat();
      return writes.reduce((sum, { PutRequest }) => sum + of(itemBytes(PutRequest?.Item), WRITE_UNIT_BYTES), 0);
    }
    default: {
      const { Item, Key, ExpressionAttributeValues } = input as Readonly<Record<string, Item | undefined>>;
      const written = itemBytes(Item ?? { ...Key, ...ExpressionAttributeValues });
      return of(Math.max(written, itemBytes(output['Attributes'] as Item | undefined)), WRITE_UNIT_BYTES);
    }
  }
}
interface Write {
  readonly PutRequest?: { readonly Item?: Item };
}

/** Names and values; of numbers a byte for two digits, and one. */
function itemBytes(item: Item | undefined): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item ?? {})) bytes += Buffer.byteLength(name) + valueBytes(value);
  return bytes;
}

function valueBytes({ S, N, B, M, L }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return Math.ceil(N.length / 2) + 1;
  if (B !== undefined) return B.length;
  if (M !== undefined) return 3 + itemBytes(M);
  if (L !== undefined) return L.reduce((sum, value) => sum + 1 + valueBytes(value), 3);
  return 1;
}
