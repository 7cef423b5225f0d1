/** The state table on DynamoDB: the contract, and what answers that are lost do to it. */
import { CreateTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { beforeAll, describe, expect, it } from 'vitest';
import { DynamoDbStateTable } from '../../engine/aws/dynamodb-state-table.ts';
import { SystemClock } from '../../engine/embedded/system-clock.ts';
import type { KeyRecord, TablePlace } from '../../engine/ports/state-table.ts';
import { keyedProcess, valueState } from '../../engine/api/functions.ts';
import type { Collector } from '../../engine/operators/collector.ts';
import { keyBytes } from '../../engine/state/key-bytes.ts';
import type { JobScope } from '../../engine/testing/in-memory-job.ts';
import { runInMemory } from '../../engine/testing/run-in-memory.ts';
import { WatermarkStrategy } from '../../engine/time/watermark-strategy.ts';
import { describeStateTable } from '../../engine/testing/contracts/state-table-contract.ts';
import { useServer } from '../servers/index.ts';
import { awsSettings } from './aws-settings.ts';
import { inject, type Fault } from './lost-answers.ts';

let settings: ReturnType<typeof awsSettings>;
let dynamo: DynamoDBClient;
const clock = new SystemClock();
let number = 0;

beforeAll(async () => {
  settings = awsSettings((await useServer('localstack')).settings);
  dynamo = new DynamoDBClient(settings);
  await newTable();
});

async function newTable(): Promise<string> {
  const name = `s${process.pid}-${++number}`;
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

async function sortsIn(table: string): Promise<string[]> {
  const sorts: string[] = [];
  for await (const page of paginateScan({ client: dynamo }, { TableName: table }))
    for (const item of page.Items ?? []) sorts.push(`${item['p']!.S!} ${item['s']!.S!}`);
  return sorts.sort();
}

describeStateTable('DynamoDB', async () => new DynamoDbStateTable(dynamo, await newTable(), clock));

const PLACE: TablePlace = { job: 'job', namespace: 'run-1', operator: 'op' };
const address = { keyGroup: 3, key: Uint8Array.from(keyBytes('a')) };
const record = (epoch: number, size: number, eventTime = Infinity): KeyRecord => ({
  epoch,
  bytes: size < 0 ? null : new Uint8Array(size).fill(epoch),
  eventTime,
  processingTime: Infinity,
});

describe('on DynamoDB', () => {
  it('a job whose state is there gives what it gives with all of it in memory', async () => {
    const sums = keyedProcess({
      state: { sum: valueState<number>({ defaultValue: 0 }) },
      processElement(row: { readonly k: string; readonly t: number }, ctx, out: Collector<string>) {
        const { sum } = ctx.state;
        sum.update(sum.value() + row.t);
        ctx.timerService().registerEventTimeTimer(row.t - (row.t % 50) + 100);
        out.collect(`${row.k} ${sum.value()}`);
      },
      onTimer(time, ctx, out) {
        out.collect(`${String(ctx.getCurrentKey())} at ${time}: ${ctx.state.sum.value()}`);
      },
    });
    const rows = Array.from({ length: 300 }, (_, t) => ({ k: `key ${(t * 7) % 40}`, t }));
    const strategy = WatermarkStrategy.forMonotonousTimestamps<(typeof rows)[0]>().withTimestampAssigner(({ t }) => t);
    const job = ({ env, sink }: JobScope): void => {
      env.setMaxParallelism(8);
      env
        .fromData(...rows)
        .assignTimestampsAndWatermarks(strategy)
        .keyBy('k')
        .process(sums)
        .sinkTo(sink('out'));
    };
    const cut = { rowsPerEpoch: 60 };
    const table = new DynamoDbStateTable(dynamo, await newTable(), clock);
    const onTable = await runInMemory(job, {
      ...cut,
      table,
      settings: { stateBackend: 'table' },
      tableLimits: { residentKeys: 5 },
      fold: { due: 1, overdue: 2 },
    });
    const heap = await runInMemory(job, cut);
    expect(onTable.values('out').map(String).sort()).toEqual(heap.values('out').map(String).sort());
    expect(await table.namespaces('job')).toHaveLength(1);
  });

  it('a dropped namespace leaves nothing behind, pieces and timers included', async () => {
    const name = await newTable();
    const table = new DynamoDbStateTable(dynamo, name, clock);
    await table.write(PLACE, [{ ...address, record: record(1, 900_000, 5), was: null }]);
    await table.write(PLACE, [{ ...address, record: record(2, 800_000, 9), was: record(1, 900_000, 5) }]);
    // The record, its three pieces, its timer, and what there is: nothing of the first one.
    expect(await sortsIn(name)).toHaveLength(6);
    await table.drop('job', 'run-1');
    expect(await sortsIn(name)).toEqual([]);
  });

  it('a straggler takes no timer away that a later writer has set, and leaves no pieces', async () => {
    const name = await newTable();
    const table = new DynamoDbStateTable(dynamo, name, clock);
    await table.write(PLACE, [{ ...address, record: record(1, 10, 5), was: null }]);
    const late = { ...address, record: record(2, 900_000, 7), was: record(1, 10, 5) };
    // A later fold moves the timer away and back, while the one of epoch 2 sleeps.
    await table.write(PLACE, [{ ...address, record: record(3, 10, 7), was: record(1, 10, 5) }]);
    await table.write(PLACE, [{ ...address, record: record(4, 10, 5), was: record(3, 10, 7) }]);
    expect(await table.write(PLACE, [late])).toEqual(['changed']);
    expect((await table.due(PLACE, 3, 'event-time', 5, 5)).keys).toHaveLength(1);
    expect((await table.read(PLACE, [address]))[0]?.epoch).toBe(4);
    expect((await sortsIn(name)).filter((sort) => sort.split('#').length > 6)).toEqual([]);
  });

  it('answers that are lost and throttling change nothing', async () => {
    const name = await newTable();
    const client = new DynamoDBClient(settings);
    const faults: Fault[] = ['answer lost', 'none', 'request lost', 'none', 'throttled', 'answer lost', 'none'];
    inject(client, 'PutItemCommand', faults);
    inject(client, 'DeleteItemCommand', ['answer lost', 'none']);
    inject(client, 'BatchGetItemCommand', ['throttled', 'request lost', 'none']);
    const table = new DynamoDbStateTable(client, name, clock);
    expect(await table.write(PLACE, [{ ...address, record: record(1, 10, 5), was: null }])).toEqual(['written']);
    expect(await table.write(PLACE, [{ ...address, record: record(2, 20, 7), was: record(1, 10, 5) }])).toEqual([
      'written',
    ]);
    expect((await table.read(PLACE, [address]))[0]).toEqual(record(2, 20, 7));
    expect(await table.due(PLACE, 3, 'event-time', 0, 100)).toMatchObject({ keys: [address.key], next: Infinity });
    expect(await sortsIn(name)).toHaveLength(3);
  });
});
