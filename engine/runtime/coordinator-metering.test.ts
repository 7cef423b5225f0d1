/** What a coordinator that counts what it uses writes down, and what one that is stopped after every epoch leaves alone. */
import { expect, test } from 'vitest';
import type { Manifest } from '../checkpoint/records.ts';
import { ConsumptionMeter, sumConsumption } from '../model/consumption.ts';
import { newWorld, optionsOf, storesOf, upTo } from './coordinator-kit.ts';
import { runJob } from './coordinator.ts';

test('a manifest has what was used since the commit before, and nothing is counted twice', async () => {
  const world = newWorld(upTo(10));
  const meter = new ConsumptionMeter();
  const { createItem, casHead } = world.states;
  world.states.createItem = (...of) => (meter.add({ writeUnits: 1 }), createItem.apply(world.states, of));
  world.states.casHead = (...of) => (meter.add({ writeUnits: 10 }), casHead.apply(world.states, of));
  const manifests: Manifest[] = [];
  const consumed = (): ReturnType<typeof meter.take> => meter.take();
  await runJob(optionsOf(world, { bounded: true }, {}, { consumed, onEpoch: (m) => manifests.push(m) }));
  const used = manifests.map((manifest) => manifest.consumed);
  // Claim, stamp, plan, ack; then the manifest and the commit before, and the next plan and its swap.
  expect(used).toEqual([{ writeUnits: 32 }, { writeUnits: 23 }, { writeUnits: 23 }, { writeUnits: 23 }]);
  const rest = meter.take();
  expect(sumConsumption([...used, rest])!.writeUnits).toBe(world.states.casCount * 10 + world.states.creates);
});

test('nobody counts: the manifest says nothing', async () => {
  const world = newWorld(upTo(3));
  const manifests: Manifest[] = [];
  await runJob(optionsOf(world, { bounded: true }, {}, { onEpoch: (m) => manifests.push(m) }));
  expect(manifests.every((manifest) => !('consumed' in manifest))).toBe(true);
});

test('a stop sweeps, unless it is told that others do', async () => {
  for (const sweeps of [true, false]) {
    const world = newWorld(upTo(100));
    const asked: unknown[] = [];
    const stop = new AbortController();
    const sweepsOnStop = (epochs: { readonly from: number; readonly to: number }): boolean => {
      asked.push(epochs);
      return sweeps;
    };
    const options = optionsOf(world, {}, { maxRows: 1, sweepsOnStop }, { stop: stop.signal });
    let epochs = 0;
    options.onEpoch = () => void (++epochs === 3 && stop.abort());
    expect(await runJob(options)).toEqual({ kind: 'stopped', epochs: 3 });
    expect(asked).toEqual([{ from: 0, to: 3 }]);
    const { items } = await storesOf(world);
    expect(items.filter((key) => key.startsWith('ack/')).length).toBe(sweeps ? 0 : 3);
  }
});
