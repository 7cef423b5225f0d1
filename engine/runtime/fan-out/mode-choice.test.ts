import { expect, it } from 'vitest';
import { ModeChoice } from './mode-choice.ts';

const INTERVAL_MS = 1000;
function run(
  choice: ModeChoice,
  epochs: number,
  rateOf: (fannedOut: boolean) => number,
  tookMs = INTERVAL_MS,
): boolean[] {
  return Array.from({ length: epochs }, () => {
    const fannedOut = choice.fanOut;
    choice.note({ fannedOut, rows: rateOf(fannedOut) * tookMs, tookMs, intervalMs: INTERVAL_MS, ended: false });
    return fannedOut;
  });
}

it('stays fused while epochs have time to spare', () => {
  expect(run(new ModeChoice(), 100, () => 1, 400)).not.toContain(true);
});

it('fans out under a backlog, and stays so while it is faster', () => {
  const modes = run(new ModeChoice(), 50, (fannedOut) => (fannedOut ? 1.5 : 1));
  expect(modes.indexOf(true)).toBe(3);
  expect(modes.slice(3)).not.toContain(false);
});

it('goes back where fanning out gains nothing, and does not try again soon', () => {
  const modes = run(new ModeChoice(), 60, (fannedOut) => (fannedOut ? 1.05 : 1));
  expect(modes.filter(Boolean)).toHaveLength(5);
  expect(modes.slice(8)).not.toContain(true);
});

it('goes back when the backlog is gone', () => {
  const choice = new ModeChoice();
  run(choice, 10, (fannedOut) => (fannedOut ? 2 : 1));
  expect(choice.fanOut).toBe(true);
  run(choice, 2, () => 2, 100);
  expect(choice.fanOut).toBe(false);
});
