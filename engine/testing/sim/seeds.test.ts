/** A few hundred simulated runs, a few mutants, and for ever every seed that has found a bug. `npm run sim` runs as many as you like. */
import { describe, expect, test } from 'vitest';
import { garbage } from '../../checkpoint/garbage.ts';
import { firstHead } from '../../checkpoint/head-moves.ts';
import { planKey } from '../../checkpoint/item-keys.ts';
import { epoch, generation, runId, wallTimeMs } from '../../model/ids.ts';
import { MAX_WATERMARK } from '../../model/watermark.ts';
import { stageWatermark } from '../../runtime/stage-watermark.ts';
import type { GraphSpec } from './graph-spec.ts';
import { MUTANTS } from './mutants.ts';
import { shrink } from './shrink.ts';
import { simulate } from './simulate.ts';

interface Found {
  readonly seeds: readonly number[];
  readonly what: string;
  /** What the seed drew beyond a plain graph: it stays, whatever else is drawn one day. */
  readonly graph?: Partial<GraphSpec>;
}

/** Each broke a law before what it found was mended. */
const FOUND: readonly Found[] = [
  {
    seeds: [107, 2185],
    what: "a batch of which every record was on the skip list left another split's watermark on this one: too high, so later records were late",
  },
  {
    seeds: [839, 1248, 1809, 2549],
    what: 'a plan that was written and not taken before a stop, cancellation or finish was never swept',
  },
  {
    seeds: [293, 793, 1491],
    what: 'some splits had ended and all others were idle: the watermark went to its end, and rows of the idle ones were lost',
  },
  {
    seeds: [300506],
    what: 'the ack of another attempt at a plan that had been extended in memory: the job finished without a split that had appeared since',
  },
  {
    seeds: [1382, 1581, 2407],
    what: 'the order of dead letters depended on how many records were read at once, and on which split came first',
  },
  {
    seeds: [161],
    what: 'fanned out, a worker without splits of an unbounded source said that the source had not ended: the job never finished',
  },
  {
    seeds: [198],
    what: 'an epoch that raised the watermark and changed no state left another cache looking valid: a window fired twice',
  },
  {
    seeds: [6706],
    what: 'fanned out, a new split moved others to other workers, and the old ones went on reading them as well',
  },
  {
    seeds: [20994],
    what: 'a split ended while the others were idle: its rows had raised the watermark in memory beyond the one that was recorded',
  },
  {
    seeds: [3761],
    what: "a subtask that ran again was thought to have answered differently, for how its rows were cut into batches showed in a channel's watermark",
  },
  {
    seeds: [433],
    what: 'a split that alignment had held was idle when its epoch was run again along the recorded ranges',
    graph: {
      main: { kind: 'interval-join', other: 'odd', lowerMs: -100, upperMs: -100, late: false },
      alignMs: 300,
      parallelism: 2,
    },
  },
  {
    seeds: [978],
    what: 'the log of windows with state of their own could not be folded: their sub keys held null',
    graph: {
      main: { kind: 'co-count', other: 'source' },
      second: { kind: 'window-join', other: 'odd', windows: { by: 'sliding', sizeMs: 100, slideMs: 20, offsetMs: 0 } },
      post: [],
      strategy: 'drowsy',
    },
  },
];

describe('seeds that found something', () => {
  for (const { seeds, what, graph = {} } of FOUND) {
    for (const seed of seeds)
      test(`${seed}: ${what}`, async () => {
        const change = (spec: GraphSpec): GraphSpec => ({ ...spec, ...graph });
        expect((await simulate(seed, { graphs: 'plain', change })).broken).toBeNull();
      });
  }

  test('the end of some splits is not the end of time while others are idle', () => {
    const ended = { kind: 'ended', watermark: 8 } as const;
    expect(stageWatermark(7, [ended, { kind: 'idle' }])).toBe(8);
    expect(stageWatermark(9, [ended, { kind: 'idle' }])).toBe(9);
    expect(stageWatermark(7, [{ kind: 'idle' }])).toBe(7);
    expect(stageWatermark(7, [ended, { kind: 'open', watermark: 9 }])).toBe(9);
    expect(stageWatermark(7, [ended, ended])).toBe(MAX_WATERMARK);
  });

  test('a plan that nobody has taken is garbage once the lease is released, and not before', () => {
    const lease = { owner: 'o', ttlMs: 1, session: 's' };
    const head = firstHead('j', runId('r'), wallTimeMs(0), lease);
    const keys = [1, 2, 3].map((n) => planKey(epoch(1), generation(head.generation + n), 's'));
    const swept = (of: typeof head): readonly string[] =>
      garbage({ head: of, manifest: null, folded: null, plan: null }, keys, []).items;
    expect(swept(head)).toEqual([]);
    expect(swept({ ...head, lease: null })).toEqual(keys.slice(0, 1));
  });
});

test('20075: an idle driver had renewed the clock, and another one committed the plan as it was written', async () => {
  expect((await simulate(20075)).broken).toBeNull();
});

test('300 runs break no law', async () => {
  const broken: string[] = [];
  const ends = new Set<string>();
  let faults = 0;
  let resumes = 0;
  let adopted = 0;
  for (let seed = 10_001; seed <= 10_300; seed++) {
    const result = await simulate(seed);
    ends.add(result.end);
    faults += result.faults.length;
    resumes += result.resumes;
    adopted += result.adopted;
    if (result.broken !== null) broken.push(`seed ${seed}: ${result.broken}`);
  }
  expect(broken).toEqual([]);
  expect([...ends].sort()).toEqual(['deleted', 'finished', 'question']);
  expect(faults).toBeGreaterThan(1000);
  expect(resumes).toBeGreaterThan(500);
  expect(adopted).toBeGreaterThan(100);
}, 60_000);

test('the same seed is the same run', async () => {
  const traceOf = async (seed: number): Promise<string[]> => {
    const lines: string[] = [];
    await simulate(seed, { trace: (line) => lines.push(line) });
    return lines;
  };
  for (const seed of [16, 19, 220]) expect(await traceOf(seed)).toEqual(await traceOf(seed));
});

describe('a guard that is switched off is noticed', () => {
  test.for([
    ['commit-unconditional', 16],
    ['first-ack-does-not-win', 19],
    ['sweep-of-the-undecided', 15],
    ['marker-outside-transaction', 9],
    ['stale-cache', 112],
    ['done-for-another', 1],
    ['fold-drops-later-log', 22],
    ['sweep-of-adoptable-folds', 71],
    ['fold-without-tombstones', 9],
    ['broadcast-state-lost', 24],
    ['requests-not-awaited', 42],
    ['inputs-confused', 29],
    ['trigger-state-lost-at-restore', 71],
  ] as const)('%s', async ([name, first]) => {
    const mutant = MUTANTS.find((m) => m.name === name)!;
    let caught: string | null = null;
    for (let seed = first; caught === null && seed < first + 400; seed++)
      caught = (await simulate(seed, { mutant })).broken;
    expect(caught).not.toBeNull();
  });
});

test('a failing run is shrunk, and still fails', async () => {
  const mutant = MUTANTS.find((m) => m.name === 'marker-ignored')!;
  const { result, options } = await shrink(9, mutant, 100);
  const whole = await simulate(9, { mutant });
  expect(result.broken).not.toBeNull();
  expect(result.faults.length + result.records).toBeLessThan(whole.faults.length + whole.records);
  expect((await simulate(9, options)).broken).toBe(result.broken);
});
