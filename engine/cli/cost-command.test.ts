/** `millrace cost` over what is stored: manifests that count what they used, as a deployed job writes them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeHead } from '../checkpoint/head-moves.ts';
import { manifestKey } from '../checkpoint/item-keys.ts';
import type { Head, Manifest } from '../checkpoint/records.ts';
import { DiskStateStore } from '../embedded/disk-state-store.ts';
import type { Consumption } from '../model/consumption.ts';
import type { Epoch, Generation, RunId, WallTimeMs } from '../model/ids.ts';
import { packRecord } from '../runtime/packed-record.ts';
import { millrace } from './cli-fixture.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-cost-'));
});
afterAll(() => rm(folder, { recursive: true }));

const BEGAN_MS = Date.UTC(2026, 10, 22, 12);

/** Epochs of 10 seconds with 1,000 records. */
async function stored(name: string, epochs: number, consumed?: Consumption): Promise<string> {
  const stateDir = join(folder, name);
  const store = new DiskStateStore(join(stateDir, 'state'));
  const keyOf = (n: number): string => manifestKey(n as Epoch, n as Generation);
  for (let n = 1; n <= epochs; n++) {
    const manifest: Manifest = {
      format: 1,
      job: name,
      run: 'r1' as RunId,
      epoch: n as Epoch,
      generation: n as Generation,
      clock: (BEGAN_MS + n * 10_000) as WallTimeMs,
      graphHash: 'h',
      base: n === 1 ? null : keyOf(n - 1),
      ranges: [],
      watermarks: {},
      state: { base: null, log: [] },
      staged: [],
      skipped: [],
      counts: { recordsIn: 1000 },
      totals: {},
      nextTimers: { eventTime: null, processingTime: null },
      keys: {},
      attempts: 1,
      committedAt: (BEGAN_MS + n * 10_000) as WallTimeMs,
      ended: false,
      ...(consumed === undefined ? {} : { consumed }),
    };
    await store.createItem(name, keyOf(n), packRecord(manifest));
  }
  const head: Head = {
    format: 1,
    job: name,
    run: 'r1' as RunId,
    generation: epochs as Generation,
    epoch: epochs as Epoch,
    manifest: keyOf(epochs),
    folded: null,
    clock: BEGAN_MS as WallTimeMs,
    phase: { kind: 'published' },
    lease: null,
  };
  await store.casHead(name, 0, encodeHead(head));
  return stateDir;
}

/** A dollar's worth each, or so. */
const USED: Consumption = { lambdaGbSeconds: 0.3, lambdaRequests: 1, writeUnits: 15, expressGbSeconds: 0.625 };

it('says what was measured, item by item, a month of it, an idle month, and where the prices are from', async () => {
  const { code, out } = await millrace(['cost', 'costly', '--state', await stored('costly', 7, USED)]);
  expect(code).toBe(0);
  expect(out).toContain('us-east-1, 2026-11-22');
  expect(out).toMatch(/the 6 epochs from .* to .* \(60\.0 s\): 6,000 records, 100 a second/);
  // 0.3 GB-s every 10 seconds: 78,840 in 730 hours, at $13.3334 a million.
  expect(out).toMatch(/Lambda: GB-seconds \(arm64\) +108\/h +\$0\.001440\/h +\$1\.05\/month/);
  expect(out).toMatch(/DynamoDB: write request units .* \$2\.46\/month/);
  expect(out).toMatch(/Step Functions: Express GB-seconds .* \$2\.74\/month/);
  expect(out).toMatch(/per million records: \$0\.0\d{3}/);
  expect(out).toMatch(/Idle: a tick a minute[^]*in all/);
  expect(out).toContain('Apart: Kafka');
  expect(out).toContain('https://aws.amazon.com/dynamodb/pricing/');
});

it('as JSON it is the same, with the prices it used', async () => {
  const args = ['cost', 'json', '--json', '--state', await stored('json', 3, USED)];
  const costs = JSON.parse((await millrace(args)).out) as Record<string, never>;
  expect(costs).toMatchObject({
    job: 'json',
    measured: { epochs: 2, records: 2000, recordsPerSecond: 100 },
    prices: { region: 'us-east-1', file: null, prices: { writeUnits: { usd: 0.625, per: 1_000_000 } } },
  });
});

it('takes prices of its own, by the unit', async () => {
  const prices = join(folder, 'prices.json');
  const own = { region: 'eu-north-1', date: '2027-01-01', prices: { writeUnits: { usd: 1000, per: 1, source: 'x' } } };
  await writeFile(prices, JSON.stringify(own));
  const args = ['cost', 'own', '--prices', prices, '--state', await stored('own', 2, USED)];
  const { out } = await millrace(args);
  expect(out).toContain('eu-north-1, 2027-01-01');
  expect(out).toMatch(/DynamoDB: write request units .* \$3942000000\.00\/month/);
  expect(out).toMatch(/Express GB-seconds .* \$2\.74\/month/);
});

it('refuses a price file that it cannot use, and says what one looks like', async () => {
  const stateDir = await stored('refusing', 2, USED);
  for (const [text, why] of [
    ['{', 'JSON'],
    ['{}', 'region, date and prices are needed'],
    ['{"region":"r","date":"d","prices":{"beer":{}}}', '"beer" is nothing that is priced'],
    ['{"region":"r","date":"d","prices":{"writeUnits":{"usd":-1,"per":1,"source":"x"}}}', 'needs usd, per and source'],
  ] as const) {
    const prices = join(folder, 'bad.json');
    await writeFile(prices, text);
    const { code, err } = await millrace(['cost', 'refusing', '--prices', prices, '--state', stateDir]);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
  }
});

it('has nothing to say of a job that ran embedded, that has one epoch, or that is not there', async () => {
  const said = async (name: string, stateDir: string): Promise<string> => {
    const { code, err } = await millrace(['cost', name, '--state', stateDir]);
    expect(code).toBe(2);
    return err;
  };
  expect(await said('embedded', await stored('embedded', 3))).toContain('it ran embedded');
  expect(await said('young', await stored('young', 1, USED))).toContain('has committed 1 epoch since');
  expect(await said('nobody', join(folder, 'young'))).toContain('It holds: young');
});
