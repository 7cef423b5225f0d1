/** What a stack's table and bucket hold, to be put into another LocalStack: the community edition keeps nothing over a restart. */
import { BatchWriteItemCommand, paginateScan, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, paginateListObjectsV2, PutObjectCommand } from '@aws-sdk/client-s3';
import type { Deployment } from '../../aws/deployment.ts';

type Held = Pick<Deployment, 'dynamo' | 's3' | 'topology'>;

export interface Backup {
  readonly items: readonly Record<string, AttributeValue>[];
  readonly objects: readonly {
    readonly Key: string;
    readonly Body: Uint8Array;
    readonly Metadata: Record<string, string>;
  }[];
}

/** BatchWriteItem takes 25. */
const BATCH = 25;

export async function backupOf({ dynamo, s3, topology: { table, bucket } }: Held): Promise<Backup> {
  const items: Record<string, AttributeValue>[] = [];
  for await (const page of paginateScan({ client: dynamo }, { TableName: table.name, ConsistentRead: true }))
    items.push(...(page.Items ?? []));
  const objects: Backup['objects'][number][] = [];
  for await (const { Contents = [] } of paginateListObjectsV2({ client: s3 }, { Bucket: bucket.name }))
    for (const { Key } of Contents) {
      const { Body, Metadata = {} } = await s3.send(new GetObjectCommand({ Bucket: bucket.name, Key: Key! }));
      objects.push({ Key: Key!, Body: await Body!.transformToByteArray(), Metadata });
    }
  return { items, objects };
}

export async function restoreInto({ dynamo, s3, topology: { table, bucket } }: Held, backup: Backup): Promise<void> {
  for (let at = 0; at < backup.items.length; at += BATCH) {
    const writes = backup.items.slice(at, at + BATCH).map((Item) => ({ PutRequest: { Item } }));
    await dynamo.send(new BatchWriteItemCommand({ RequestItems: { [table.name]: writes } }));
  }
  for (const object of backup.objects) await s3.send(new PutObjectCommand({ Bucket: bucket.name, ...object }));
}
