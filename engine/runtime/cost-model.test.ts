import { expect, test } from 'vitest';
import { jobCosts, type Around, type EpochUse, type PriceList } from './cost-model.ts';

const price = (usd: number, per = 1) => ({ service: 's', what: 'w', usd, per, source: 'page', checked: 'no' });
const free = price(0);
const list: PriceList = {
  region: 'r',
  date: 'd',
  prices: {
    lambdaGbSeconds: price(10, 1000),
    lambdaRequests: price(1, 10),
    writeUnits: price(2, 100),
    readUnits: free,
    tableGbMonths: price(0.25),
    putRequests: free,
    getRequests: free,
    bucketGbMonths: free,
    expressRequests: free,
    expressGbSeconds: free,
    standardTransitions: free,
    schedulerInvocations: price(0.001),
    logGb: price(0.5),
    metricMonths: { ...price(0.3), freePerMonth: 10 },
  },
};
const nothing: Around = {
  ticksPerHour: 0,
  metrics: 0,
  tableBytes: 0,
  bucketBytes: 0,
  idleTick: {},
  logBytesPerInvocation: 0,
};
const HOUR_MS = 3_600_000;
const epoch = (n: number, minutes: number, records: number, consumed?: EpochUse['consumed']): EpochUse => ({
  epoch: n,
  committedAt: 1_000 * HOUR_MS + minutes * 60_000,
  records,
  ...(consumed === undefined ? {} : { consumed }),
});

test('rates are those of the epochs after the oldest one that is kept', () => {
  // Newest first, as manifests are read.
  const epochs = [
    epoch(3, 30, 500, { writeUnits: 40 }),
    epoch(2, 20, 500, { writeUnits: 10, lambdaGbSeconds: 100 }),
    epoch(1, 0, 7_777, { writeUnits: 9_999 }),
  ];
  const costs = jobCosts(epochs, nothing, list)!;
  expect(costs.measured).toMatchObject({ epochs: 2, records: 1000, toMs: 1_000 * HOUR_MS + 1_800_000 });
  expect(costs.measured.recordsPerSecond).toBeCloseTo(1000 / 1800);
  // 50 units and 100 GB-s in half an hour.
  expect(costs.items.map(({ unitsPerHour, usdPerHour }) => [unitsPerHour, usdPerHour])).toEqual([
    [200, 2],
    [100, 2],
  ]);
  expect(costs).toMatchObject({ usdPerHour: 4, usdPerMonth: 4 * 730, usdPerMillionRecords: 2000 });
});

test('what is there anyway is added; an idle job pays for its ticks and for what it keeps', () => {
  const around: Around = {
    ticksPerHour: 60,
    metrics: 8,
    tableBytes: 4 * 1024 ** 3,
    bucketBytes: 0,
    idleTick: { lambdaRequests: 1 },
    logBytesPerInvocation: 1024 ** 3 / 100,
  };
  const costs = jobCosts([epoch(1, 0, 1), epoch(2, 60, 0, { lambdaRequests: 100 })], around, list)!;
  const monthly = (of: typeof costs.items): number[] =>
    of.map(({ usdPerMonth }) => Math.round(usdPerMonth * 100) / 100);
  // Lambda 100/h at 0.1, table 4 GB, ticks, logs 1 GB/h, metrics.
  expect(monthly(costs.items)).toEqual([7300, 1, 43.8, 365, 2.4]);
  expect(costs.usdPerMillionRecords).toBeNull();
  // Eight metrics are less than the ten that are free.
  expect(costs.usdPerMonthAlone).toBeCloseTo(costs.usdPerMonth - 2.4);
  expect(monthly(costs.idle.items)).toEqual([4380, 1, 43.8, 219]);
});

test('one epoch, or epochs that count nothing, have no rate', () => {
  expect(jobCosts([], nothing, list)).toBeNull();
  expect(jobCosts([epoch(1, 0, 1, { writeUnits: 1 })], nothing, list)).toBeNull();
  expect(jobCosts([epoch(1, 0, 1), epoch(2, 1, 1)], nothing, list)).toBeNull();
});
