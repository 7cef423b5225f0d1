import { expect, it } from 'vitest';
import { ModeChoice, type EpochFacts } from './mode-choice.ts';

const INTERVAL_MS = 1000;
/** The widths of so many epochs, which read `rateOf` their width. */
function run(
  choice: ModeChoice,
  epochs: number,
  rateOf: (width: number) => number,
  facts: Partial<EpochFacts> = {},
): number[] {
  return Array.from({ length: epochs }, () => {
    const { width } = choice;
    const tookMs = facts.tookMs ?? INTERVAL_MS;
    choice.note({
      width,
      rows: rateOf(width) * tookMs,
      tookMs,
      intervalMs: INTERVAL_MS,
      ended: false,
      epochsLeft: null,
      ...facts,
    });
    return width;
  });
}

it('stays fused while epochs have time to spare, or have hardly anything left', () => {
  expect(new Set(run(new ModeChoice(8), 100, () => 1, { tookMs: 400 }))).toEqual(new Set([1]));
  expect(new Set(run(new ModeChoice(8), 100, () => 1, { epochsLeft: 1.5 }))).toEqual(new Set([1]));
  expect(new Set(run(new ModeChoice(1), 100, () => 1))).toEqual(new Set([1]));
});

it('fans out under a backlog, step by step up to the parallelism, and stays so while it is faster', () => {
  const widths = run(new ModeChoice(6), 60, (width) => width, { epochsLeft: 50 });
  expect(widths.indexOf(2)).toBe(3);
  expect([...new Set(widths)]).toEqual([1, 2, 4, 6]);
  expect(widths).toEqual(widths.toSorted((a, b) => a - b));
});

it('goes back where fanning out gains nothing, and does not try again soon', () => {
  const widths = run(new ModeChoice(2), 60, (width) => (width > 1 ? 1.05 : 1));
  expect(widths.filter((width) => width > 1)).toHaveLength(5);
  expect(widths.slice(8)).not.toContain(2);
});

it('stops where a step more gains nothing', () => {
  const widths = run(new ModeChoice(8), 60, (width) => Math.min(2, width));
  expect(widths.filter((width) => width === 4)).toHaveLength(5);
  expect(widths.at(-1)).toBe(2);
  expect(widths).not.toContain(8);
});

it('goes back step by step as the backlog goes', () => {
  const choice = new ModeChoice(4);
  run(choice, 20, (width) => width);
  expect(choice.width).toBe(4);
  expect(run(choice, 6, () => 2, { tookMs: 100 })).toEqual([4, 4, 2, 2, 1, 1]);
});
