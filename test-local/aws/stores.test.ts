import { CreateBucketCommand, ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { DynamoDbStateStore } from '../../engine/aws/dynamodb-state-store.ts';
import { S3BlobStore } from '../../engine/aws/s3-blob-store.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { describeBlobStore } from '../../engine/testing/contracts/blob-store-contract.ts';
import { describeStateStore } from '../../engine/testing/contracts/state-store-contract.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { inject, type Fault } from './lost-answers.ts';

let settings: ReturnType<typeof awsSettings>;
let dynamo: DynamoDBClient;
let s3: S3Client;
const clock = new SystemClock();
let number = 0;

beforeAll(async () => {
  settings = awsSettings((await useServer('localstack')).settings);
  dynamo = new DynamoDBClient(settings);
  s3 = new S3Client({ ...settings, forcePathStyle: true });
  // LocalStack starts a service with its first request.
  await Promise.all([newTable(), newBucket()]);
});

async function newTable(): Promise<string> {
  const name = `t${process.pid}-${++number}`;
  await dynamo.send(
    new CreateTableCommand({
      TableName: name,
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
  return name;
}
async function countOf(table: string): Promise<number> {
  let count = 0;
  for await (const page of paginateScan({ client: dynamo }, { TableName: table })) count += page.Count ?? 0;
  return count;
}
async function newBucket(): Promise<string> {
  const name = `b${process.pid}-${++number}`;
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

describeStateStore('DynamoDB', async () => new DynamoDbStateStore(dynamo, await newTable(), clock));
describeBlobStore('S3', async () => new S3BlobStore(s3, await newBucket(), 'state/', clock));

const large = (size: number, seed: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed) & 255);

describe('a record larger than an item of DynamoDB', () => {
  it('is one record: created once, read whole, listed once, deleted with its pieces', async () => {
    const table = await newTable();
    const store = new DynamoDbStateStore(dynamo, table, clock);
    const key = 'plan/000000000001-000000000002-s';
    const outcomes = await Promise.all([1, 2, 3].map((seed) => store.createItem('job', key, large(1_300_000, seed))));
    expect(outcomes.sort()).toEqual(['created', 'exists', 'exists']);
    expect(await store.createItem('job', key, large(1_300_000, 9))).toBe('exists');
    const read = (await store.readItem('job', key))!;
    expect([1, 2, 3].some((seed) => Buffer.compare(read, large(1_300_000, seed)) === 0)).toBe(true);
    expect(await store.listItems('job', 'plan/')).toEqual([key]);
    // Those of the two that lost are gone.
    expect(await countOf(table)).toBe(1 + 4);
    await store.deleteItem('job', key);
    expect(await countOf(table)).toBe(0);
  });

  it('of which only pieces were written is not there, but a sweep finds it', async () => {
    const dying = new DynamoDBClient(settings);
    const table = await newTable();
    inject(
      dying,
      'PutItemCommand',
      Array.from({ length: 8 }, () => 'request lost'),
    );
    const key = 'plan/000000000001-000000000002-s';
    const created = new DynamoDbStateStore(dying, table, clock).createItem('job', key, large(900_000, 1));
    await expect(created).rejects.toMatchObject({ code: 'retryable' });
    const store = new DynamoDbStateStore(dynamo, table, clock);
    expect(await store.readItem('job', key)).toBeNull();
    expect(await store.listItems('job', 'plan/')).toEqual([key]);
    await store.deleteItem('job', key);
    expect(await store.listItems('job', '')).toEqual([]);
  });
});

describe('answers that are lost', () => {
  const faulty = (command: string, faults: Fault[]): { client: DynamoDBClient; sent: () => number } => {
    const client = new DynamoDBClient(settings);
    return { client, sent: inject(client, command, faults) };
  };

  it('a head that moved is won, whoever was told so', async () => {
    const table = await newTable();
    const { client, sent } = faulty('UpdateItemCommand', ['answer lost', 'none', 'throttled', 'request lost', 'none']);
    const store = new DynamoDbStateStore(client, table, clock);
    expect(await store.casHead('job', 0, large(10, 1))).toBe('won');
    expect(await store.casHead('job', 1, large(10, 2))).toBe('won');
    expect(sent()).toBe(5);
    expect((await store.readHead('job'))?.version).toBe(2);
  });

  it("a head that somebody else's write moved is lost", async () => {
    const table = await newTable();
    const other = new DynamoDbStateStore(dynamo, table, clock);
    await other.casHead('job', 0, large(10, 1));
    await other.casHead('job', 1, large(10, 2));
    const { client } = faulty('UpdateItemCommand', ['request lost']);
    expect(await new DynamoDbStateStore(client, table, clock).casHead('job', 1, large(10, 3))).toBe('lost');
  });

  it('a head that moved twice since leaves it unknown whether the first was this one', async () => {
    const table = await newTable();
    const other = new DynamoDbStateStore(dynamo, table, clock);
    const { client } = faulty('UpdateItemCommand', ['answer lost']);
    const slow = { sleep: async (): Promise<void> => void (await other.casHead('job', 1, large(10, 2))) };
    const cas = new DynamoDbStateStore(client, table, slow).casHead('job', 0, large(10, 1));
    await expect(cas).rejects.toMatchObject({ code: 'unknown-outcome' });
  });

  it('no answer at all is an unknown outcome; throttling alone is not', async () => {
    const table = await newTable();
    const lost = faulty(
      'UpdateItemCommand',
      Array.from({ length: 8 }, () => 'request lost'),
    );
    const cas = new DynamoDbStateStore(lost.client, table, clock).casHead('job', 0, large(10, 1));
    await expect(cas).rejects.toMatchObject({ code: 'unknown-outcome' });
    const busy = faulty(
      'UpdateItemCommand',
      Array.from({ length: 8 }, () => 'throttled'),
    );
    const refused = new DynamoDbStateStore(busy.client, table, clock).casHead('job', 0, large(10, 1));
    await expect(refused).rejects.toMatchObject({ code: 'retryable' });
  });

  it('an item is created, whoever was told so; of another creator it exists', async () => {
    const table = await newTable();
    const { client } = faulty('PutItemCommand', ['answer lost', 'none', 'request lost']);
    const store = new DynamoDbStateStore(client, table, clock);
    expect(await store.createItem('job', 'plan/1', large(10, 1))).toBe('created');
    expect(await store.createItem('job', 'plan/1', large(10, 2))).toBe('exists');
  });

  it('an object too', async () => {
    const bucket = await newBucket();
    const client = new S3Client({ ...settings, forcePathStyle: true });
    inject(client, 'PutObjectCommand', ['answer lost', 'none', 'request lost', 'none']);
    inject(client, 'CompleteMultipartUploadCommand', ['answer lost']);
    const blobs = new S3BlobStore(client, bucket, '', clock);
    expect(await blobs.create('a/1', [large(10, 1)])).toBe('created');
    expect(await blobs.create('a/1', [large(10, 2)])).toBe('exists');
    expect(await blobs.create('a/2', [large(20_000_000, 1)])).toBe('created');
    expect(await blobs.create('a/2', [large(20_000_000, 2)])).toBe('exists');
    expect(Buffer.compare((await blobs.read('a/2'))!, large(20_000_000, 1))).toBe(0);
    expect((await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []).toEqual([]);
  });
});
