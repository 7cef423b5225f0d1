/** The repository's jobs with only their settings changed: from Kafka to Kafka, with the results of the embedded runs. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KafkaClient } from '../../engine/connectors/kafka/client/kafka-client.ts';
import { openKafkaClient } from '../../engine/connectors/kafka/client/open-kafka-client.ts';
import { connectionOfProperties } from '../../engine/connectors/kafka/connection-properties.ts';
import { DEAD_LETTER_HEADERS } from '../../engine/connectors/kafka/index.ts';
import type { DeadLetter } from '../../engine/index.ts';
import type { AirportHourRow } from '../../functions/airport-hour.ts';
import { finalRows, readRows } from '../../functions/flight-report.ts';
import { DELAYS_TABLE, job as flightDelays } from '../../functions/flight-delays.ts';
import { job as hourlyRevenue } from '../../functions/hourly-revenue.ts';
import { delayRow } from '../jdbc/delay-row.ts';
import { useServer } from '../servers/index.ts';
import { readCommitted } from './independent-reader.ts';
import { linesOfFile, loadCommand, loadTopic, orderLines } from './load-topic.ts';

const FLIGHTS = 'functions/data/jan-departures.jsonl.gz';
const ORDERS = 20_000;

let bootstrapServers = '';
let client: KafkaClient;
let folder = '';

beforeAll(async () => {
  bootstrapServers = (await useServer('kafka')).settings['bootstrapServers']!;
  client = await openKafkaClient(connectionOfProperties({ 'bootstrap.servers': bootstrapServers }).connection);
  folder = await mkdtemp(join(tmpdir(), 'kafka-jobs-'));
});
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

const newName = (of: string): string => `${of}-${randomUUID().slice(0, 8)}`;
const sorted = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).toSorted();

async function run(
  job: typeof flightDelays,
  settings: Readonly<Record<string, string>>,
  parallelism: number,
): Promise<void> {
  const env = job.instantiate(settings);
  env.setParallelism(parallelism);
  env.getCheckpointConfig().setCheckpointStorage(join(folder, newName('state')));
  await env.execute();
}

const jsonRows = async (topic: string): Promise<unknown[]> =>
  (await readCommitted(bootstrapServers, topic)).map(({ value }) => JSON.parse(value!) as unknown);

describe('flight-delays', () => {
  const sinks = ['delays', 'sessions', 'late', 'dead-letters'] as const;
  const kafka = () => ({ source: 'kafka', sink: 'kafka', bootstrapServers, inputTopic });
  let inputTopic = '';
  let output = '';
  let written = 0;

  beforeAll(async () => {
    inputTopic = newName('departures');
    output = join(folder, 'flights');
    const topic = { topic: inputTopic, lines: linesOfFile(FLIGHTS), partitions: 1, key: null };
    written = await loadTopic(client, topic);
    await run(flightDelays, { input: FLIGHTS, output }, 2);
  });

  test('writes to topics what it writes to files, dead letters with their context', async () => {
    expect(written).toBe(27_003);
    const outputTopic = newName('flight-delays');
    for (const sink of sinks) await client.createTopic(`${outputTopic}-${sink}`, 3, 1, {});
    await run(flightDelays, { ...kafka(), outputTopic }, 2);

    for (const sink of ['delays', 'sessions', 'late'] as const) {
      const expected = sorted(await readRows(join(output, sink)));
      expect(expected.length).toBeGreaterThan(5);
      expect(sorted(await jsonRows(`${outputTopic}-${sink}`)), sink).toEqual(expected);
    }
    const letters = await readCommitted(bootstrapServers, `${outputTopic}-dead-letters`);
    const fromFiles = await readRows<DeadLetter>(join(output, 'dead-letters'));
    const told = (letter: { operator: string; error: string }) => `${letter.operator}: ${letter.error}`;
    const names = DEAD_LETTER_HEADERS;
    expect(
      letters
        .map(({ headers }) => told({ operator: headers[names.operator]!, error: headers[names.error]! }))
        .toSorted(),
    ).toEqual(fromFiles.map(told).toSorted());
    for (const { headers, value } of letters) {
      expect(headers).toMatchObject({ [names.job]: 'flight-delays', [names.split]: `departures/${inputTopic}-0` });
      expect(headers[names.position]).toMatch(/^\d+$/);
      expect(Date.parse(headers[names.time]!)).toBeGreaterThan(Date.now() - 600_000);
      expect(value).not.toBe('');
    }
    expect((await client.listTransactions()).filter(({ state }) => state === 'Ongoing')).toEqual([]);
  });

  test('keeps the final row of each hour in a table, the rest in topics', async () => {
    const { settings } = await useServer('postgres');
    const delaysTable = newName('delays').replace('-', '_');
    const database = new Client(
      settings['url']!.replace('jdbc:', '').replace('//', `//${settings['user']}:${settings['password']}@`),
    );
    await database.connect();
    try {
      await database.query(`CREATE TABLE ${delaysTable} ${DELAYS_TABLE}`);
      const outputTopic = newName('beside-a-table');
      for (const sink of sinks.slice(1)) await client.createTopic(`${outputTopic}-${sink}`, 3, 1, {});
      const { url, user, password } = settings;
      const jdbc = { sink: 'kafka+jdbc', jdbcUrl: url!, jdbcUser: user!, jdbcPassword: password!, delaysTable };
      await run(flightDelays, { ...kafka(), ...jdbc, outputTopic, epochMs: '50' }, 2);

      const { rows } = await database.query<Record<string, unknown>>(`SELECT * FROM ${delaysTable}`);
      const expected = finalRows(await readRows<AirportHourRow>(join(output, 'delays')));
      expect(sorted(rows.map(delayRow))).toEqual(sorted(expected));
      for (const sink of ['sessions', 'late'])
        expect(sorted(await jsonRows(`${outputTopic}-${sink}`)), sink).toEqual(
          sorted(await readRows(join(output, sink))),
        );
    } finally {
      await database.end();
    }
  });
});

describe('hourly-revenue', () => {
  test('sums the same orders from four partitions', async () => {
    const inputTopic = newName('orders');
    const outputTopic = newName('revenue');
    await loadTopic(client, { topic: inputTopic, lines: orderLines(ORDERS), partitions: 4, key: 'order_id' });
    await client.createTopic(outputTopic, 2, 1, {});
    const output = join(folder, 'revenue');
    await run(hourlyRevenue, { orders: String(ORDERS), output }, 1);
    const kafka = { source: 'kafka', sink: 'kafka', bootstrapServers, inputTopic, outputTopic };
    await run(hourlyRevenue, kafka, 4);
    const expected = sorted(await readRows(output));
    expect(expected.length).toBeGreaterThan(1000);
    expect(sorted(await jsonRows(outputTopic))).toEqual(expected);
  });
});

test('the load command makes a topic and says what it wrote, or how to use it', async () => {
  const topic = newName('loaded');
  const args = ['kafka', topic, '--orders', '25', '--partitions', '2', '--key', 'customer_id'];
  expect(await loadCommand(args, bootstrapServers)).toBe(`${topic}: 25 records written`);
  expect(await readCommitted(bootstrapServers, topic)).toHaveLength(25);
  await expect(loadCommand(['kafka', topic], bootstrapServers)).rejects.toThrow(
    'npm run local -- load kafka TOPIC FILE',
  );
  await expect(loadCommand(['kafka', topic, 'x.jsonl'], null)).rejects.toThrow('npm run local -- up kafka');
});
