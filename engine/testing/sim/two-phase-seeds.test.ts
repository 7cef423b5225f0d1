/** The simulator with every sink committing in two phases, in a target where requests are lost, repeated and late. */
import { describe, expect, test } from 'vitest';
import type { Profile } from './faults.ts';
import type { GraphSpec } from './graph-spec.ts';
import { twoPhaseMutants } from './mutants-of-two-phase.ts';
import { simulate, type SimOptions } from './simulate.ts';

/** Few operators and many faults: most of what happens is publishing. */
const change = ({ input, ...spec }: GraphSpec): GraphSpec => ({
  ...spec,
  input: { ...input, badRate: 0, records: 6 },
  pre: [],
  main: null,
  post: [],
  second: null,
  letters: false,
  keyedLetters: false,
  poison: 0,
  raw: true,
  sink: 'two-phase',
  sideSink: 'two-phase',
});
const profile: Profile = { crash: 0.008, error: 0.01, unknown: 0.05, pause: 0.01, slow: 0, peers: 0, untilMs: 6000 };
const options: SimOptions = { change, profile, graphs: 'plain' };

test('150 runs break no law', async () => {
  const broken: string[] = [];
  const ends = new Set<string>();
  const faulty = new Map<string, number>();
  for (let seed = 50_001; seed <= 50_150; seed++) {
    const result = await simulate(seed, options);
    ends.add(result.end);
    for (const { name } of result.faults) {
      const call = /two-phase\.\w+/.exec(name)?.[0];
      if (call !== undefined) faulty.set(call, (faulty.get(call) ?? 0) + 1);
    }
    if (result.broken !== null) broken.push(`seed ${seed}: ${result.broken}`);
  }
  expect(broken).toEqual([]);
  expect([...ends].sort()).toEqual(['deleted', 'finished']);
  for (const call of ['prepare', 'commit', 'abort']) expect(faulty.get(`two-phase.${call}`) ?? 0).toBeGreaterThan(3);
}, 60_000);

describe('a guard that is switched off is noticed', () => {
  test.for(twoPhaseMutants.map((mutant) => [mutant.name, mutant] as const))('%s', async ([, mutant]) => {
    let caught: string | null = null;
    for (let seed = 1; caught === null && seed < 400; seed++)
      caught = (await simulate(seed, { ...options, mutant })).broken;
    expect(caught).toMatch(/twice/);
  });
});
