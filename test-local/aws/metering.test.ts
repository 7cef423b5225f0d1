/** What the stores use is counted as DynamoDB and S3 bill it. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { DynamoDbStateStore } from '../../engine/aws/dynamodb-state-store.ts';
import { meterDynamoDb, unitsBySize } from '../../engine/aws/meter-dynamodb.ts';
import { meterS3 } from '../../engine/aws/meter-s3.ts';
import { S3BlobStore } from '../../engine/aws/s3-blob-store.ts';
import { watchClient } from '../../engine/aws/watch-client.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import { ConsumptionMeter, type Consumption } from '../../engine/model/consumption.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { inject } from './lost-answers.ts';

const clock = new SystemClock();
const name = `metering-${randomUUID().slice(0, 8)}`;
let settings: ReturnType<typeof awsSettings>;

beforeAll(async () => {
  settings = awsSettings((await useServer('localstack')).settings);
  await new DynamoDBClient(settings).send(
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
  await new S3Client({ ...settings, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: name }));
});

/** What the service says of each request, beside what we compute of its sizes. */
interface Compared {
  readonly command: string;
  readonly said: unknown;
  readonly computed: number;
}

describe('DynamoDB', () => {
  const metered = (): { store: DynamoDbStateStore; meter: ConsumptionMeter; compared: Compared[] } => {
    const client = new DynamoDBClient(settings);
    const meter = new ConsumptionMeter();
    const compared: Compared[] = [];
    meterDynamoDb(client, meter);
    watchClient(client, 'compare', {
      answered: (command, input, output) =>
        compared.push({
          command,
          said: [output['ConsumedCapacity']].flat().map((one) => (one as { CapacityUnits?: number })?.CapacityUnits),
          computed: unitsBySize(command, input, output),
        }),
    });
    return { store: new DynamoDbStateStore(client, name, clock), meter, compared };
  };
  const used = async (meter: ConsumptionMeter, work: () => Promise<unknown>): Promise<Consumption> => {
    meter.take();
    await work();
    return meter.take();
  };

  it('counts a unit per KB written, one per 4 KB read, and refusals like writes', async () => {
    const { store, meter, compared } = metered();
    const bytes = (n: number): Uint8Array => new Uint8Array(n);
    const create = (key: string, n: number) => (): Promise<unknown> => store.createItem('job', key, bytes(n));
    expect(await used(meter, create('plan/small', 100))).toEqual({ writeUnits: 1 });
    expect(await used(meter, create('plan/large', 3000))).toEqual({ writeUnits: 3 });
    expect(await used(meter, create('plan/small', 100))).toEqual({ writeUnits: 1 });
    expect(await used(meter, () => store.readItem('job', 'plan/small'))).toEqual({ readUnits: 1 });
    expect(await used(meter, create('plan/larger', 9000))).toEqual({ writeUnits: 9 });
    expect(await used(meter, () => store.readItem('job', 'plan/larger'))).toEqual({ readUnits: 3 });
    expect(await used(meter, () => store.readItem('job', 'plan/none'))).toEqual({ readUnits: 1 });
    // The entry in the list of jobs, and the head.
    expect(await used(meter, () => store.casHead('job', 0, bytes(500)))).toEqual({ writeUnits: 2 });
    expect(await used(meter, () => store.casHead('job', 1, bytes(500)))).toEqual({ writeUnits: 1 });
    expect(await used(meter, () => store.casHead('job', 1, bytes(500)))).toEqual({ writeUnits: 1 });
    expect(await used(meter, () => store.readHead('job'))).toEqual({ readUnits: 1 });
    const pieces = await used(meter, create('plan/pieces', 400_000));
    expect(pieces.writeUnits).toBeGreaterThan(391);
    expect(pieces.writeUnits).toBeLessThan(395);
    // What it does not answer is computed: both agree wherever the sizes are known, which a projection and a deletion hide.
    const hidden = new Set(['Query', 'DeleteItem']);
    const known = compared.filter(({ command, said }) => !hidden.has(command) && (said as unknown[])[0] !== undefined);
    expect(known.map(({ said }) => (said as number[])[0])).toEqual(known.map(({ computed }) => computed));
  });
});

describe('S3', () => {
  it('counts requests by class, with their bytes; what the service failed at is not billed', async () => {
    const client = new S3Client({ ...settings, forcePathStyle: true });
    const meter = new ConsumptionMeter();
    meterS3(client, meter);
    const blobs = new S3BlobStore(client, name, '', clock);
    await blobs.create('a', [new Uint8Array(1000)]);
    expect(meter.take()).toEqual({ putRequests: 1, putBytes: 1000 });
    await blobs.create('a', [new Uint8Array(10)]);
    expect(meter.take()).toEqual({ putRequests: 1 });
    await blobs.read('a');
    expect(meter.take()).toEqual({ getRequests: 1, getBytes: 1000 });
    await blobs.read('none');
    expect(meter.take()).toEqual({ getRequests: 1 });
    await blobs.list('');
    expect(meter.take()).toEqual({ putRequests: 1 });
    await blobs.delete('a');
    expect(meter.take()).toEqual({});
    await blobs.create('big', [new Uint8Array(20_000_000)]);
    // A look whether it is there, begin, two parts, end.
    expect(meter.take()).toEqual({ getRequests: 1, putRequests: 4, putBytes: 20_000_000 });
    inject(client, 'PutObjectCommand', ['throttled', 'request lost']);
    await blobs.create('b', [new Uint8Array(5)]);
    expect(meter.take()).toEqual({ putRequests: 1, putBytes: 5 });
  });

  it('an upload that lost is aborted, and what cannot be aborted is told', async () => {
    const told: unknown[] = [];
    const client = new S3Client({ ...settings, forcePathStyle: true });
    const aborted = inject(client, 'AbortMultipartUploadCommand', [
      'request lost',
      'answer lost',
      'none',
      ...Array.from({ length: 8 }, () => 'request lost' as const),
    ]);
    const large = [new Uint8Array(17_000_000)];
    const racing = new S3Client({ ...settings, forcePathStyle: true });
    const rival = new S3BlobStore(racing, name, '', clock);
    // While its parts are under way somebody else creates the object.
    const quick = { sleep: async (): Promise<void> => undefined };
    const blobs = new S3BlobStore(client, name, '', quick, (text, data) => told.push({ text, ...data }));
    let object = '';
    client.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const answer = await next(args);
          if (commandName === 'CreateMultipartUploadCommand') await rival.create(object, [new Uint8Array(3)]);
          return answer;
        },
      { step: 'initialize', name: 'rival' },
    );
    for (object of ['lost-1', 'lost-2']) expect(await blobs.create(object, large)).toBe('exists');
    expect(aborted()).toBe(3 + 8);
    expect(told).toEqual([
      {
        text: 'parts of an upload could not be removed; the bucket removes them after some days',
        object: 'lost-2',
        why: expect.stringContaining('AbortMultipartUpload in bucket'),
      },
    ]);
  });
});
