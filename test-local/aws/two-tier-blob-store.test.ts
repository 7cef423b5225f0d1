/** Small objects are items of the table, all others objects of the bucket; a reader sees one store. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { S3BlobStore } from '../../engine/aws/s3-blob-store.ts';
import { SmallItems } from '../../engine/aws/small-items.ts';
import { TableItems } from '../../engine/aws/table-items.ts';
import { TwoTierBlobStore } from '../../engine/aws/two-tier-blob-store.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { describeBlobStore } from '../../engine/testing/contracts/blob-store-contract.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { inject } from './lost-answers.ts';

const clock = new SystemClock();
let settings: ReturnType<typeof awsSettings>;
let table = '';

beforeAll(async () => {
  settings = awsSettings((await useServer('localstack')).settings);
  table = `tiers-${randomUUID().slice(0, 8)}`;
  await new DynamoDBClient(settings).send(
    new CreateTableCommand({
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'p', KeyType: 'HASH' },
        { AttributeName: 's', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'p', AttributeType: 'S' },
        { AttributeName: 's', AttributeType: 'S' },
      ],
    }),
  );
});

async function opened(): Promise<{ blobs: TwoTierBlobStore; dynamo: DynamoDBClient; inBucket(): Promise<string[]> }> {
  const dynamo = new DynamoDBClient(settings);
  const s3 = new S3Client({ ...settings, forcePathStyle: true });
  const Bucket = `tiers-${randomUUID().slice(0, 8)}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  const blobs = new TwoTierBlobStore(
    new SmallItems(new TableItems(dynamo, table, clock)),
    new S3BlobStore(s3, Bucket, '', clock),
  );
  const inBucket = async (): Promise<string[]> =>
    ((await s3.send(new ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key!);
  return { blobs, dynamo, inBucket };
}

describeBlobStore('S3 and table', async () => (await opened()).blobs);

describe('small objects', () => {
  const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString());

  it('are created once, read whole and in ranges, listed with the others, and deleted', async () => {
    const job = `j${randomUUID().slice(0, 8)}`;
    const { blobs, inBucket } = await opened();
    const name = `jobs/${job}/r/000000000001-000000000002/fused-0-a/state-x-0.small`;
    const large = `jobs/${job}/r/000000000001-000000000002/fused-0-a/out-x-0`;
    expect(await blobs.create(name, [Buffer.from('abc'), Buffer.from('defg')])).toBe('created');
    expect(await blobs.create(name, [Buffer.from('other')])).toBe('exists');
    await blobs.create(large, [new Uint8Array(5000)]);
    await blobs.create(`jobs/${job}-2/y.small`, [Buffer.from('of another job')]);
    expect(await inBucket()).toEqual([large]);
    expect(text(await blobs.read(name))).toBe('abcdefg');
    expect(text(await blobs.read(name, 2, 4))).toBe('cd');
    expect(text(await blobs.read(name, 5, 100))).toBe('fg');
    expect(text(await blobs.read(name, 50, 60))).toBe('');
    expect(await blobs.read(`jobs/${job}/none.small`, 1, 2)).toBeNull();
    expect(await blobs.list(`jobs/${job}/`)).toEqual([
      { name: large, size: 5000 },
      { name, size: 7 },
    ]);
    expect((await blobs.list(`jobs/${job}/r/000000000001-000000000002/fused-0-a/state`)).length).toBe(1);
    for (const one of [name, name, large]) await blobs.delete(one);
    expect(await blobs.list(`jobs/${job}/`)).toEqual([]);
  });

  it('are created, whoever was told so', async () => {
    const { blobs, dynamo } = await opened();
    inject(dynamo, 'PutItemCommand', ['answer lost', 'none', 'request lost']);
    const name = `jobs/j${randomUUID().slice(0, 8)}/x.small`;
    expect(await blobs.create(name, [Buffer.from('1')])).toBe('created');
    expect(await blobs.create(name, [Buffer.from('2')])).toBe('exists');
    expect(text(await blobs.read(name))).toBe('1');
  });

  it('are small', async () => {
    const { blobs } = await opened();
    await expect(blobs.create('jobs/j/x.small', [new Uint8Array(4000)])).rejects.toThrow(/is not small/);
  });
});
