import { expect, test } from 'vitest';
import { ConsumptionMeter, sumConsumption } from './consumption.ts';

test('sums unit by unit; where nobody says anything, there is nothing to say', () => {
  expect(sumConsumption([{ writeUnits: 1, lambdaGbSeconds: 0.1 }, undefined, { lambdaGbSeconds: 0.2 }])).toEqual({
    writeUnits: 1,
    lambdaGbSeconds: 0.3,
  });
  expect(sumConsumption([undefined, {}])).toEqual({});
  expect(sumConsumption([undefined, undefined])).toBeUndefined();
});

test('what was taken is not taken again', () => {
  const meter = new ConsumptionMeter();
  meter.add({ putRequests: 1 });
  meter.add({ putRequests: 2, getBytes: 10 });
  expect(meter.take()).toEqual({ putRequests: 3, getBytes: 10 });
  meter.add({ readUnits: 0.5 });
  expect(meter.take()).toEqual({ readUnits: 0.5 });
  expect(meter.take()).toEqual({});
});
